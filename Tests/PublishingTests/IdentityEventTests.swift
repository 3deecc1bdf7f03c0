import Foundation
import Gallery
import MediaTypes
import Publishing
import Recognition
import Testing

@Suite struct IdentityEventTests {
    private let ann: Person

    init() throws {
        let gallery = try Gallery(path: ":memory:", clock: { Date(timeIntervalSince1970: 0) }, randomness: { 0x12AB_34CD })
        let candidate = TemplateCandidate(modality: .face, embedding: [1, 0, 0, 0], quality: 0.8, origin: "a.png")
        ann = try gallery.enroll(
            PersonReference("Ann"), [candidate], encoders: [.face: EncoderIdentity(fingerprint: "e@sha256:01", dimension: 4)], policy: .none
        ).person
    }

    private func json(_ decision: IdentityDecision, time: Double = 1.5) throws -> String {
        let event = IdentityEvent(
            decision, eventID: "01ARYZ6S410000000000000000", time: Date(timeIntervalSince1970: time), node: "hall", model: "reference@sha256:ab12",
            galleryRevision: 4, replay: true)
        return String(decoding: try event.json(), as: UTF8.self)
    }

    @Test func `Nobody is null, and what was not measured is absent`() throws {
        let line = try json(IdentityDecision(stage: .new, instant: .zero, track: TrackID(1), verdict: .unknown, threshold: 0.6))
        #expect(
            line == """
                {"decision":"unknown","event_id":"01ARYZ6S410000000000000000","gallery_revision":4,"latency_ms":{"evidence_to_event":0},\
                "model":"reference@sha256:ab12","node":"hall","person":null,"queued_ms":0,"replay":true,"schema":"fwoc.identity/1",\
                "threshold":0.6,"track":1,"ts":"1970-01-01T00:00:01.500Z","type":"new"}
                """)
    }

    @Test func `Everything that was measured, rounded to what it is worth, keys in order`() throws {
        let line = try json(
            IdentityDecision(
                stage: .update, instant: .zero, track: TrackID(17), verdict: .identified, person: ann, score: 0.812_345, threshold: 0.6,
                margin: 0.233_349, runnerUp: (ann, 0.579_96), modality: .both,
                face: .init(score: 0.770_04, pixels: 142, quality: 0.9, yaw: -7.6),
                voice: .init(score: -0.012_34, speech: .milliseconds(2400), signalToNoise: 17.5),
                speaking: .init(state: true, confidence: 0.933_33), box: BoundingBox(x: 0.41, y: 0.222_22, width: 0.12, height: 0.19),
                evidenceAge: TimeSpan(nanoseconds: 74_499_999)))
        #expect(
            line == """
                {"bbox":[0.41,0.2222,0.12,0.19],"decision":"identified","event_id":"01ARYZ6S410000000000000000",\
                "face":{"px":142,"quality":0.9,"score":0.77,"yaw_deg":-8},"gallery_revision":4,"latency_ms":{"evidence_to_event":74},\
                "margin":0.2333,"modality":"both","model":"reference@sha256:ab12","node":"hall","person":{"id":"p_12ab34cd","name":"Ann"},\
                "queued_ms":0,"replay":true,"runner_up":{"id":"p_12ab34cd","score":0.58},"schema":"fwoc.identity/1","score":0.8123,\
                "speaking":{"confidence":0.9333,"state":true},"threshold":0.6,"track":17,"ts":"1970-01-01T00:00:01.500Z","type":"update",\
                "voice":{"score":-0.0123,"snr_db":18,"speech_ms":2400}}
                """)
    }

    /// Two digits, never less than the value.
    @Test(arguments: [
        (0.0001, "0.0001"), (0.000_123_4, "0.00013"), (0.0512, "0.052"), (0.99, "0.99"), (0.991, "1"), (1.0, "1"), (0.0, "0"), (0.07, "0.07"), (4.28e-7, "4.3e-07"),
    ])
    func `How probably it is a stranger is rounded up`(_ estimate: Double, _ text: String) throws {
        let line = try json(
            IdentityDecision(
                stage: .new, instant: .zero, track: TrackID(1), verdict: .identified, person: ann, score: 0.8, threshold: 0.6, modality: .face,
                falseAcceptEstimate: estimate))
        #expect(line.contains("\"event_id\":\"01ARYZ6S410000000000000000\",\"false_accept_estimate\":\(text),"), "\(line)")
    }

    @Test func `A face without anybody to compare it with has no score`() throws {
        let line = try json(
            IdentityDecision(
                stage: .end, instant: .zero, track: TrackID(2), verdict: .unknown, threshold: 0.6, modality: .face,
                face: .init(score: nil, pixels: 30, quality: 0.25, yaw: 0)))
        #expect(line.contains(#""face":{"px":30,"quality":0.25,"yaw_deg":0}"#))
        #expect(!line.contains("voice"))
    }

    /// RFC 3339 with milliseconds whatever the fraction.
    @Test(arguments: [(0.0, "1970-01-01T00:00:00.000Z"), (1_763_685_647.123, "2025-11-21T00:40:47.123Z"), (951_782_400.999, "2000-02-29T00:00:00.999Z")])
    func `Times are UTC with milliseconds`(_ time: Double, _ text: String) throws {
        let line = try json(IdentityDecision(stage: .new, instant: .zero, track: TrackID(1), verdict: .unknown, threshold: 0), time: time)
        #expect(line.contains("\"ts\":\"\(text)\""))
    }

    @Test func `The same decision gives the same bytes`() throws {
        let decision = IdentityDecision(
            stage: .new, instant: .zero, track: TrackID(1), verdict: .unknown, score: 1 / 3, threshold: 0.6, modality: .voice,
            voice: .init(score: 0.1, speech: .seconds(1), signalToNoise: nil))
        #expect(try json(decision) == json(decision))
    }
}
