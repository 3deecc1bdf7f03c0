import Biometrics
import Foundation
import Testing

/// Scores of people whose likelihood ratio is known: of one person N(1, σ), of different people N(0, σ), so that LLR(s) = s/σ² − 1/(2σ²).
private struct MadeUpScores {
    static let deviation: Float = 0.3
    var scores: [Float] = []
    var isSame: [Bool] = []
    var people: [SIMD2<Int32>] = []

    init(people count: Int, perPair: Int = 4, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for a in 0..<count {
            for b in 0..<count {
                for _ in 0..<(a == b ? perPair * 8 : perPair) {
                    scores.append((a == b ? 1 : 0) + Self.deviation * Self.normal(&generator))
                    isSame.append(a == b)
                    people.append(SIMD2(Int32(a), Int32(b)))
                }
            }
        }
    }

    /// Sum of twelve uniform numbers less six: tails end at ±6.
    static func normal(_ generator: inout SeededGenerator) -> Float {
        (0..<12).reduce(Float(-6)) { sum, _ in sum + Float(generator.below(1 << 20)) / Float(1 << 20) }
    }

    var trials: ScoredTrials { get throws { try ScoredTrials(scores: scores, isSame: isSame, people: people) } }
}

@Suite struct BinomialBoundTests {
    /// Values of SciPy 1.17.1: beta.ppf(c, k + 1, n − k) and beta.ppf(1 − c, k, n − k + 1).
    @Test(arguments: [
        (0, 10, 0.95, 0.2588655508930522, 0.0), (0, 3000, 0.95, 0.0009980790119965865, 0), (1, 1, 0.95, 1, 0.05),
        (3, 50, 0.95, 0.14783717636418123, 0.01655185918923136), (17, 400, 0.975, 0.06717611443869687, 0.02494961920211476),
        (999, 1000, 0.975, 0.9999746825125088, 0.9944410757201734), (2500, 1_000_000, 0.95, 0.0025837153499791454, 0.0024184273528219543),
        (7, 7, 0.975, 1, 0.5903836027749967),
    ])
    func agreesWithSciPy(count: Int, trials: Int, confidence: Double, upper: Double, lower: Double) {
        #expect(abs(BinomialBound.upper(count, of: trials, confidence: confidence) - upper) <= 1e-9 * max(upper, 1e-3))
        #expect(abs(BinomialBound.lower(count, of: trials, confidence: confidence) - lower) <= 1e-9)
    }
}

@Suite struct FalseAcceptEstimateTests {
    @Test func theRatioOfKnownDistributionsIsFound() throws {
        let calibration = ScoreCalibration(fitting: try MadeUpScores(people: 60, seed: 1).trials)
        let slope = 1 / Double(MadeUpScores.deviation * MadeUpScores.deviation)
        #expect(abs(calibration.slope - slope) < 0.05 * slope)
        #expect(abs(calibration.offset + slope / 2) < 0.05 * slope)
    }

    /// Learnt from some people, true of others: strangers reach no threshold more often than estimated.
    @Test(arguments: [1, 3, 8])
    func strangersAreNotMoreFrequentThanEstimated(people: Int) throws {
        let learnt = MadeUpScores(people: 40, seed: 2)
        let estimate = FalseAcceptEstimate(fitting: try learnt.trials)
        #expect(estimate.impostors == learnt.isSame.count { !$0 } && estimate.steps.count > 8)
        var generator = SeededGenerator(seed: 3)
        let strangers = (0..<20_000).map { _ in
            (0..<people).map { _ in MadeUpScores.deviation * MadeUpScores.normal(&generator) }.max() ?? 0
        }
        for step in 0...30 {
            let score = Float(step) / 20
            let accepted = strangers.count { $0 >= score }
            #expect(BinomialBound.lower(accepted, of: strangers.count) <= estimate.rate(score: score, people: people), "\(score)")
        }
    }

    @Test func noRateIsBelowWhatTheComparisonsShow() {
        let estimate = FalseAcceptEstimate(calibration: ScoreCalibration(slope: 100, offset: -50), impostors: 3000)
        #expect(estimate.rate(score: 1, people: 1) == 0.001)
        #expect(abs(estimate.rate(score: 1, people: 10) - 0.01) < 1e-15)
        #expect(estimate.rate(score: 0, people: 10) == 1)
        #expect(estimate.rate(score: 1, people: 0) == 0)
    }

