public import MediaTypes

/// How a frame was scaled to fit a network's input, to bring boxes back.
public struct Letterbox: Hashable, Sendable {
    /// The part of the input that the frame fills, from the top left; the rest is padding.
    public let contentWidth: Int
    public let contentHeight: Int
    /// Frame pixels an input pixel. The two differ by the rounding of the content's size to whole pixels.
    public let scaleX: Float
    public let scaleY: Float

    /// - Precondition: all sizes are positive.
    public init(frameWidth: Int, frameHeight: Int, width: Int, height: Int) {
        precondition(frameWidth > 0 && frameHeight > 0 && width > 0 && height > 0)
        let fit = min(Double(width) / Double(frameWidth), Double(height) / Double(frameHeight))
        contentWidth = min(width, max(1, Int((Double(frameWidth) * fit).rounded())))
        contentHeight = min(height, max(1, Int((Double(frameHeight) * fit).rounded())))
        scaleX = Float(frameWidth) / Float(contentWidth)
        scaleY = Float(frameHeight) / Float(contentHeight)
    }

    /// Exact inverse of the resampling, which aligns pixel edges: a point at the centre of input pixel i is (i + ½)·scale − ½ in the frame.
    public func framePoint(_ input: Point) -> Point {
        Point(x: (input.x + 0.5) * scaleX - 0.5, y: (input.y + 0.5) * scaleY - 0.5)
    }

    public func frameBox(_ input: BoundingBox) -> BoundingBox {
        let corner = framePoint(Point(x: input.x, y: input.y))
        return BoundingBox(x: corner.x, y: corner.y, width: input.width * scaleX, height: input.height * scaleY)
    }
}
