import MediaTypes
import Recognition
import Testing

struct DecisionFilterTests {
    static func at(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }
    static let unknown = Candidate(verdict: .unknown, person: nil, modality: .face)

    @Test func unknownNeedsTime() {
        var filter = DecisionFilter(start: .zero)
        var stages: [(Int, DecisionStage)] = []
        for time in stride(from: 0, through: 2000, by: 100) {
            if let stage = filter.consider(Self.unknown, at: Self.at(time)) { stages.append((time, stage)) }
        }
        #expect(stages.count == 1)
        #expect(stages.first?.0 == 800)
        #expect(stages.first?.1 == .new)
    }

    @Test func oneDeviationChangesNothing() {
        var filter = DecisionFilter(start: .zero)
        for time in stride(from: 0, through: 1000, by: 100) { _ = filter.consider(Self.unknown, at: Self.at(time)) }
        let ambiguous = Candidate(verdict: .ambiguous, person: nil, modality: .face)
        let deviation = filter.consider(ambiguous, at: Self.at(1100))
        let back = filter.consider(Self.unknown, at: Self.at(1200))
        #expect(deviation == nil)
        #expect(back == nil)
        #expect(filter.published == Self.unknown)
    }

    @Test func aLastingChangeIsAnUpdate() {
        var filter = DecisionFilter(start: .zero)
        for time in stride(from: 0, through: 1000, by: 100) { _ = filter.consider(Self.unknown, at: Self.at(time)) }
        let ambiguous = Candidate(verdict: .ambiguous, person: nil, modality: .face)
        var updates: [Int] = []
        for time in stride(from: 1100, through: 3000, by: 100) {
            if filter.consider(ambiguous, at: Self.at(time)) == .update { updates.append(time) }
        }
        #expect(updates == [1700])
    }

    @Test func aChangeOfModalityIsAnUpdate() {
        var filter = DecisionFilter(start: .zero)
        for time in stride(from: 0, through: 1000, by: 100) { _ = filter.consider(Self.unknown, at: Self.at(time)) }
        let both = Candidate(verdict: .unknown, person: nil, modality: .both)
        var updates: [Int] = []
        for time in stride(from: 1100, through: 3000, by: 100) {
            if filter.consider(both, at: Self.at(time)) == .update { updates.append(time) }
        }
        #expect(updates == [1400])
    }

    @Test func whatWasNeverSaidIsSaidAtTheEnd() {
        var filter = DecisionFilter(start: .zero)
        let early = filter.consider(Self.unknown, at: Self.at(0))
        let isFirst = filter.conclude(with: Self.unknown)
        let isSecond = filter.conclude(with: Self.unknown)
        #expect(early == nil)
        #expect(isFirst)
        #expect(!isSecond)
        #expect(filter.published == Self.unknown)
    }

    @Test func rejectedIsOnlySaidAtTheEnd() {
        var filter = DecisionFilter(start: .zero)
        let rejected = Candidate(verdict: .rejected, person: nil, modality: nil)
        for time in stride(from: 0, through: 3000, by: 100) {
            let stage = filter.consider(rejected, at: Self.at(time))
            #expect(stage == nil)
        }
        let isSaid = filter.conclude(with: rejected)
        #expect(isSaid)
    }
}