    /// By the definition: how many of the comparisons reach each step, and that more would be too many.
    @Test func stepsAreExactBoundsOfWhatWasSeen() throws {
        let trials = try MadeUpScores(people: 9, seed: 7).trials
        let impostors = trials.scores(same: false)
        let estimate = FalseAcceptEstimate(fitting: trials)
        for (step, next) in zip(estimate.steps, estimate.steps.dropFirst()) { #expect(step.score < next.score && step.bound > next.bound) }
        for step in estimate.steps {
            let reached = impostors.count { $0 >= step.score }
            #expect(BinomialBound.upper(reached, of: impostors.count) <= step.bound, "\(step)")
            let lower: Float = step.score - 0.011
            let more = impostors.count { $0 >= lower }
            let isTooMany = BinomialBound.upper(more, of: impostors.count) > step.bound
            #expect(more == reached || isTooMany, "\(step)")
            let hundredths = step.score * 100, whole = hundredths.rounded()
            #expect(abs(hundredths - whole) < 1e-3)
        }
        #expect(estimate.steps.last?.bound == BinomialBound.upper(0, of: impostors.count))
    }

    @Test func whatWasSeenCountsWhereItIsKnown() {
        let estimate = FalseAcceptEstimate(
            calibration: ScoreCalibration(slope: 10, offset: -5), impostors: 300, steps: [.init(score: 0.6, bound: 0.02), .init(score: 0.4, bound: 0.1)])
        #expect(estimate.rate(score: 0.39, people: 1) == 1)
        #expect(estimate.rate(score: 0.4, people: 1) == 0.1)
        #expect(estimate.rate(score: 0.6, people: 3) == 0.06)
        #expect(estimate.rate(score: 2, people: 1) == 0.02)
        #expect(estimate.threshold(rate: 0.1, people: 1).map(Float.init) == 0.4)
        #expect(estimate.threshold(rate: 0.02, people: 1).map(Float.init) == 0.6)
        #expect(estimate.threshold(rate: 0.019, people: 1) == nil)
    }

    @Test(arguments: [1, 7, 100], [0.5, 0.01, 0.0001])
    func theThresholdIsWhereTheRateIsReached(people: Int, rate: Double) throws {
        let estimate = FalseAcceptEstimate(calibration: ScoreCalibration(slope: 20, offset: -9), impostors: 30_000_000)
        let threshold = try #require(estimate.threshold(rate: rate, people: people))
        #expect(abs(estimate.rate(score: Float(threshold), people: people) - rate) < 1e-4 * rate)
    }

    @Test func whatCannotBeShownHasNoThreshold() {
        let calibration = ScoreCalibration(slope: 20, offset: -9)
        #expect(FalseAcceptEstimate(calibration: calibration, impostors: 3000).threshold(rate: 0.001, people: 1) != nil)
        #expect(FalseAcceptEstimate(calibration: calibration, impostors: 2999).threshold(rate: 0.001, people: 1) == nil)
        #expect(FalseAcceptEstimate(calibration: calibration, impostors: 3000).threshold(rate: 0.001, people: 2) == nil)
        let reversed = FalseAcceptEstimate(calibration: ScoreCalibration(slope: -1, offset: 0), impostors: 3000)
        #expect(reversed.threshold(rate: 0.5, people: 1) == nil)
        #expect(reversed.rate(score: 1, people: 1) == 1)
    }
}

@Suite struct ReliabilityTests {
    @Test func whatIsCalibratedLiesOnTheDiagonal() throws {
        let reliability = try Reliability(try MadeUpScores(people: 60, seed: 4).trials, seed: 1)
        #expect(reliability.bins.count >= 8)
        #expect(reliability.cllr < 0.4)
        // 95 % intervals, and the middle of a bin is not where its comparisons are: one in ten may miss.
        let held = reliability.bins.count { $0.lower - 0.02 <= $0.estimated && $0.estimated <= $0.upper + 0.02 }
        #expect(held >= reliability.bins.count - 1, "\(reliability.bins)")
        #expect(reliability.falseAccepts.first?.estimated == 1 && reliability.falseAccepts.count >= 5)
        for bound in reliability.falseAccepts { #expect(bound.observed <= bound.estimated || bound.lower <= bound.estimated, "\(bound)") }
    }

    /// No comparison across the halves is judged, so that nobody is judged by what they taught.
    @Test func onlyPeopleOfOneHalfAreCompared() throws {
        let made = MadeUpScores(people: 7, perPair: 1, seed: 5)
        let reliability = try Reliability(try made.trials, seed: 9)
        #expect(reliability.sameCount == 7 * 8)
        #expect(reliability.differentCount == 3 * 2 + 4 * 3)
        #expect(try Reliability(try made.trials, seed: 9) == reliability)
    }

    @Test func tooFewPeopleAreRefused() throws {
        #expect(throws: MetricError.self) { try Reliability(try ScoredTrials(scores: [1, 0], isSame: [true, false]), seed: 1) }
        #expect(throws: MetricError.self) { try Reliability(try MadeUpScores(people: 3, seed: 6).trials, seed: 1) }
    }
}
