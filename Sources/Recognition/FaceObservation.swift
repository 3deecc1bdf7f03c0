public import Gallery
public import MediaTypes

/// What is known of one visible face at the newest frame; for people to look at.
public struct FaceObservation: Sendable {
    public var track: TrackID
    /// In pixels of the frame.
    public var box: BoundingBox
    public var landmarks: FaceLandmarks
    /// The detector's confidence 0…1 when it last found the face.
    public var detectionScore: Float
    /// False where the position is predicted.
    public var isMeasured: Bool
    public var verdict: Verdict?
    public var person: Person?
    public var modality: ModalitySet?
    public var score: Float?
    public var speaking: IdentityDecision.Speaking?
    public var shape: FaceShape?
}
