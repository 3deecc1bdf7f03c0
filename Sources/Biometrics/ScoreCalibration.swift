#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// LLR(s) = ln p(s | same) / p(s | different) ≈ a · s + b, with a, b least in
//   ½ mean_same ln(1 + e^−(as+b)) + ½ mean_different ln(1 + e^(as+b)) + ½ λ (aσ)²
// which is logistic regression with both kinds weighted equally (prior ½), σ the standard deviation of all scores.
//
// Edge rules: λ = 1e-6 keeps a finite where the kinds are separated and is invisible otherwise; equal scores give a = 0, b = 0: they say
// nothing. Solved by Newton's method with halved steps where one does not descend.
// References: Platt, "Probabilistic outputs for support vector machines", 1999; Brümmer and du Preez, "Application-independent evaluation
// of speaker detection", 2006 (FoCal, BOSARIS). Tested against scikit-learn's LogisticRegression.

/// Turns scores into log-likelihood ratios: 0 says nothing, +4.6 that the scores speak 100 : 1 for one person.
public struct ScoreCalibration: Sendable, Hashable, Codable {
    public var slope: Double
    public var offset: Double

    static let penalty = 1e-6

    public init(slope: Double, offset: Double) {
        self.slope = slope
        self.offset = offset
    }

    /// Learns from comparisons with known truth; these must not be the ones that are judged afterwards.
    public init(fitting trials: ScoredTrials) {
        let count = Double(trials.count)
        let mean = trials.scores.reduce(0) { $0 + Double($1) } / count
        let deviation = (trials.scores.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count).squareRoot()
        guard deviation > 0 else {
            self.init(slope: 0, offset: 0)
            return
        }
        let x = trials.scores.map { (Double($0) - mean) / deviation }
        let sameWeight = 0.5 / Double(trials.sameCount), differentWeight = 0.5 / Double(trials.count - trials.sameCount)
        func loss(_ a: Double, _ b: Double) -> Double {
            var sum = Self.penalty * a * a / 2
            for index in x.indices {
                let llr = a * x[index] + b
                sum += trials.isSame[index] ? sameWeight * LogLikelihoodRatioCost.softplus(-llr) : differentWeight * LogLikelihoodRatioCost.softplus(llr)
            }
            return sum
        }
        var a = 0.0, b = 0.0, current = loss(0, 0)
        for _ in 0..<100 {
            var ga = Self.penalty * a, gb = 0.0, haa = Self.penalty, hab = 0.0, hbb = 0.0
            for index in x.indices {
                let p = 1 / (1 + exp(-(a * x[index] + b)))
                let weight = trials.isSame[index] ? sameWeight : differentWeight
                let residual = weight * (p - (trials.isSame[index] ? 1 : 0)), curvature = weight * p * (1 - p)
                ga += residual * x[index]
                gb += residual
                haa += curvature * x[index] * x[index]
                hab += curvature * x[index]
                hbb += curvature
            }
            let determinant = haa * hbb - hab * hab
            guard determinant > 1e-300 else { break }
            var da = (hbb * ga - hab * gb) / determinant, db = (haa * gb - hab * ga) / determinant
            var next = loss(a - da, b - db)
            for _ in 0..<50 where !(next <= current) {
                da /= 2
                db /= 2
                next = loss(a - da, b - db)
            }
            guard next <= current else { break }
            a -= da
            b -= db
            let hasConverged = current - next <= 1e-15 && abs(da) + abs(db) < 1e-9 * (1 + abs(a) + abs(b))
            current = next
            if hasConverged { break }
        }
        self.init(slope: a / deviation, offset: b - a * mean / deviation)
    }

    /// The log-likelihood ratio (natural logarithm) that a score stands for.
    public func logLikelihoodRatio(_ score: Float) -> Double { slope * Double(score) + offset }

    /// The score at which somebody with these costs should accept: where LLR = ln(C_fa (1 − P) / (C_miss P)); `nil` where the slope is not positive.
    public func threshold(_ cost: DetectionCost) -> Double? {
        guard slope > 0 else { return nil }
        return (log(cost.falseAccept * (1 - cost.target) / (cost.miss * cost.target)) - offset) / slope
    }
}
