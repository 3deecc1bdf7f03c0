/// The mouth, in widths of the face (ear to ear, at rest).
public struct MouthPose: Sendable, Hashable {
    /// Gap between the inner lips, 0…0.35.
    public var opening: Float
    /// Distance of the corners less that at rest; negative: rounded. −0.12…0.12.
    public var width: Float
    /// 0 (down) … 1 (raised to the teeth).
    public var tongue: Float

    public init(opening: Float = 0, width: Float = 0, tongue: Float = 0) {
        self.opening = opening
        self.width = width
        self.tongue = tongue
    }
}

/// How a head is held and what the face does; signs as `FrontEnd.HeadPose`.
public struct FacePose: Sendable, Hashable {
    /// Degrees; positive where the face looks to the image's right.
    public var yaw: Float
    /// Degrees; positive where it looks up.
    public var pitch: Float
    /// Degrees; positive where it leans clockwise in the image.
    public var roll: Float
    /// −1…1: to the image's left or right, down or up.
    public var gaze: SIMD2<Float>
    /// 0 (open) … 1 (closed).
    public var blink: Float
    /// −1 (drawn down) … 1 (raised).
    public var brows: Float
    /// −1…1.
    public var smile: Float
    public var mouth: MouthPose

    public init(
        yaw: Float = 0, pitch: Float = 0, roll: Float = 0, gaze: SIMD2<Float> = .zero, blink: Float = 0, brows: Float = 0, smile: Float = 0,
        mouth: MouthPose = MouthPose()
    ) {
        self.yaw = yaw
        self.pitch = pitch
        self.roll = roll
        self.gaze = gaze
        self.blink = blink
        self.brows = brows
        self.smile = smile
        self.mouth = mouth
    }
}

/// Where a head is in a picture.
public struct HeadPlacement: Sendable, Hashable {
    /// The point between the eyes, in pixels; the centre of the top left pixel is (0, 0).
    public var centre: SIMD2<Float>
    /// Pixels between the centres of the eyes of a frontal face.
    public var eyeDistance: Float

    public init(centre: SIMD2<Float>, eyeDistance: Float) {
        self.centre = centre
        self.eyeDistance = eyeDistance
    }
}
