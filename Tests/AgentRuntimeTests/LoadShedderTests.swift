import AgentRuntime
import MediaTypes
import Testing

struct LoadShedderTests {
    /// Feeds a latency for a while, frame by frame.
    private func feed(_ shedder: inout LoadShedder, _ latency: TimeSpan, from start: Double, to end: Double) -> [Double] {
        var changes: [Double] = []
        var time = start
        while time < end {
            if shedder.note(latency, at: .seconds(time)) { changes.append(time) }
            time += 0.04
        }
        return changes
    }

    @Test func stepsDownAfterASecondAndUpAfterTen() {
        var shedder = LoadShedder(budget: .milliseconds(150))
        let calm = feed(&shedder, .milliseconds(60), from: 0, to: 5)
        #expect(calm.isEmpty && shedder.text == nil)
        let down = feed(&shedder, .milliseconds(400), from: 5, to: 7.5)
        #expect(down.count == 2 && shedder.level == 2)
        #expect(zip(down, down.dropFirst()).allSatisfy { $1 - $0 >= 1 }, "\(down)")
        #expect(shedder.step.detectionStretch == 4 && shedder.step.frameDivisor == 1)
        #expect(shedder.text == "overloaded: faces searched 4 times less often")
        // Between half the budget and the budget nothing changes.
        let between = feed(&shedder, .milliseconds(100), from: 7.5, to: 40)
        #expect(between.isEmpty && shedder.level == 2)
        let up = feed(&shedder, .milliseconds(30), from: 40, to: 65)
        #expect(up.count == 2 && shedder.level == 0)
    }

    @Test func oneSlowSearchIsNoOverload() {
        var shedder = LoadShedder(budget: .milliseconds(150))
        for frame in 0..<500 {
            let latency = TimeSpan.milliseconds(frame % 50 == 0 ? 600 : 40)
            let changed = shedder.note(latency, at: .seconds(Double(frame) * 0.04))
            #expect(!changed)
        }
    }

    @Test func endsAtTheLastStep() {
        var shedder = LoadShedder(budget: .milliseconds(50))
        let changes = feed(&shedder, .seconds(2), from: 0, to: 60)
        #expect(changes.count == LoadShedder.steps.count - 1 && shedder.step.frameDivisor == 5)
        #expect(shedder.text == "overloaded: faces searched 4 times less often, every fifth frame looked at; too few for lips, so lip and voice fusion is unavailable")
        #expect(LoadShedder.steps.map(\.allowsLipAndVoiceFusion) == [true, true, true, true, true, false])
        #expect(LoadShedder.text(level: 4) == "overloaded: faces searched 4 times less often, every third frame looked at")
    }

    /// Late frames, and frames dropped without end: the last step within two seconds.
    @Test(arguments: [0.1, 0.3]) func dropsStepFaster(interval: Double) {
        var shedder = LoadShedder(budget: .milliseconds(150))
        var changes: [Double] = [], dropped = 17, time = 0.0
        while time < 10 {
            if shedder.note(.milliseconds(400), dropped: dropped, at: .seconds(time)) { changes.append(time) }
            dropped += 2
            time += interval
        }
        #expect(changes.count == LoadShedder.steps.count - 1, "\(changes)")
        #expect(zip(changes, changes.dropFirst()).allSatisfy { $1 - $0 >= 0.25 })
        #expect(changes.last.map { $0 < 2 } == true, "\(changes)")
    }

    /// What was dropped before, or by one slow search, makes no hurry.
    @Test func oldDropsMakeNoHurry() {
        var shedder = LoadShedder(budget: .milliseconds(150))
        var changes: [Double] = []
        for frame in 0..<100 where shedder.note(.milliseconds(frame < 50 ? 40 : 400), dropped: frame < 10 ? 0 : 12, at: .seconds(Double(frame) * 0.04)) {
            changes.append(Double(frame) * 0.04)
        }
        #expect(changes.count == 1 && changes[0] >= 3, "\(changes)")
    }

    @Test func dropsWithinTheBudgetAreNoOverload() {
        var shedder = LoadShedder(budget: .milliseconds(150))
        for frame in 0..<500 {
            let changed = shedder.note(.milliseconds(100), dropped: frame, at: .seconds(Double(frame) * 0.04))
            #expect(!changed)
        }
    }

    @Test func dropsPutReliefOff() {
        var shedder = LoadShedder(budget: .milliseconds(150))
        let down = feed(&shedder, .milliseconds(400), from: 0, to: 1.5)
        #expect(down.count == 1)
        // Below half of the budget, and one frame lost every eight seconds.
        var changes = 0
        for frame in 0..<1000 where shedder.note(.milliseconds(20), dropped: frame / 200, at: .seconds(1.5 + Double(frame) * 0.04)) { changes += 1 }
        #expect(changes == 0 && shedder.level == 1)
        var up: [Double] = []
        for frame in 1000..<1300 where shedder.note(.milliseconds(20), dropped: 4, at: .seconds(1.5 + Double(frame) * 0.04)) { up.append(Double(frame) * 0.04) }
        #expect(up.count == 1 && shedder.level == 0, "\(up)")
    }

    /// A burst that is over costs seconds; one that comes back at once is none.
    @Test func hasteIsGivenBackSoonUnlessItWasRight() {
        var shedder = LoadShedder(budget: .milliseconds(150))
        var dropped = 0, time = 0.0
        func burst(_ shedder: inout LoadShedder) {
            while shedder.level < LoadShedder.steps.count - 1 {
                dropped += 2
                time += 0.04
                _ = shedder.note(.milliseconds(400), dropped: dropped, at: .seconds(time))
            }
        }
        func calm(_ shedder: inout LoadShedder, until level: Int) -> Double {
            let begin = time
            while shedder.level > level {
                time += 0.04
                _ = shedder.note(.milliseconds(20), dropped: dropped, at: .seconds(time))
                if time - begin > 200 { break }
            }
            return time - begin
        }
        burst(&shedder)
        // The first step waited for its second like any other.
        let first = calm(&shedder, until: 1)
        #expect(first > 8 && first < 15, "\(first)")
        burst(&shedder)
        let second = calm(&shedder, until: LoadShedder.steps.count - 2)
        #expect(second > 9, "the burst came back within five seconds of the relief: \(second)")
    }
}
