import Biometrics
import Testing

@Suite struct DetectionTrialsTests {
    private typealias Box = DetectionTrials.Box

    @Test func `The worked example`() throws {
        var trials = DetectionTrials()
        // Two faces; by falling score right, wrong, right: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
        let matches = trials.add(
            found: [(Box(50, 0, 10, 10), 0.7), (Box(0, 0, 10, 10), 0.9), (Box(100, 100, 5, 5), 0.8)],
            there: [(Box(0, 1, 10, 10), true), (Box(50, 0, 10, 11), true)])
        #expect(matches == [1, 0, nil])
        let two = try #require(trials.averagePrecision)
        #expect(abs(two - 5.0 / 6) < 1e-12)
        // A picture with a face that nobody finds halves what the curve can reach.
        trials.add(found: [], there: [(Box(0, 0, 9, 9), true), (Box(20, 0, 9, 9), true)])
        #expect(trials.faceCount == 4)
        let four = try #require(trials.averagePrecision)
        #expect(abs(four - 5.0 / 12) < 1e-12)
    }

    @Test func `The same face found twice is right once`() throws {
        var trials = DetectionTrials()
        #expect(trials.add(found: [(Box(0, 0, 10, 10), 0.5), (Box(1, 0, 10, 10), 0.6)], there: [(Box(0, 0, 10, 10), true)]) == [nil, 0])
        #expect(trials.averagePrecision == 1)
    }

    @Test func `What does not count is neither right nor wrong`() throws {
        var trials = DetectionTrials()
        let matches = trials.add(
            found: [(Box(0, 0, 10, 10), 0.9), (Box(1, 0, 10, 10), 0.8), (Box(40, 0, 10, 10), 0.7)], there: [(Box(0, 0, 10, 10), false), (Box(40, 0, 10, 10), true)])
        #expect(matches == [0, 0, 1] && trials.faceCount == 1 && trials.averagePrecision == 1)
        // One that counts goes before one that does not, however the two lie.
        var both = DetectionTrials()
        #expect(both.add(found: [(Box(0, 0, 10, 10), 0.9)], there: [(Box(0, 0, 10, 10), false), (Box(2, 0, 10, 10), true)]) == [1])
    }

    @Test func `Overlaps, and nothing to find`() {
        let third: Float = 2.0 / 6
        #expect(DetectionTrials.overlap(Box(0, 0, 2, 2), Box(1, 0, 2, 2)) == third)
        #expect(DetectionTrials.overlap(Box(0, 0, 2, 2), Box(2, 0, 2, 2)) == 0 && DetectionTrials.overlap(Box(0, 0, 0, 0), Box(0, 0, 0, 0)) == 0)
        var trials = DetectionTrials()
        trials.add(found: [(Box(0, 0, 1, 1), 1)], there: [])
        #expect(trials.averagePrecision == nil)
    }
}
