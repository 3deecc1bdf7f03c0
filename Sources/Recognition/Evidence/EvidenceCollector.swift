public import MediaTypes

/// Receives every embedding as recognition computes it; enrolment makes templates of them. Nothing else sees embeddings.
public protocol EvidenceCollector: AnyObject {
    /// An embedding of unit length of one picture of a face, and its quality 0…1.
    func collectFace(_ embedding: [Float], quality: Float, track: TrackID, at instant: Instant)
    /// An embedding of unit length of a run of speech. A later one of the same `run` replaces an earlier one.
    func collectVoice(_ embedding: [Float], seconds: Float, track: TrackID, run: Int, at instant: Instant)
}
