#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// rate(s, N) = min(1, N · bound(s)), for N people by the union bound, with, of one comparison,
//
//     bound(s) = upper₉₅(those of the n comparisons of different people that reach s, n)     where the comparisons are known (BinomialBound)
//     bound(s) = max(e^−LLR(s), 3/n)                                                         where only the calibration is
//
// The second is Markov's inequality: for likelihood ratios that are calibrated, E[LR | different people] = ∫ p(s | same) = 1, and therefore
// P(LR ≥ r | different people) ≤ 1/r. Neither claims what n comparisons cannot show: 3/n is the 95 % bound of a rate of which n independent
// comparisons gave no event, and a logistic curve would go on in a straight line beyond its last comparison. Where the comparisons are known they
// count alone, because Markov's bound is loose where hardly anybody different comes near (it asked for thresholds of 0.85 where nobody of 23 people
// reached 0.55), and void where few comparisons far out, of siblings or of people enrolled twice, do not lie on the curve that all of them fit (of
// 298 people, eight times as many reached its threshold as it promised).
//
// Edge rules: a slope that is not positive says that scores mean nothing, and the estimate is 1. Comparisons that share people are not
// independent; the bounds are then those of fewer. Below the first step the bound is 1.
// References: Markov's bound for calibrated ratios: van Leeuwen and Brümmer, "An introduction to application-independent evaluation of
// speaker recognition systems", 2007; where to stop extrapolating: Vergeer, van Es, de Jongh, Alberink and Stoel, "Numerical likelihood
// ratios outputted by LR systems are often based on extrapolation", 2016; rule of three: Hanley and Lippman-Hand, 1983.

/// How probably somebody unknown reaches a score, by a calibration and by the comparisons that it was learnt from.
public struct FalseAcceptEstimate: Sendable, Hashable, Codable {
    /// Of the comparisons of different people at most a share of `bound`, 0…1 and with 95 % confidence, reaches `score`.
    public struct Step: Sendable, Hashable, Codable {
        public var score: Float
        public var bound: Double

        public init(score: Float, bound: Double) {
            self.score = score
            self.bound = bound
        }
    }

    public var calibration: ScoreCalibration
    /// Comparisons of different people that the calibration was learnt from, at least 1.
    public var impostors: Int
    /// Scores ascending, bounds descending; empty where the comparisons are not known.
    public var steps: [Step]

    /// Three events are expected where, at 95 %, none happening would surprise.
    public static let ruleOfThree = 3.0
    /// Bounds in ``steps`` within a factor of ten.
    static let stepsPerDecade = 4

    /// - Precondition: `impostors > 0`.
    public init(calibration: ScoreCalibration, impostors: Int, steps: [Step] = []) {
        precondition(impostors > 0, "\(impostors) comparisons")
        self.calibration = calibration
        self.impostors = impostors
        self.steps = steps.sorted { $0.score < $1.score }
    }

    /// Learns from comparisons with known truth; these must not be the ones that are judged afterwards. Scores of steps are rounded up to
    /// hundredths, so that no score of a single comparison can be read off them.
    public init(fitting trials: ScoredTrials) {
        let impostors = trials.scores(same: false)
        var steps: [Step] = [], power = 1
        while true {
            let bound = pow(10, -Double(power) / Double(Self.stepsPerDecade))
            guard let score = Self.score(bound: bound, impostors) else { break }
            if score != steps.last?.score { steps.append(Step(score: score, bound: bound)) } else { steps[steps.count - 1].bound = bound }
            power += 1
        }
        // The lowest bound that so many comparisons give lies between two of those.
        let least = BinomialBound.upper(0, of: impostors.count)
        if let score = Self.score(bound: least, impostors) {
            if score != steps.last?.score { steps.append(Step(score: score, bound: least)) } else { steps[steps.count - 1].bound = least }
        }
        self.init(calibration: ScoreCalibration(fitting: trials), impostors: impostors.count, steps: steps)
    }

    /// The lowest rate of one comparison that so many comparisons of different people can show.
    public static func leastRate(impostors: Int) -> Double { min(1, ruleOfThree / Double(max(impostors, 1))) }

    /// An upper estimate, 0…1, of how probably somebody who is none of `people` reaches this score with one of them.
    public func rate(score: Float, people: Int) -> Double {
        guard calibration.slope > 0 else { return 1 }
        return min(1, Double(people) * bound(score))
    }

    private func bound(_ score: Float) -> Double {
        guard !steps.isEmpty else { return max(exp(-calibration.logLikelihoodRatio(score)), Self.leastRate(impostors: impostors)) }
        var bound = 1.0
        for step in steps where step.score <= score { bound = step.bound }
        return bound
    }

    /// The lowest score whose ``rate(score:people:)`` is at most this; `nil` where no score's is.
    public func threshold(rate: Double, people: Int) -> Double? {
        // A rate that is just reached must not be refused for its last digit.
        let single = rate / Double(max(people, 1)) * (1 + 1e-12)
        guard calibration.slope > 0, single > 0 else { return nil }
        guard steps.isEmpty else { return steps.first { $0.bound <= single }.map { Double($0.score) } }
        guard Self.leastRate(impostors: impostors) <= single else { return nil }
        return (-log(single) - calibration.offset) / calibration.slope
    }

    /// The lowest score, in hundredths, that few enough different people reach; `nil` where even none would be too many.
    /// - Parameter impostors: scores, descending.
    private static func score(bound: Double, _ impostors: [Float]) -> Float? {
        guard BinomialBound.upper(0, of: impostors.count) <= bound else { return nil }
        // The most that may reach it, by bisection: the bound grows with their number.
        var low = 0, high = impostors.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if BinomialBound.upper(middle, of: impostors.count) <= bound { low = middle } else { high = middle }
        }
        // Above the highest score that must be refused.
        return Float((Double(impostors[low].nextUp) * 100).rounded(.up) / 100)
    }
}
