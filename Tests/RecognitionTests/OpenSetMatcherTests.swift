import Foundation
import Gallery
import Recognition
import Testing

struct OpenSetMatcherTests {
    static let encoders: [Modality: EncoderIdentity] = [
        .face: EncoderIdentity(fingerprint: "face@test", dimension: 4), .voice: EncoderIdentity(fingerprint: "voice@test", dimension: 4),
    ]

    /// Unit vector at an angle between the first two axes.
    static func vector(_ degrees: Double) -> [Float] { [Float(cos(degrees * .pi / 180)), Float(sin(degrees * .pi / 180)), 0, 0] }

    /// Ada at 0°, with face and voice; Bea at 60°, with a face alone.
    static func matcher(margin: Float = 0.05) throws -> OpenSetMatcher {
        let gallery = try Gallery(path: ":memory:", clock: { Date(timeIntervalSince1970: 0) })
        func template(_ modality: Modality, _ degrees: Double) -> TemplateCandidate {
            TemplateCandidate(modality: modality, embedding: vector(degrees), quality: 1, origin: "test")
        }
        try gallery.enroll(.name("Ada"), [template(.face, 0), template(.voice, 0)], encoders: encoders)
        try gallery.enroll(.name("Bea"), [template(.face, 60)], encoders: encoders)
        let scale = ScoreFusion.Scale(impostor: 0, genuine: 1, weight: 1)
        return OpenSetMatcher(
            gallery: try gallery.snapshot(encoders: encoders),
            settings: MatchSettings(
                thresholds: [.face: 0.7, .voice: 0.8, .both: 0.6], margin: margin, hysteresis: 0.1,
                fusion: ScoreFusion(face: scale, voice: scale, voiceHalfWeight: 1)))
    }

    @Test func namesWhoMatches() throws {
        let result = try #require(try Self.matcher().match(face: (Self.vector(5), 1), voice: nil, holder: nil))
        #expect(result.verdict == .identified)
        #expect(result.best?.name == "Ada")
        #expect(result.runnerUp?.name == "Bea")
        #expect(result.modality == .face)
    }

    @Test func nobodyBelowTheThreshold() throws {
        let result = try #require(try Self.matcher().match(face: (Self.vector(-80), 1), voice: nil, holder: nil))
        #expect(result.verdict == .unknown)
    }

    @Test func nobodyWithoutALead() throws {
        let result = try #require(try Self.matcher(margin: 0.1).match(face: (Self.vector(30), 1), voice: nil, holder: nil))
        #expect(result.verdict == .ambiguous)
    }

    @Test func aHolderStaysALittleBelow() throws {
        let matcher = try Self.matcher()
        let face = Self.vector(-50)
        let fresh = try #require(matcher.match(face: (face, 1), voice: nil, holder: nil))
        #expect(fresh.verdict == .unknown)
        let held = try #require(matcher.match(face: (face, 1), voice: nil, holder: fresh.best))
        #expect(held.verdict == .identified)
    }

    @Test func aVoiceAloneNeedsLength() throws {
        let matcher = try Self.matcher()
        #expect(matcher.match(face: nil, voice: (Self.vector(0), 1), holder: nil)?.verdict == .unknown)
        #expect(matcher.match(face: nil, voice: (Self.vector(0), 3), holder: nil)?.verdict == .identified)
    }

    @Test func aPersonWithoutAVoiceIsComparedByFaceAlone() throws {
        let result = try #require(try Self.matcher().match(face: (Self.vector(60), 1), voice: (Self.vector(90), 3), holder: nil))
        #expect(result.best?.name == "Bea")
        #expect(result.modality == .face)
        #expect(result.threshold == 0.7)
    }

    @Test func nothingToCompare() throws {
        #expect(try Self.matcher().match(face: nil, voice: nil, holder: nil) == nil)
    }

    @Test func anEmptyGalleryKnowsNobody() throws {
        let matcher = OpenSetMatcher(gallery: .empty, settings: try Self.matcher().settings)
        let result = try #require(matcher.match(face: (Self.vector(0), 1), voice: nil, holder: nil))
        #expect(result.verdict == .unknown)
        #expect(result.best == nil)
    }
}

struct ScoreFusionTests {
    let fusion = ScoreFusion(
        face: ScoreFusion.Scale(impostor: 0.1, genuine: 0.6, weight: 9), voice: ScoreFusion.Scale(impostor: 0.2, genuine: 0.7, weight: 3),
        voiceHalfWeight: 2)

    @Test func oneModalityIsItsOwnScale() {
        #expect(fusion.score(face: (0.35, 1), voice: nil) == 0.5)
        #expect(fusion.score(face: nil, voice: (0.7, 4)) == 1)
        #expect(fusion.score(face: nil, voice: nil) == nil)
    }

    @Test func weightsAreByQualityAndLength() throws {
        // Face 9 · 0.5 at 1, voice 3 · 2/(2+2) at 0: 4.5 / (4.5 + 1.5).
        let score = try #require(fusion.score(face: (0.6, 0.5), voice: (0.2, 2)))
        #expect(abs(score - 0.75) < 1e-6)
    }

    @Test func staysWithinBounds() {
        #expect(fusion.score(face: (1, 1), voice: nil) == 1)
        #expect(fusion.score(face: (-1, 1), voice: nil) == 0)
    }
}
