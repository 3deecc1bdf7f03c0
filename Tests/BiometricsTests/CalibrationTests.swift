import Biometrics
import Testing

@Suite struct CalibrationTests {
    /// Two sets are separated: their slope is what the penalty allows, and flat around it.
    static let overlapping = MetricFixture.shared.trials.filter { $0.auc < 1 }

    @Test(arguments: overlapping)
    func agreesWithScikitLearn(fixture: MetricFixture.Trials) throws {
        let trials = try fixture.scored
        let calibration = ScoreCalibration(fitting: trials)
        #expect(abs(calibration.slope - fixture.slope) < 1e-6)
        #expect(abs(calibration.offset - fixture.offset) < 1e-6)
        #expect(abs(LogLikelihoodRatioCost.cost(trials, calibration: calibration) - fixture.cllr) < 1e-9)
    }

    @Test(arguments: MetricFixture.shared.trials)
    func minimumCostAgreesWithIsotonicRegression(fixture: MetricFixture.Trials) throws {
        #expect(abs(LogLikelihoodRatioCost.minimum(try fixture.scored) - fixture.minimumCllr) < 1e-9)
    }

    @Test(arguments: MetricFixture.shared.trials)
    func bounds(fixture: MetricFixture.Trials) throws {
        let trials = try fixture.scored
        let calibration = ScoreCalibration(fitting: trials)
        let cost = LogLikelihoodRatioCost.cost(trials, calibration: calibration)
        // A reversed system can be calibrated by a negative slope, which no monotone map may have.
        if calibration.slope > 0 { #expect(LogLikelihoodRatioCost.minimum(trials) <= cost + 1e-9) }
        #expect(cost <= 1 + 1e-9)
        #expect(calibration.slope.isFinite && calibration.offset.isFinite)
        #expect(abs(LogLikelihoodRatioCost.cost(trials, calibration: ScoreCalibration(slope: 0, offset: 0)) - 1) < 1e-12)
    }

    @Test func equalScoresSayNothing() throws {
        let trials = try ScoredTrials(scores: [0.3, 0.3, 0.3], isSame: [true, false, false])
        let calibration = ScoreCalibration(fitting: trials)
        #expect(calibration == ScoreCalibration(slope: 0, offset: 0))
        #expect(calibration.threshold(.sre2008) == nil)
        #expect(abs(LogLikelihoodRatioCost.minimum(trials) - 1) < 1e-12)
    }

    @Test func thresholdsFollowTheCosts() {
        let calibration = ScoreCalibration(slope: 2, offset: -1)
        // ln(0.99 / (10 · 0.01)) = 2.2925…
        #expect(abs((calibration.threshold(.sre2008) ?? .nan) - (2.2925347571405443 + 1) / 2) < 1e-12)
        #expect(calibration.logLikelihoodRatio(3) == 5)
    }
}
