import AgentRuntime
import Foundation
import Gallery
import MediaTypes
import Publishing
import Recognition
import Testing

@Suite struct EventLineTests {
    private func line(_ decision: IdentityDecision) -> String {
        EventLine.text(
            IdentityEvent(
                decision, eventID: "01ARYZ6S410000000000000000", time: Date(timeIntervalSince1970: 3661.25), node: "hall", model: "m",
                galleryRevision: 1, replay: true))
    }

    @Test func `Somebody known by face and voice`() throws {
        let (ann, bob) = try Enrolled.people()
        let text = line(
            IdentityDecision(
                stage: .update, instant: .zero, track: TrackID(4), verdict: .identified, person: ann, score: 0.876, threshold: 0.5,
                margin: 0.5, runnerUp: (bob, 0.1), modality: .both, face: .init(score: 0.7, pixels: 80, quality: 0.9, yaw: 3),
                voice: .init(score: 0.41, speech: .milliseconds(1234), signalToNoise: nil), speaking: .init(state: true, confidence: 0.9)))
        #expect(
            text
                == "01:01:01.250  update  track 4  identified Ann  by face and voice  score 0.88 (0.50 needed)  face 0.70  voice 0.41 of 1.2 s  speaking"
        )
    }

    @Test func `Nobody known names nobody`() throws {
        let (_, bob) = try Enrolled.people()
        let text = line(
            IdentityDecision(
                stage: .new, instant: .zero, track: TrackID(1), verdict: .unknown, score: 0.2, threshold: 0.6, margin: 0.1,
                runnerUp: (bob, 0.1), modality: .face, face: .init(score: 0.2, pixels: 40, quality: 0.5, yaw: 0),
                speaking: .init(state: false, confidence: 0.1)))
        #expect(text == "01:01:01.250  new     track 1  unknown  by face  score 0.20 (0.60 needed)  face 0.20")
    }

    @Test func `An empty gallery gives no scores`() {
        let text = line(
            IdentityDecision(stage: .end, instant: .zero, track: TrackID(2), verdict: .rejected, threshold: 0))
        #expect(text == "01:01:01.250  end     track 2  rejected")
    }
}
