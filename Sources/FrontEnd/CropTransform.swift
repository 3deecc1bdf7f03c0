public import MediaTypes

/// The similarity that maps the pixels of a crop to the pixels of the frame: x = a·u − b·v + tx, y = b·u + a·v + ty.
///
/// Both sides count pixels from their centres: (0, 0) is the centre of the top left pixel. All crops of the front end are of this
/// kind, so that what a network finds in a crop can be brought back to the frame.
public struct CropTransform: Hashable, Sendable {
    /// Frame pixels a crop pixel, times the cosine and the sine of the angle by which the crop is turned clockwise.
    public var a: Float
    public var b: Float
    /// Where the crop's first pixel lies in the frame.
    public var tx: Float
    public var ty: Float

    public init(a: Float, b: Float, tx: Float, ty: Float) {
        self.a = a
        self.b = b
        self.tx = tx
        self.ty = ty
    }

    /// Frame pixels a crop pixel.
    public var scale: Float { (a * a + b * b).squareRoot() }

    public func framePoint(_ crop: Point) -> Point {
        Point(x: a * crop.x - b * crop.y + tx, y: b * crop.x + a * crop.y + ty)
    }

    public func cropPoint(_ frame: Point) -> Point {
        let x = frame.x - tx
        let y = frame.y - ty
        let norm = a * a + b * b
        return Point(x: (a * x + b * y) / norm, y: (a * y - b * x) / norm)
    }

    /// A square of `side` frame pixels about `centre`, turned clockwise by the angle of `cosine` and `sine`, as `size` × `size` crop pixels.
    init(centre: Point, side: Float, size: Int, cosine: Float = 1, sine: Float = 0) {
        let step = side / Float(size)
        let half = Float(size - 1) / 2
        a = step * cosine
        b = step * sine
        tx = centre.x - (a * half - b * half)
        ty = centre.y - (b * half + a * half)
    }
}
