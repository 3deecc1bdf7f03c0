// θ*_b = θ(sample b), b = 1…B, each sample drawn with replacement; the interval is [quantile (1−level)/2, quantile (1+level)/2] of θ*.
//
// What is drawn are people, wherever people are known, because two comparisons that share a person are not independent: drawing
// comparisons one by one gives intervals that are too narrow (Bolle, Ratha and Pankanti 2004 measured by how much). With w_a the number of
// times that person a was drawn, a comparison of a with a counts w_a times and one of a with b counts w_a · w_b times (the vertex
// bootstrap of Snijders and Borgatti 1999 for data that are pairs; pairs of two copies of one person do not become impostors or
// genuine pairs anew). A measure that is a mean over samples counts each sample w_a times.
//
// Edge rules: people unknown: genuine and impostor comparisons are drawn separately, as many as there were of each. A draw on which
// the metric is undefined (no impostor pair in it) is left out and not counted in `replicates`; where fewer than half remain, or
// there are fewer than two people, there is no interval: `nil`, never a guess. Quantiles interpolate linearly (Hyndman and Fan's
// type 7, NumPy's default). Agreement of clusters with people (NMI, purity) rises when a person is repeated, whatever the clusters are worth,
// so its draws are moved to have the measured value as their mean, and cut to 0…1: only their spread is used. Each draw has a generator of its own, so the result depends on the seed and not on the number of cores.
// References: Efron and Tibshirani, 1993; Bolle, Ratha, Pankanti, "Error analysis of pattern recognition systems - the subsets
// bootstrap", CVIU 93, 2004; Snijders and Borgatti, "Non-parametric standard errors and tests for network statistics", 1999.

/// Where a value may lie that was measured on some people and not on all.
public struct ConfidenceInterval: Sendable, Hashable, Codable {
    public var lower: Double
    public var upper: Double
    /// For example 0.95.
    public var level: Double
    /// Draws that the interval rests on.
    public var replicates: Int
    /// What was drawn.
    public var unit: Unit

    public enum Unit: String, Sendable, Codable {
        case people, trials, samples
    }

    public init(lower: Double, upper: Double, level: Double, replicates: Int, unit: Unit) {
        self.lower = lower
        self.upper = upper
        self.level = level
        self.replicates = replicates
        self.unit = unit
    }
}

/// A measured value with the interval that it may lie in, where there is one.
public struct Estimate: Sendable, Hashable, Codable {
    public var value: Double
    public var interval: ConfidenceInterval?

    public init(_ value: Double, _ interval: ConfidenceInterval? = nil) {
        self.value = value
        self.interval = interval
    }
}

/// Intervals by drawing again from what was measured, seeded.
public struct Bootstrap: Sendable, Hashable, Codable {
    public var replicates: Int
    /// Between 0 and 1.
    public var level: Double
    public var seed: UInt64

    /// - Parameter replicates: draws; zero turns intervals off.
    public init(replicates: Int = 1000, level: Double = 0.95, seed: UInt64) {
        self.replicates = replicates
        self.level = level
        self.seed = seed
    }

    /// Metrics of a curve with their intervals, all from the same draws.
    /// - Parameter metrics: each of one curve; called from several threads at once.
    public func estimates(_ trials: ScoredTrials, _ metrics: [@Sendable (OperatingCurve) -> Double]) -> [Estimate] {
        let curve = OperatingCurve(trials)
        let byPeople = trials.people != nil && trials.personCount >= 2
        let kinds = byPeople ? [] : [true, false].map { kind in trials.isSame.indices.filter { trials.isSame[$0] == kind } }
        let drawn: [[Double]?] = concurrentMap(replicates) { replicate in
            var generator = SeededGenerator(seed: seed, stream: replicate)
            let resampled: OperatingCurve?
            if let people = trials.people, byPeople {
                let weights = Self.draw(trials.personCount, with: &generator)
                resampled = OperatingCurve(trials) { index in
                    let pair = people[index]
                    return Double(pair.x == pair.y ? weights[Int(pair.x)] : weights[Int(pair.x)] * weights[Int(pair.y)])
                }
            } else {
                var weights = [Int32](repeating: 0, count: trials.count)
                for kind in kinds { for _ in kind { weights[kind[generator.below(kind.count)]] += 1 } }
                resampled = OperatingCurve(trials) { Double(weights[$0]) }
            }
            return resampled.map { curve in metrics.map { $0(curve) } }
        }
        return metrics.indices.map { index in
            Estimate(metrics[index](curve), interval(drawn.map { $0?[index] }, unit: byPeople ? .people : .trials))
        }
    }

