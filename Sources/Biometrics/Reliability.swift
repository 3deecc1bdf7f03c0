#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// The people are halved by the seed. The calibration of one half is learnt from the comparisons among the other half's people, so no
// person is judged by what they taught; comparisons across the halves are left out. Of each comparison judged
//
//     p = 1 / (1 + e^−(LLR + ln(n_same / n_different)))      the probability of one person, at the share that the judged half has
//     e                                                      the rate that is estimated for different people (FalseAcceptEstimate)
//
// Reliability is p in bins against the share of one person in each; the bound is e against the share of different people whose e is as low.
//
// Edge rules: bins without a comparison are left out. Intervals are Clopper and Pearson's, 95 %, and take comparisons as independent; those
// that share a person are not, so that true intervals are wider.
// References: Murphy and Winkler, "Reliability of subjective probability forecasts", 1977; van Leeuwen and Brümmer, 2007.

/// Whether calibrated scores mean what they say about people from whom the calibration was not learnt.
public struct Reliability: Sendable, Codable, Equatable {
    /// Comparisons that were said to be about as probable.
    public struct Bin: Sendable, Codable, Equatable {
        /// Mean estimated probability, 0…1.
        public var estimated: Double
        /// Share that came true, 0…1, with its interval.
        public var observed: Double
        public var lower: Double
        public var upper: Double
        public var count: Int

        public init(estimated: Double, observed: Double, lower: Double, upper: Double, count: Int) {
            self.estimated = estimated
            self.observed = observed
            self.lower = lower
            self.upper = upper
            self.count = count
        }
    }

    /// Bins of equal width over the probability of one person, ascending.
    public var bins: [Bin]
    /// Bounds on false accepts of one comparison, from 1 downwards in half decades as far as there are comparisons to show them.
    public var falseAccepts: [Bin]
    /// Of the judged comparisons, in bits: 0 perfect, 1 says nothing.
    public var cllr: Double
    public var sameCount: Int
    public var differentCount: Int

    public static let binCount = 10

    /// - Parameter trials: with their people.
    /// - Throws: where people are not known, or a half lacks one kind of comparison.
    public init(_ trials: ScoredTrials, seed: UInt64) throws(MetricError) {
        guard let people = trials.people else { throw .empty(metric: "reliability", needs: "to know whom each comparison is of") }
        var generator = SeededGenerator(seed: seed)
        let everybody = Array(0..<trials.personCount)
        let first = Set(generator.sample(everybody.count / 2, of: everybody))
        var halves: [ScoredTrials] = []
        for isFirst in [true, false] {
            let chosen = trials.scores.indices.filter { index in
                first.contains(Int(people[index].x)) == isFirst && first.contains(Int(people[index].y)) == isFirst
            }
            halves.append(try ScoredTrials(scores: chosen.map { trials.scores[$0] }, isSame: chosen.map { trials.isSame[$0] }))
        }
        var judged: [(probability: Double, isSame: Bool)] = [], bounds: [Double] = [], cost = 0.0
        for (half, other) in [(halves[0], halves[1]), (halves[1], halves[0])] {
            let estimate = FalseAcceptEstimate(fitting: other), calibration = estimate.calibration
            cost += LogLikelihoodRatioCost.cost(half, calibration: calibration) / 2
            let prior = log(Double(half.sameCount) / Double(half.count - half.sameCount))
            for (score, isSame) in zip(half.scores, half.isSame) {
                let llr = calibration.logLikelihoodRatio(score)
                judged.append((1 / (1 + exp(-(llr + prior))), isSame))
                if !isSame { bounds.append(estimate.rate(score: score, people: 1)) }
            }
        }
        cllr = cost
        sameCount = judged.count { $0.isSame }
        differentCount = bounds.count
        bins = Self.bins(judged)
        falseAccepts = Self.falseAccepts(bounds)
    }

    private static func bins(_ judged: [(probability: Double, isSame: Bool)]) -> [Bin] {
        var sums = [Double](repeating: 0, count: binCount), counts = [Int](repeating: 0, count: binCount), same = counts
        for (probability, isSame) in judged {
            let bin = min(binCount - 1, Int(probability * Double(binCount)))
            sums[bin] += probability
            counts[bin] += 1
            if isSame { same[bin] += 1 }
        }
        return (0..<binCount).filter { counts[$0] > 0 }.map { bin(estimated: sums[$0] / Double(counts[$0]), same[$0], of: counts[$0]) }
    }

    private static func falseAccepts(_ bounds: [Double]) -> [Bin] {
        let ascending = bounds.sorted()
        var result: [Bin] = [], exponent = 0
        while true {
            let bound = pow(10, -Double(exponent) / 2)
            guard exponent == 0 || bound * Double(ascending.count) >= 1 else { break }
            // Counted by bisection: how many bounds are as low as this one.
            var low = 0, high = ascending.count
            while low < high {
                let middle = (low + high) / 2
                if ascending[middle] <= bound { low = middle + 1 } else { high = middle }
            }
            result.append(bin(estimated: bound, low, of: ascending.count))
            exponent += 1
        }
        return result
    }

    private static func bin(estimated: Double, _ count: Int, of trials: Int) -> Bin {
        Bin(
            estimated: estimated, observed: Double(count) / Double(trials), lower: BinomialBound.lower(count, of: trials, confidence: 0.975),
            upper: BinomialBound.upper(count, of: trials, confidence: 0.975), count: trials)
    }
}
