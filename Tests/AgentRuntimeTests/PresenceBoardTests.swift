import AgentRuntime
import Foundation
import Gallery
import MediaTypes
import Publishing
import Recognition
import Testing

struct PresenceBoardTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    private func decision(_ track: Int, _ stage: DecisionStage, _ name: String?, _ modality: ModalitySet = .face) -> IdentityDecision {
        IdentityDecision(
            stage: stage, instant: .seconds(1), track: TrackID(track), verdict: name == nil ? .unknown : .identified,
            person: name.flatMap { name in
                PersonID(rawValue: name == "Ann" ? "p_0000000a" : "p_0000000b").map { Person(id: $0, name: name, created: start) }
            }, score: 0.8, threshold: 0.6, modality: modality)
    }

    private func names(_ board: PresenceBoard) -> [String] { board.payload(node: "n", time: start).people.map(\.name) }

    @Test func comesIsRecognisedAndGoes() {
        var board = PresenceBoard()
        let first = board.note(decision(1, .new, nil), time: start)
        #expect(first && names(board) == [] && board.payload(node: "n", time: start).unknown == 1)
        let second = board.note(decision(1, .update, "Ann"), time: start + 2)
        #expect(second && names(board) == ["Ann"] && board.payload(node: "n", time: start).unknown == 0)
        let same = board.note(decision(1, .update, "Ann"), time: start + 3)
        #expect(!same)
        let better = board.note(decision(1, .update, "Ann", .both), time: start + 4)
        #expect(better)
        // Since when she is known to be here, not since the last word about it.
        let since = board.payload(node: "n", time: start).people[0].since
        #expect(since.hasPrefix("2027-01-15T08:00:02"), "\(since)")
        let end = board.note(decision(1, .end, "Ann", .both), time: start + 5)
        #expect(end && names(board) == [])
        let unheard = board.note(decision(7, .end, nil), time: start + 5)
        #expect(!unheard)
    }

    @Test func twiceInThePictureIsOnePerson() {
        var board = PresenceBoard()
        _ = board.note(decision(2, .new, "Bob"), time: start + 1)
        _ = board.note(decision(3, .new, "Ann"), time: start)
        _ = board.note(decision(4, .new, "Bob"), time: start + 9)
        let payload = board.payload(node: "n", time: start)
        #expect(payload.count == 2 && payload.people.map(\.name) == ["Ann", "Bob"])
        #expect(payload.people[1].since.hasPrefix("2027-01-15T08:00:01"))
        board.removeAll()
        #expect(names(board) == [])
    }
}
