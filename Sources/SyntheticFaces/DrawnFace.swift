public import MediaTypes

/// Where a drawn face is, in pixels of the picture; parts of it may lie outside.
public struct DrawnFace: Sendable, Hashable {
    /// As detectors mean it: from the forehead to the chin and from ear to ear.
    public var box: BoundingBox
    /// Centres of the eyes' openings, tip of the nose, corners of the mouth; left and right are the image's.
    public var landmarks: FaceLandmarks
    /// The 468 points of MediaPipe's face mesh.
    public var points: [Point]
    /// Part of the face's box that lies inside the picture, 0…1.
    public var visible: Float
}
