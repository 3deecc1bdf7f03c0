import Gallery
import MediaTypes

/// One appearance of one person: everything gathered under one track identifier.
///
/// Reused from a pool, so that a new face allocates nothing. Thread-bound.
final class Appearance {
    var id = TrackID(0)
    var start = Instant.zero
    var filter: DecisionFilter
    var face: FaceEvidence
    var voice: VoiceEvidence?
    var speaking = SpeakingEvidence(at: 0)
    /// Whether a face belongs to it; false for a voice without one.
    var hasFace = true
    /// Slot of the speaking-face scorer.
    var slot: Int?
    /// Grid frame that the next crop fills.
    var nextGridFrame = 0
    var lastFaceAttempt: Instant?
    /// In fractions of the picture.
    var box: BoundingBox?
    /// Of the face's box, in pixels.
    var largestHeight: Float = 0
    var shape: FaceShape?
    var mouth = MouthHistory()
    /// Evidence came in since the last look.
    var isDirty = false
    var lastConsidered: Instant?
    var lastMatch: MatchResult?
    var isEnded = false

    init(faceDimension: Int, voiceEncoder: VoiceEncoder?, filter: DecisionFilter.Settings) {
        self.filter = DecisionFilter(settings: filter, start: .zero)
        face = FaceEvidence(dimension: faceDimension)
        voice = voiceEncoder.map { VoiceEvidence(encoder: $0) }
    }

    func begin(_ id: TrackID, at instant: Instant, hasFace: Bool) {
        self.id = id
        start = instant
        filter = DecisionFilter(settings: filter.settings, start: instant)
        face.reset()
        voice?.reset()
        self.hasFace = hasFace
        slot = nil
        nextGridFrame = SpeakingGrid.index(at: instant)
        speaking.reset(at: nextGridFrame)
        lastFaceAttempt = nil
        box = nil
        largestHeight = 0
        shape = nil
        mouth.forget()
        isDirty = false
        lastConsidered = nil
        lastMatch = nil
        isEnded = false
    }
}
