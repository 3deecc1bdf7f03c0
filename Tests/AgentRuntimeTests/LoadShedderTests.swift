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
        #expect(shedder.text == "overloaded: faces searched 4 times less often, every fifth frame looked at")
    }
}
