import Foundation
import GroundTruth
import Testing

/// Truth and events as files.
@Suite struct TruthFileTests {
    private static let truth = ClipTruth(
        clip: "a.mp4", seed: 18_446_744_073_709_551_615, width: 320, height: 240, frameRate: 25, duration: 2, soundOffset: -0.04, soundDrift: 0.001,
        people: [.init(id: "a", name: "A", seed: 3, voice: 4, onScreen: [TimeRange(0, 2)])],
        speech: [.init(person: "a", start: 0.2, end: 1.2, text: "Hello there", kind: .own, heard: "a", phonemes: [.init(symbol: "h", start: 0.2, end: 0.25)])],
        lost: .init(video: [TimeRange(0.5, 0.75)]),
        frames: [.init(time: 0, faces: [.init(person: "a", box: [1.25, 2, 3, 4], landmarks: Array(repeating: 5.5, count: 10), pose: [1, -2, 3], visible: 0.5, mouth: [0.1, -0.01], speech: .own, phoneme: "h")])])

    @Test func comesBackAsItWas() throws {
        let bytes = try Self.truth.json()
        #expect(try ClipTruth(json: bytes, path: "t") == Self.truth)
        #expect(try ClipTruth(json: bytes, path: "t").json() == bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("\"frame_rate\":25") && text.contains("\"on_screen\":[[0,2]]") && text.contains("\"schema\":\"fwoc.truth/1\""))
    }

    @Test func heardWithItsOffsetAndDrift() {
        let heard = Self.truth.heard("a")
        #expect(heard.count == 1 && abs(heard[0].start - (0.2 - 0.04 + 0.0002)) < 1e-12 && abs(heard[0].end - (1.2 - 0.04 + 0.0012)) < 1e-12)
        #expect(Self.truth.heard("b").isEmpty)
        #expect(abs(Self.truth.meanSoundOffset + 0.039) < 1e-12)
    }

    @Test(arguments: [
        ("", "no JSON object"), ("[]", "no JSON object"), ("{}", "the schema is missing"), (#"{"schema":"fwoc.truth/9"}"#, "‘fwoc.truth/9’, expected ‘fwoc.truth/1’"),
        (#"{"schema":"fwoc.truth/1"}"#, "missing"),
    ])
    func files(text: String, message: String) {
        let error = #expect(throws: GroundTruthError.self) { try ClipTruth(json: Data(text.utf8), path: "t.json") }
        #expect(error?.description.hasPrefix("t.json: ") == true && error?.description.contains(message) == true, "\(String(describing: error))")
        #expect(error?.category == .badData)
    }

    @Test(arguments: [
        (#""height":240"#, #""height":0"#, "a picture of 320x0"), (#""person":"a""#, #""person":"z""#, "‘z’ is none of the people"), ("[[0,2]]", "[[2,0]]", "people[0].onScreen[0]"),
        (#""duration":2"#, #""duration":0"#, "must be positive"), ("[1.25,2,3,4]", "[1.25,2,3]", "a box has 4 numbers"), (#""kind":"own""#, #""kind":"loud""#, "speech[0].kind"),
        (#""end":1.2"#, #""end":0.1"#, "ends before it starts"),
    ])
    func contradictions(was: String, becomes: String, message: String) throws {
        let text = String(decoding: try Self.truth.json(), as: UTF8.self)
        #expect(text.contains(was))
        let error = #expect(throws: GroundTruthError.self) { try ClipTruth(json: Data(text.replacing(was, with: becomes).utf8), path: "t.json") }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func eventsAsTheAgentWritesThem() throws {
        let lines = """
            {"bbox":[0.1,0.2,0.3,0.4],"decision":"identified","event_id":"01","person":{"id":"p_1","name":"A"},"schema":"fwoc.identity/1","track":3,"ts":"1970-01-01T00:00:01.240Z","type":"new"}
            {"audio":"silent","faces":[{"bbox":[0.1,0.2,0.3,0.4],"decision":"identified","speaking":{"confidence":0.25,"state":false},"track":3}],"schema":"fwoc.observation/1","t":1.24,"video":"present"}
            {"schema":"fwoc.speaking/1"}

            {"frames":50,"schema":"fwoc.replay/1","sound_offset_ms":-80}
            """
        let events = try RecordedEvents(lines: Data(lines.utf8), path: "e")
        #expect(events.decisions == [.init(time: 1.24, track: 3, type: "new", name: "A", box: [0.1, 0.2, 0.3, 0.4])])
        #expect(events.frames == [.init(time: 1.24, faces: [.init(track: 3, box: [0.1, 0.2, 0.3, 0.4], speaking: 0.25)])])
        #expect(events.soundOffset == -0.08)
        let later = try RecordedEvents(lines: Data(lines.utf8), path: "e", recorded: Date(timeIntervalSince1970: 1))
        #expect(later.decisions[0].time == 0.24)
        #expect(try RecordedEvents(lines: Data(), path: "e").decisions.isEmpty)
    }

    @Test(arguments: [
        ("hello", "e:1: this is no event"), ("{}\n", "e:1: no schema"), ("\n{\"schema\":\"fwoc.identity/1\"}", "e:2: an identity event without"),
        (#"{"schema":"fwoc.identity/1","ts":"yesterday","track":1,"type":"new"}"#, "‘yesterday’ is no time"),
        (#"{"schema":"fwoc.identity/1","ts":"1970-01-01T00:00:01.240Z","track":1,"type":"old"}"#, "type ‘old’"),
        (#"{"schema":"fwoc.identity/1","ts":"1970-01-01T00:00:01.240Z","track":1,"type":"new","bbox":[1]}"#, "bbox has 1 numbers"),
        (#"{"schema":"fwoc.observation/1","t":1,"faces":[{"track":1}]}"#, "a face without bbox"),
    ])
    func badEvents(text: String, message: String) {
        let error = #expect(throws: GroundTruthError.self) { try RecordedEvents(lines: Data(text.utf8), path: "e") }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func filesThatAreNone() {
        let folder = FileManager.default.temporaryDirectory.path
        #expect(throws: GroundTruthError(.noInput, "\(folder): this is a directory; expected the truth of a clip, a JSON file of schema fwoc.truth/1")) { try ClipTruth(contentsOf: folder) }
        let missing = #expect(throws: GroundTruthError.self) { try RecordedEvents(contentsOf: "/nonexistent/e.jsonl") }
        #expect(missing?.category == .noInput)
    }

    @Test func ranges() {
        let ranges = [TimeRange(3, 4), TimeRange(0, 1), TimeRange(0.5, 2), TimeRange(2.5, 2.5)]
        #expect(ranges.joined() == [TimeRange(0, 2), TimeRange(3, 4)])
        #expect(ranges.joined(gap: 1) == [TimeRange(0, 4)])
        #expect(ranges.duration == 3)
        #expect(ranges.clipped(to: TimeRange(1.5, 3.5)) == [TimeRange(1.5, 2), TimeRange(3, 3.5)])
        #expect(ranges.contains(0) && ranges.contains(1.9) && !ranges.contains(2) && !ranges.contains(4))
    }
}
