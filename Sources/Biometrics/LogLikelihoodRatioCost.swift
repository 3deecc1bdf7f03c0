#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// Cllr    = ½ [ mean_same log₂(1 + e^−LLR) + mean_different log₂(1 + e^LLR) ]
// minCllr = Cllr after the best monotone map of scores to LLRs, found by pool-adjacent-violators on the scores themselves.
//
// Edge rules: 0 is perfect, 1 is what LLR = 0 gives, above 1 misleads. minCllr is what no calibration can gain back (discrimination),
// Cllr − minCllr what calibration loses. Ties share one pool.
// Reference: Brümmer and du Preez, "Application-independent evaluation of speaker detection", 2006. Tested against scikit-learn's IsotonicRegression.

/// The information in bits that log-likelihood ratios fail to give.
public enum LogLikelihoodRatioCost {
    /// Cllr of calibrated comparisons.
    public static func cost(_ trials: ScoredTrials, calibration: ScoreCalibration) -> Double {
        var same = 0.0, different = 0.0
        for (score, isSame) in zip(trials.scores, trials.isSame) {
            let llr = calibration.logLikelihoodRatio(score)
            if isSame { same += softplus(-llr) } else { different += softplus(llr) }
        }
        let sameCount = Double(trials.sameCount)
        return (same / sameCount + different / (Double(trials.count) - sameCount)) / 2 / log(2)
    }

    /// minCllr: the cost after the best monotone calibration.
    public static func minimum(_ trials: ScoredTrials) -> Double {
        struct Pool {
            var same: Double
            var different: Double
            var share: Double { same / (same + different) }
        }
        let sameCount = Double(trials.sameCount), differentCount = Double(trials.count) - sameCount
        var pools: [Pool] = []
        var index = 0
        while index < trials.count {
            var pool = Pool(same: 0, different: 0)
            let score = trials.scores[index]
            while index < trials.count, trials.scores[index] == score {
                if trials.isSame[index] { pool.same += 1 / sameCount } else { pool.different += 1 / differentCount }
                index += 1
            }
            // From high scores to low ones the share of the same person must not rise.
            while let last = pools.last, last.share <= pool.share {
                pool.same += last.same
                pool.different += last.different
                pools.removeLast()
            }
            pools.append(pool)
        }
        return pools.reduce(0) { cost, pool in
            let p = pool.share
            return cost - (p > 0 ? pool.same * log2(p) : 0) - (p < 1 ? pool.different * log2(1 - p) : 0)
        } / 2
    }

    /// ln(1 + e^x), without overflow.
    static func softplus(_ x: Double) -> Double { x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)) }
}
