import MediaTypes

/// A quarter of a large frame, at its own resolution, to look for faces that are lost when the whole frame is scaled down.
///
/// Quarters overlap, so that a small face on a seam is whole in one of them. The storage is allocated once. Thread-bound.
final class FrameTile {
    static let count = 4
    /// Overlap of neighbouring tiles in pixels.
    private static let overlap = 48

    let frame: VideoFrame
    private let frameWidth: Int
    private let frameHeight: Int

    init(frameWidth: Int, frameHeight: Int) {
        self.frameWidth = frameWidth
        self.frameHeight = frameHeight
        func side(_ length: Int) -> Int { min(length, (length / 2 + Self.overlap / 2 + 1) / 2 * 2) }
        frame = VideoFrame(width: side(frameWidth), height: side(frameHeight))
    }

    /// Copies one quarter.
    /// - Returns: where its top left pixel lies in the frame; even, so that chroma stays in place.
    func fill(_ index: Int, from source: VideoFrame) -> (x: Int, y: Int) {
        let x = index % 2 == 0 ? 0 : (frameWidth - frame.width) / 2 * 2
        let y = index / 2 == 0 ? 0 : (frameHeight - frame.height) / 2 * 2
        frame.colourSpace = source.colourSpace
        frame.instant = source.instant
        unsafe source.withUnsafePlanes { sy, su, sv in
            unsafe frame.withUnsafePlanes { ty, tu, tv in
                for row in 0..<frame.height {
                    unsafe (ty + row * frame.width).update(from: sy + (y + row) * source.width + x, count: frame.width)
                }
                for row in 0..<frame.chromaHeight {
                    let from = (y / 2 + row) * source.chromaWidth + x / 2
                    unsafe (tu + row * frame.chromaWidth).update(from: su + from, count: frame.chromaWidth)
                    unsafe (tv + row * frame.chromaWidth).update(from: sv + from, count: frame.chromaWidth)
                }
            }
        }
        return (x, y)
    }
}
