import Figures
import Foundation
import GroundTruth
import Testing

/// Events and truths made by hand, figures computed by hand.
@Suite struct EventScoreTests {
    /// Ten seconds, 10 frames a second, 100 × 100 pixels. Ann on the left for all of it, Bob on the right from 2 s to 8 s.
    private static func truth(lost: ClipTruth.Lost = .init(), speech: [ClipTruth.Speech] = []) -> ClipTruth {
        let frames = (0..<100).map { index in
            let time = Double(index) / 10
            func spoken(_ id: String) -> ClipTruth.SpeechKind? { speech.first { $0.person == id && $0.range.contains(time) }?.kind }
            var faces = [ClipTruth.Face(person: "ann", box: [10, 40, 20, 20], speech: spoken("ann"))]
            if (2..<8).contains(time) { faces.append(ClipTruth.Face(person: "bob", box: [60, 40, 20, 20], speech: spoken("bob"))) }
            return ClipTruth.Frame(time: time, faces: faces)
        }
        return ClipTruth(
            clip: "made.mp4", width: 100, height: 100, frameRate: 10, duration: 10, soundOffset: 0.08,
            people: [.init(id: "ann", name: "Ann", onScreen: [TimeRange(0, 10)]), .init(id: "bob", name: "Bob", onScreen: [TimeRange(2, 8)])], speech: speech, lost: lost,
            frames: frames.filter { !lost.video.contains($0.time) })
    }

    private static let left = [0.1, 0.4, 0.2, 0.2], right = [0.6, 0.4, 0.2, 0.2]

    private static func decision(_ time: Double, _ track: Int, _ type: String, _ name: String?, _ box: [Double]?) -> RecordedEvents.Decision {
        .init(time: time, track: track, type: type, name: name, box: box)
    }

    @Test func rightWrongHeldAndMissed() throws {
        // Ann is named from 1 s on. Bob is called Ann from 3 to 4, then Bob until 9.5: he left at 8, so 1.5 s are held.
        let events = RecordedEvents(decisions: [
            Self.decision(1, 1, "new", "Ann", Self.left), Self.decision(3, 2, "new", "Ann", Self.right), Self.decision(4, 2, "update", "Bob", Self.right),
            Self.decision(9.5, 2, "end", "Bob", Self.right), Self.decision(10, 1, "end", "Ann", Self.left),
        ])
        let score = try EventScore(events, truth: Self.truth())
        #expect(score.all.due == 16 && score.all.named == 13)
        #expect(score.all.right == 13 && score.all.wrong == 1 && score.all.held == 1.5)
        #expect(score.all.precision == 13.0 / 14 && score.all.recall == 13.0 / 16)
        #expect(score.all.decisions == 3 && score.all.wrongDecisions == 1)
        let bob = try #require(score.people.last)
        #expect(bob.tally.due == 6 && bob.tally.named == 4 && bob.tally.wrong == 1 && bob.firstNamed == 2)
        #expect(score.people[0].firstNamed == 1 && score.people[0].tally.recall == 0.9)
        #expect(score.wrongNames == [EventScore.WrongName(name: "Ann", person: "bob", ranges: [TimeRange(3, 4)])])
        #expect(score.speaking == nil && score.offset == nil)
    }

    @Test func whoIsGoneForLongerThanTheHoldIsWrong() throws {
        let events = RecordedEvents(decisions: [Self.decision(2, 1, "new", "Bob", Self.right)])
        var settings = EventScore.Settings()
        settings.hold = 0.5
        let score = try EventScore(events, truth: Self.truth(), settings: settings)
        // Its end was never said: 6 s right, 0.5 s held, 1.5 s wrong.
        #expect(score.all.right == 6 && score.all.held == 0.5 && score.all.wrong == 1.5)
        #expect(score.wrongNames == [EventScore.WrongName(name: "Bob", person: "bob", ranges: [TimeRange(8.5, 10)])])
        #expect(score.people[0].firstNamed == nil && score.people[0].tally.recall == 0)
        #expect(score.table(events: "e", truth: "t").contains("wrong name: Bob on Bob, who was gone, 1.50 s (8.50…10.00)"))
    }

