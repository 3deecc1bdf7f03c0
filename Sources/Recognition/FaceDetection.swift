public import MediaTypes

/// One face that a detector found in one frame, in pixels of that frame.
public struct FaceDetection: Hashable, Sendable {
    public var box: BoundingBox
    public var landmarks: FaceLandmarks
    /// The detector's confidence, 0…1.
    public var score: Float

    public init(box: BoundingBox, landmarks: FaceLandmarks, score: Float) {
        self.box = box
        self.landmarks = landmarks
        self.score = score
    }
}
