import Biometrics
import Testing

@Suite struct OperatingCurveTests {
    @Test(arguments: MetricFixture.shared.trials)
    func agreesWithScikitLearn(fixture: MetricFixture.Trials) throws {
        let curve = OperatingCurve(try fixture.scored)
        #expect(abs(curve.areaUnderCurve - fixture.auc) < 1e-12)
        #expect(abs(curve.equalErrorRate.rate - fixture.eer) < 1e-12)
        for (limit, expected) in fixture.tar {
            let limit = try #require(Double(limit))
            let rate = curve.trueAcceptRate(atFalseAccept: limit)
            #expect(abs(rate.rate - expected) < 1e-12, "TAR at FAR \(limit)")
            #expect(rate.falseAccept <= limit + 1e-12)
        }
        let costs: [(String, DetectionCost)] = [
            ("sre2008", .sre2008), ("sre2010", .sre2010), ("sre2016", .sre2016), ("sre2016Rare", .sre2016Rare), ("voxCeleb", .voxCeleb),
        ]
        for (name, cost) in costs {
            let least = curve.minimumCost(cost)
            #expect(abs(least.cost - (fixture.dcf[name] ?? .nan)) < 1e-12, "\(name)")
            #expect(abs(curve.cost(cost, at: least.threshold) - least.cost) < 1e-12, "the threshold gives the cost: \(name)")
        }
    }

    /// The definitions themselves, one pair of scores after the other.
    @Test(arguments: MetricFixture.shared.trials)
    func agreesWithCounting(fixture: MetricFixture.Trials) throws {
        let curve = OperatingCurve(try fixture.scored)
        let same = zip(fixture.scores, fixture.same).filter(\.1).map(\.0), different = zip(fixture.scores, fixture.same).filter { !$0.1 }.map(\.0)
        var wins = 0.0
        for a in same { for b in different { wins += a > b ? 1 : a == b ? 0.5 : 0 } }
        #expect(abs(curve.areaUnderCurve - wins / Double(same.count * different.count)) < 1e-12)
        for point in curve.points {
            #expect(point.falseAccept == Double(different.count { $0 >= point.threshold }) / Double(different.count))
            #expect(abs(point.falseReject - Double(same.count { $0 < point.threshold }) / Double(same.count)) < 1e-12)
        }
    }

    @Test func edges() throws {
        func curve(_ same: [Float], _ different: [Float]) throws -> OperatingCurve {
            OperatingCurve(try ScoredTrials(scores: same + different, isSame: same.map { _ in true } + different.map { _ in false }))
        }
        let separated = try curve([2, 3], [0, 1, 1])
        #expect(separated.areaUnderCurve == 1 && separated.equalErrorRate.rate == 0)
        let equal = try curve([1, 1, 1], [1])
        #expect(equal.areaUnderCurve == 0.5 && equal.equalErrorRate.rate == 0.5)
        #expect(equal.minimumCost(.sre2008).cost == 1)
        let reversed = try curve([0], [1])
        #expect(reversed.areaUnderCurve == 0 && reversed.equalErrorRate.rate == 1)
        #expect(reversed.points.map(\.falseAccept) == [0, 1, 1] && reversed.points.map(\.falseReject) == [1, 1, 0])
        // One impostor of ten is the least that can be seen.
        let few = try curve([5], (0..<10).map { Float($0) })
        #expect(few.trueAcceptRate(atFalseAccept: 0.09).isResolved == false)
        #expect(few.trueAcceptRate(atFalseAccept: 0.1).isResolved)
        #expect(few.trueAcceptRate(atFalseAccept: 0.49).rate == 0 && few.trueAcceptRate(atFalseAccept: 0.5).rate == 1)
    }

    @Test func refusesWhatCannotBeMeasured() {
        #expect(throws: MetricError.empty(metric: "verification", needs: "at least one comparison of two people")) {
            try ScoredTrials(scores: [1], isSame: [true])
        }
        #expect(throws: MetricError.empty(metric: "verification", needs: "at least one comparison of a person with themself")) {
            try ScoredTrials(scores: [], isSame: [])
        }
        #expect(throws: MetricError.notFinite(what: "score", index: 1)) { try ScoredTrials(scores: [1, .nan, 2], isSame: [true, true, false]) }
        #expect(throws: MetricError.countMismatch(what: "labels of 2 scores", got: 1, expected: 2)) { try ScoredTrials(scores: [1, 2], isSame: [true]) }
        #expect(throws: MetricError.countMismatch(what: "pairs of people of 2 scores", got: 1, expected: 2)) {
            try ScoredTrials(scores: [1, 2], isSame: [true, false], people: [("a", "b")])
        }
    }

    @Test func thinnedCurvesKeepTheirEndsAndAreShort() throws {
        let fixture = try #require(MetricFixture.shared.trials.first)
        let curve = OperatingCurve(try fixture.scored)
        let thin = curve.thinned(to: 40)
        #expect(curve.points.count > 200 && thin.count <= 42 && thin.count > 15, "\(thin.count)")
        #expect(thin.first == curve.points.first && thin.last == curve.points.last)
        #expect(Set(thin).isSubset(of: Set(curve.points)))
    }

    @Test func probitAgreesWithSciPy() throws {
        for (p, expected) in MetricFixture.shared.probit {
            let p = try #require(Double(p))
            #expect(abs(Probit.value(p) - expected) <= 1e-9 * max(1, abs(expected)), "\(p)")
            #expect(abs(Probit.distribution(Probit.value(p)) - p) < 1e-12)
        }
        #expect(Probit.value(0) == -.infinity && Probit.value(1) == .infinity && Probit.value(-0.1).isNaN && Probit.value(1.1).isNaN)
        #expect(Probit.clipped(0) == -Probit.clip && Probit.clipped(1) == Probit.clip)
    }
}