    @Test func namesThatMeanSomebodyAndStrangers() throws {
        let events = RecordedEvents(decisions: [Self.decision(0, 1, "new", "Miss A", Self.left), Self.decision(2, 2, "new", "Ann", Self.right), Self.decision(8, 2, "end", "Ann", nil)])
        var settings = EventScore.Settings()
        settings.names = ["Miss A": "ann"]
        settings.strangers = ["bob"]
        let score = try EventScore(events, truth: Self.truth(), settings: settings)
        #expect(score.all.due == 10 && score.all.named == 10 && score.all.wrong == 6)
        #expect(score.people[1].isStranger && score.people[1].tally.due == 0 && score.people[1].tally.recall == nil && score.people[1].tally.wrong == 6)
        settings.names = ["Miss A": "anna"]
        #expect(throws: GroundTruthError.self) { try EventScore(events, truth: Self.truth(), settings: settings) }
        settings.names = [:]
        // Nobody in the truth is called Miss A.
        let strict = try EventScore(events, truth: Self.truth(), settings: settings)
        #expect(strict.all.right == 0 && strict.all.wrong == 16 && strict.all.precision == 0)
    }

    @Test func whatIsDecidedWhileAModalityIsLost() throws {
        let lost = ClipTruth.Lost(video: [TimeRange(3, 5)], sound: [TimeRange(4, 6), TimeRange(9, 20)])
        let events = RecordedEvents(decisions: [
            Self.decision(1, 1, "new", "Ann", Self.left), Self.decision(4, 1, "update", nil, nil), Self.decision(4.5, 1, "update", "Bob", nil), Self.decision(5, 1, "update", "Ann", Self.left),
        ])
        let score = try EventScore(events, truth: Self.truth(lost: lost))
        // Picture lost 3…5: both due for 2 s, Ann named for 1 s, half a second of Bob on Ann.
        #expect(score.withoutVideo.due == 4 && score.withoutVideo.named == 1 && score.withoutVideo.wrong == 0.5)
        #expect(score.withoutVideo.decisions == 1 && score.withoutVideo.wrongDecisions == 1)
        // Sound lost 4…6 and 9…10: Ann 3 s, Bob 2 s due; Ann named 5…6 and 9…10.
        #expect(score.withoutSound.due == 5 && score.withoutSound.named == 2 && score.withoutSound.wrong == 0.5)
        #expect(score.withoutSound.decisions == 2 && score.withoutSound.wrongDecisions == 1)
        // All there 0…3 and 6…9.
        #expect(score.complete.due == 9 && score.complete.named == 5 && score.complete.decisions == 1)
    }

    @Test func aVoiceWithoutAFace() throws {
        var truth = Self.truth(speech: [.init(person: "carl", start: 1, end: 5, text: "", heard: "carl")])
        truth.people.append(.init(id: "carl", name: "Carl", onScreen: []))
        // Heard 1.08…5.08; named 3…7.5: 2.08 s right, 2.42 s held.
        let events = RecordedEvents(decisions: [Self.decision(3, 4, "new", "Carl", nil), Self.decision(7.5, 4, "end", "Carl", nil), Self.decision(2, 5, "new", "Bob", nil), Self.decision(4, 5, "end", "Bob", nil)])
        let score = try EventScore(events, truth: truth)
        let carl = try #require(score.people.last)
        #expect(carl.tally.due == 4 && carl.tally.right == 2.08 && carl.tally.held == 2.42)
        #expect(abs((carl.firstNamed ?? 0) - 1.92) < 1e-9)
        // Bob never said a word.
        #expect(score.wrongNames == [EventScore.WrongName(name: "Bob", person: nil, ranges: [TimeRange(2, 4)])])
    }

    @Test func anAppearanceThatGoesOverToAnotherPerson() throws {
        let frames = (0..<100).map { RecordedEvents.Frame(time: Double($0) / 10, faces: [.init(track: 1, box: $0 < 50 ? Self.left : Self.right)]) }
        let events = RecordedEvents(decisions: [Self.decision(1, 1, "new", "Ann", Self.left)], frames: frames)
        let score = try EventScore(events, truth: Self.truth())
        // Ann 1…5, on Bob 5…8, on nobody 8…10.
        #expect(score.all.right == 4 && score.all.wrong == 5 && score.all.held == 0)
        #expect(score.wrongNames.map(\.person) == ["bob", nil])
    }

    @Test func speakingFaces() throws {
        let truth = Self.truth(
            lost: .init(sound: [TimeRange(9, 10)]),
            speech: [.init(person: "ann", start: 0, end: 1, text: "", heard: "ann"), .init(person: "bob", start: 4, end: 5, text: "", kind: .silent), .init(person: "bob", start: 6, end: 7, text: "", heard: "bob"), .init(person: "ann", start: 9, end: 10, text: "", heard: "ann")])
        // Ann is seen to speak in her second, Bob is as sure where his lips move without sound, and is not followed where he speaks.
        let frames = (0..<100).map { index in
            var faces = [RecordedEvents.Sighting(track: 1, box: Self.left, speaking: index < 10 ? 0.9 : 0.1)]
            if (20..<80).contains(index), !(60..<70).contains(index) { faces.append(.init(track: 2, box: Self.right, speaking: (40..<50).contains(index) ? 0.9 : nil)) }
            return RecordedEvents.Frame(time: Double(index) / 10, faces: faces)
        }
        let speaking = try #require(try EventScore(RecordedEvents(decisions: [], frames: frames), truth: truth).speaking)
        // 90 frames of Ann (the last second is without sound) and 50 of Bob; 10 of 20 speaking faces found, at precision ½.
        #expect(speaking.faces == 140 && speaking.speaking == 10 && speaking.missed == 10)
        #expect(abs((speaking.averagePrecision ?? 0) - 0.25) < 1e-12)
    }

