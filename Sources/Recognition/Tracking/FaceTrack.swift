public import MediaTypes

/// The name of one appearance of one face. Only grows; never used again within a run.
public struct TrackID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: Int

    public init(_ value: Int) { self.value = value }

    public var description: String { "\(value)" }
    public static func < (a: TrackID, b: TrackID) -> Bool { a.value < b.value }
}

/// A face followed from frame to frame.
public struct FaceTrack: Sendable {
    public let id: TrackID
    public internal(set) var firstSeen: Instant
    /// When a detection last confirmed the track.
    public internal(set) var lastSeen: Instant
    /// Landmarks as detected at ``lastSeen``, moved along with the predicted box since.
    public internal(set) var landmarks: FaceLandmarks
    /// The detector's confidence at ``lastSeen``.
    public internal(set) var score: Float
    /// Detections that the track consists of.
    public internal(set) var hits: Int
    /// True where the newest frame's detection confirmed the track; false where its position is a prediction.
    public internal(set) var isMeasured: Bool

    var x: ConstantVelocityFilter
    var y: ConstantVelocityFilter
    var width: ConstantVelocityFilter
    var height: ConstantVelocityFilter

    /// The filtered box in pixels of the newest frame.
    public var box: BoundingBox {
        let w = max(1, width.position)
        let h = max(1, height.position)
        return BoundingBox(x: x.position - w / 2, y: y.position - h / 2, width: w, height: h)
    }

    /// Side length that distances are measured in, in pixels.
    var size: Float { max(1, (width.position * height.position).squareRoot()) }
}
