import Foundation
import Gallery
import MediaTypes
import Publishing
import Recognition
import Testing

@Suite struct EventSchemaTests {
    private static let conforming = """
        {"schema":"fwoc.identity/1","event_id":"01ARYZ6S410000000000000000","type":"new","ts":"2026-11-21T00:40:47.123Z","node":"hall",\
        "decision":"unknown","person":null,"track":1,"model":"m","replay":true}
        """

    @Test func `The least event conforms`() throws {
        #expect(try EventSchema().complaints(Self.conforming) == [])
    }

    /// Each change of the least event, and what the complaint about it names.
    @Test(arguments: [
        (#""type":"new","#, "", "type is missing"),
        (#""person":null,"#, "", "person is missing"),
        (#""type":"new""#, #""type":"old""#, "event.type"),
        (#""decision":"unknown""#, #""decision":"maybe""#, "event.decision"),
        (#""replay":true"#, #""replay":1"#, "event.replay"),
        (#""replay":true"#, #""replay":true,"embedding":[1]"#, "embedding is not in the schema"),
        (#""track":1"#, #""track":0"#, "event.track"),
        (#""track":1"#, #""track":1.5"#, "event.track"),
        (#""person":null"#, #""person":{"id":"p_1"}"#, "event.person: name is missing"),
        (#""person":null"#, #""person":{"id":"p_1","name":"A","age":3}"#, "event.person: age is not in the schema"),
        (#""track":1"#, #""track":1,"modality":"lips""#, "event.modality"),
        (#""track":1"#, #""track":1,"bbox":[1,2,3]"#, "event.bbox"),
        (#""track":1"#, #""track":1,"face":{"px":3,"quality":2,"yaw_deg":0}"#, "event.face.quality"),
        (#""ts":"2026-11-21T00:40:47.123Z""#, #""ts":"2026-11-21 00:40""#, "event.ts"),
        ("01ARYZ6S410000000000000000", "01ARYZ6S41", "event.event_id"),
    ])
    func `A change is noticed and named`(_ was: String, _ becomes: String, _ named: String) throws {
        let line = Self.conforming.replacingOccurrences(of: was, with: becomes)
        try #require(line != Self.conforming)
        let complaints = try EventSchema().complaints(line)
        #expect(complaints.contains { $0.contains(named) }, "\(complaints)")
    }

    @Test func `Half a line is no JSON`() throws {
        #expect(try EventSchema().complaints(String(Self.conforming.dropLast(5))).first?.hasPrefix("no JSON") == true)
    }

    @Test(arguments: [DecisionStage.new, .update, .end], [ModalitySet.both, .face, .voice, nil])
    func `Events of every stage conform with and without face and voice`(_ stage: DecisionStage, _ modality: ModalitySet?) throws {
        let schema = try EventSchema()
        let (ann, bob) = try Enrolled.people()
        var identifiers = EventIdentifierSequence(seed: 7)
        let hasFace = modality == .both || modality == .face, hasVoice = modality == .both || modality == .voice
        for (verdict, person) in [(Verdict.identified, Optional(ann)), (.unknown, nil), (.ambiguous, nil), (.rejected, nil)] {
            for score in [Float?.none, 0, 0.33333, 1] {
                let decision = IdentityDecision(
                    stage: stage, instant: .seconds(1.25), track: TrackID(3), verdict: verdict, person: person, score: score,
                    threshold: 0.6, margin: score.map { $0 - 0.1 }, runnerUp: score.map { _ in (bob, 0.1) }, modality: modality,
                    face: hasFace ? .init(score: score, pixels: 73, quality: 0.87654, yaw: -12.6) : nil,
                    voice: hasVoice ? .init(score: score, speech: .milliseconds(1230), signalToNoise: score.map { _ in 18.4 }) : nil,
                    speaking: hasFace ? .init(state: hasVoice, confidence: 0.9) : nil,
                    box: hasFace ? BoundingBox(x: -0.01, y: 0.2, width: 0.1, height: 0.15) : nil, evidenceAge: .milliseconds(40),
                    falseAcceptEstimate: verdict == .identified ? score.map { Double(1 - $0) } : nil)
                let event = IdentityEvent(
                    decision, eventID: identifiers.next(milliseconds: 1250), time: Date(timeIntervalSince1970: 1.25), node: "hall",
                    model: "reference@sha256:ab12", galleryRevision: 4, replay: true)
                let line = String(decoding: try event.json(), as: UTF8.self)
                #expect(schema.complaints(line) == [], "\(line)")
                let json = try JSONValue(line)
                #expect(json["type"] == .string(stage.rawValue))
                #expect(json["decision"] == .string(verdict.rawValue))
                #expect((json["face"] != nil, json["voice"] != nil) == (hasFace, hasVoice))
            }
        }
    }
}

/// People as only a gallery makes them.
enum Enrolled {
    static let encoders: [Modality: EncoderIdentity] = [.face: EncoderIdentity(fingerprint: "face-encoder@sha256:0123456789ab", dimension: 512)]

    static func people() throws -> (Person, Person) {
        let gallery = try Gallery(path: ":memory:")
        return (try enroll("Ann", axis: 0, in: gallery), try enroll("Bob", axis: 1, in: gallery))
    }

    @discardableResult
    static func enroll(_ name: String, axis: Int, in gallery: Gallery) throws -> Person {
        var embedding = [Float](repeating: 0, count: 512)
        embedding[axis] = 1
        let candidate = TemplateCandidate(modality: .face, embedding: embedding, quality: 0.8, origin: "a.png")
        return try gallery.enroll(PersonReference(name), [candidate], encoders: encoders, policy: .none).person
    }
}