    @Test func whatIsSaidLater() throws {
        let truth = Self.truth(speech: [.init(person: "ann", start: 3, end: 5, text: "", heard: "ann")])
        // As sure as can be, half a second late.
        let frames = (0..<100).map { RecordedEvents.Frame(time: Double($0) / 10, faces: [.init(track: 1, box: Self.left, speaking: (35..<55).contains($0) ? 1 : 0)]) }
        let speaking = try #require(try EventScore(RecordedEvents(decisions: [], frames: frames), truth: truth).speaking)
        #expect(speaking.bestDelay == 0.5 && speaking.bestAveragePrecision == 1)
        // 15 of the 20 confident ones are true; the other 5 come with the rest.
        #expect(abs((speaking.averagePrecision ?? 0) - (0.75 * 0.75 + 0.25 * 0.2)) < 1e-12)
        var settings = EventScore.Settings()
        settings.speakingDelay = 0.5
        #expect(try EventScore(RecordedEvents(decisions: [], frames: frames), truth: truth, settings: settings).speaking?.averagePrecision == 1)
    }

    @Test func averagePrecision() {
        #expect(AveragePrecision.of([]) == nil)
        #expect(AveragePrecision.of([(0.5, false)]) == nil)
        #expect(AveragePrecision.of([(0.5, true)]) == 1)
        // scikit-learn: average_precision_score([1, 0, 1, 1, 0], [0.9, 0.8, 0.7, 0.7, 0.1])
        let value = AveragePrecision.of([(0.9, true), (0.8, false), (0.7, true), (0.7, true), (0.1, false)])
        #expect(abs((value ?? 0) - 0.8333333333333333) < 1e-12)
    }

    @Test func tableJSONAndTimeLineAreTheSameEachTime() throws {
        let events = RecordedEvents(
            decisions: [Self.decision(1, 1, "new", "Ann", Self.left), Self.decision(3, 2, "new", "Zoë <b>", Self.right)], frames: [], soundOffset: 0.12)
        let truth = Self.truth(lost: .init(video: [TimeRange(3.3, 5)], frozen: [TimeRange(6, 7)]))
        let score = try EventScore(events, truth: truth), again = try EventScore(events, truth: truth)
        #expect(score.table(events: "e.jsonl", truth: "t.json") == again.table(events: "e.jsonl", truth: "t.json"))
        #expect(try score.json() == again.json())
        let table = score.table(events: "e.jsonl", truth: "t.json")
        #expect(table.contains("sound offset: +120 ms measured, +80 ms true, error +40 ms"))
        #expect(table.contains("wrong name: Zoë <b> on Bob, 7.00 s (3.00…10.00)"))
        let svg = ScoreTimeline(score, truth: truth).svg().text
        #expect(svg == ScoreTimeline(again, truth: truth).svg().text)
        #expect(svg.contains("Zoë &lt;b&gt;") && !svg.contains("<b>"))
        let parser = XMLCheck()
        #expect(parser.isWellFormed(svg))
    }

    @Test func eventsOfAnotherClip() {
        let events = RecordedEvents(decisions: [Self.decision(500, 1, "new", "Ann", Self.left)])
        let error = #expect(throws: GroundTruthError.self) { try EventScore(events, truth: Self.truth(), path: "e.jsonl") }
        #expect(error?.description.contains("e.jsonl: an event at 500.0 s, but made.mp4 lasts 10.0 s") == true)
    }
}

/// Tags that open and close each other, attributes in quotation marks.
private struct XMLCheck {
    func isWellFormed(_ text: String) -> Bool {
        var open: [Substring] = [], rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            rest = rest[rest.index(after: start)...]
            guard let end = rest.firstIndex(of: ">") else { return false }
            let tag = rest[..<end]
            rest = rest[rest.index(after: end)...]
            let name = tag.drop { $0 == "/" }.prefix { $0.isLetter }
            if tag.hasPrefix("/") { if open.popLast() != name { return false } } else if !tag.hasSuffix("/") { open.append(name) }
            if tag.count(where: { $0 == "\"" }) % 2 != 0 { return false }
        }
        return open.isEmpty
    }
}
