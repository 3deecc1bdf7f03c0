/// A point in pixels of the frame; the centre of the top left pixel is (0, 0).
public struct Point: Hashable, Sendable {
    public var x: Float
    public var y: Float

    public init(x: Float, y: Float) {
        self.x = x
        self.y = y
    }
}

/// An upright box in pixels of the frame.
public struct BoundingBox: Hashable, Sendable {
    public var x: Float
    public var y: Float
    public var width: Float
    public var height: Float

    public init(x: Float, y: Float, width: Float, height: Float) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    public var area: Float { max(0, width) * max(0, height) }
    public var centre: Point { Point(x: x + width / 2, y: y + height / 2) }

    /// Area of the intersection over area of the union, 0…1.
    public func intersectionOverUnion(_ other: BoundingBox) -> Float {
        let w = min(x + width, other.x + other.width) - max(x, other.x)
        let h = min(y + height, other.y + other.height) - max(y, other.y)
        guard w > 0, h > 0 else { return 0 }
        let intersection = w * h
        return intersection / (area + other.area - intersection)
    }
}

/// Five points of a face in pixels of the frame. Left and right are the image's.
public struct FaceLandmarks: Hashable, Sendable {
    public var leftEye: Point
    public var rightEye: Point
    public var nose: Point
    public var leftMouth: Point
    public var rightMouth: Point

    public init(leftEye: Point, rightEye: Point, nose: Point, leftMouth: Point, rightMouth: Point) {
        self.leftEye = leftEye
        self.rightEye = rightEye
        self.nose = nose
        self.leftMouth = leftMouth
        self.rightMouth = rightMouth
    }

    /// In the order of the ArcFace template: eyes, nose, mouth corners.
    public var points: [Point] { [leftEye, rightEye, nose, leftMouth, rightMouth] }
}
