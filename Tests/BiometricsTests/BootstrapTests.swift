import Biometrics
import Testing

@Suite struct BootstrapTests {
    /// Scores of people who are each more or less easily known, in all comparisons of theirs.
    private func dependent(people: Int, samples: Int, seed: UInt64) throws -> ScoredTrials {
        var generator = SeededGenerator(seed: seed)
        func normal() -> Float { (0..<12).reduce(Float(-6)) { sum, _ in sum + Float(generator.below(1 << 20)) / Float(1 << 20) } }
        var scores: [Float] = [], same: [Bool] = [], pairs: [(String, String)] = []
        let quirks = (0..<people).map { _ in normal() }
        for a in 0..<people {
            for _ in 0..<samples {
                scores.append(1 + quirks[a] + 0.3 * normal())
                same.append(true)
                pairs.append(("\(a)", "\(a)"))
            }
            for b in 0..<a {
                scores.append(normal())
                same.append(false)
                pairs.append(("\(a)", "\(b)"))
            }
        }
        return try ScoredTrials(scores: scores, isSame: same, people: pairs)
    }

    @Test func theSameSeedGivesTheSameInterval() throws {
        let trials = try dependent(people: 17, samples: 5, seed: 3)
        let metrics: [@Sendable (OperatingCurve) -> Double] = [{ $0.areaUnderCurve }, { $0.equalErrorRate.rate }]
        let first = Bootstrap(replicates: 200, seed: 5).estimates(trials, metrics)
        #expect(first == Bootstrap(replicates: 200, seed: 5).estimates(trials, metrics))
        #expect(first != Bootstrap(replicates: 200, seed: 6).estimates(trials, metrics))
        for estimate in first {
            let interval = try #require(estimate.interval)
            #expect(interval.lower <= estimate.value && estimate.value <= interval.upper && interval.lower < interval.upper)
            #expect(interval.unit == .people && interval.replicates == 200)
        }
    }

    /// Intervals over people must hold the truth about as often as they say; those over comparisons hold it far less often.
    @Test func intervalsOverPeopleCoverTheTruthAndOverTrialsDoNot() throws {
        let truth = OperatingCurve(try dependent(people: 900, samples: 20, seed: 99)).areaUnderCurve
        var byPeople = 0, byTrials = 0
        let runs = 60
        for run in 0..<runs {
            let trials = try dependent(people: 30, samples: 8, seed: UInt64(1000 + run))
            let bare = try ScoredTrials(scores: trials.scores, isSame: trials.isSame)
            func covers(_ trials: ScoredTrials) -> Bool {
                guard let interval = Bootstrap(replicates: 150, level: 0.9, seed: 7).estimates(trials, [{ $0.areaUnderCurve }])[0].interval else { return false }
                return (interval.lower...interval.upper).contains(truth)
            }
            if covers(trials) { byPeople += 1 }
            if covers(bare) { byTrials += 1 }
        }
        // 90 % of 60 with three standard deviations (2.3 each) and some for the percentile method on 30 people.
        #expect(byPeople >= 45, "\(byPeople) of \(runs)")
        #expect(byTrials < byPeople - 10, "\(byTrials) against \(byPeople) of \(runs)")
    }

    @Test func whatCannotBeDrawnHasNoInterval() throws {
        let onePerson = try ScoredTrials(scores: [1, 0.5, 0], isSame: [true, true, false], people: [("a", "a"), ("a", "a"), ("a", "b")])
        // Two people: half of all draws take one of them twice and have no comparison of two people.
        let estimate = Bootstrap(replicates: 400, seed: 1).estimates(onePerson, [{ $0.areaUnderCurve }])[0]
        #expect(estimate.value == 1)
        #expect(estimate.interval.map { $0.replicates < 300 } ?? true)
        #expect(Bootstrap(replicates: 0, seed: 1).estimates(onePerson, [{ $0.areaUnderCurve }])[0].interval == nil)
        #expect(try Bootstrap(replicates: 100, seed: 1).mean([1, 0], people: ["a", "a"]).interval == nil)
        #expect(throws: MetricError.empty(metric: "mean", needs: "at least one sample")) { try Bootstrap(replicates: 1, seed: 1).mean([], people: nil) }
        #expect(throws: MetricError.self) { try Bootstrap(replicates: 1, seed: 1).mean([1], people: ["a", "b"]) }
    }

    @Test func meansOfIndependentSamplesHaveTheTextbookInterval() throws {
        var generator = SeededGenerator(seed: 12)
        let values = (0..<400).map { _ in Double(generator.below(2)) }
        let estimate = try Bootstrap(replicates: 2000, seed: 2).mean(values, people: nil)
        let interval = try #require(estimate.interval)
        let p = estimate.value, half = 1.96 * (p * (1 - p) / 400).squareRoot()
        // Quantiles of 2000 draws are known to about 5 % of the standard error.
        #expect(abs(interval.lower - (p - half)) < 0.1 * half && abs(interval.upper - (p + half)) < 0.1 * half, "\(estimate) against ±\(half)")
        #expect(interval.unit == .samples)
    }

    @Test func seededNumbersAreThoseOfTheDefinition() {
        // SplitMix64 with seed 1234567, as published with the reference implementation.
        var generator = SeededGenerator(seed: 1_234_567)
        let drawn = (0..<5).map { _ in generator.next() }
        #expect(drawn == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431, 16_408_922_859_458_223_821])
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<7000 { counts[generator.below(7)] += 1 }
        // Five standard deviations of a count of 1000 (29 each).
        #expect(counts.allSatisfy { abs($0 - 1000) < 150 }, "\(counts)")
        let sample = generator.sample(5, of: Array(0..<9))
        #expect(Set(sample).count == 5)
    }
}