    /// The mean of values with its interval.
    /// - Parameters:
    ///   - values: one of each sample; at least one.
    ///   - people: who each sample is of; where `nil`, samples are drawn.
    public func mean(_ values: [Double], people: [String]?) throws(MetricError) -> Estimate {
        guard !values.isEmpty else { throw .empty(metric: "mean", needs: "at least one sample") }
        if let people, people.count != values.count { throw .countMismatch(what: "people of \(values.count) values", got: people.count, expected: values.count) }
        return estimate(people: people ?? values.indices.map(String.init), unit: people == nil ? .samples : .people) { weights in
            var sum = 0.0, total = 0.0
            for (value, weight) in zip(values, weights) {
                sum += value * weight
                total += weight
            }
            return total > 0 ? sum / total : nil
        } ?? Estimate(0)
    }

    /// Any metric of weighted samples with its interval; `nil` where the metric is undefined on the samples themselves.
    /// - Parameters:
    ///   - people: who each sample is of.
    ///   - isCentred: whether repeating people biases the metric, which is of 0…1, so that only the spread of the draws counts.
    ///   - metric: of one weight for each sample, `nil` where undefined; called from several threads at once.
    public func estimate(
        people: [String], unit: ConfidenceInterval.Unit = .people, isCentred: Bool = false, _ metric: @Sendable ([Double]) -> Double?
    ) -> Estimate? {
        guard let value = metric([Double](repeating: 1, count: people.count)) else { return nil }
        let labelling = Labelling(people)
        guard labelling.count >= 2 else { return Estimate(value) }
        let drawn: [Double?] = concurrentMap(replicates) { replicate in
            var generator = SeededGenerator(seed: seed, stream: replicate)
            let weights = Self.draw(labelling.count, with: &generator)
            return metric(labelling.numbers.map { Double(weights[Int($0)]) })
        }
        guard isCentred else { return Estimate(value, interval(drawn, unit: unit)) }
        let defined = drawn.compactMap { $0 }
        let shift = value - defined.reduce(0, +) / Double(max(1, defined.count))
        return Estimate(value, interval(drawn.map { $0.map { min(max($0 + shift, 0), 1) } }, unit: unit))
    }

    /// How often each of `count` is drawn in `count` draws.
    private static func draw(_ count: Int, with generator: inout SeededGenerator) -> [Int32] {
        var weights = [Int32](repeating: 0, count: count)
        for _ in 0..<count { weights[generator.below(count)] += 1 }
        return weights
    }

    private func interval(_ drawn: [Double?], unit: ConfidenceInterval.Unit) -> ConfidenceInterval? {
        let values = drawn.compactMap { $0 }.filter(\.isFinite).sorted()
        guard !values.isEmpty, values.count * 2 >= drawn.count else { return nil }
        return ConfidenceInterval(
            lower: Self.quantile((1 - level) / 2, of: values), upper: Self.quantile((1 + level) / 2, of: values), level: level,
            replicates: values.count, unit: unit)
    }

    /// - Parameter values: ascending, at least one.
    static func quantile(_ p: Double, of values: [Double]) -> Double {
        let position = p * Double(values.count - 1)
        let below = Int(position.rounded(.down)), above = min(below + 1, values.count - 1)
        return values[below] + (position - Double(below)) * (values[above] - values[below])
    }
}
