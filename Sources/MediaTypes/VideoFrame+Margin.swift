extension VideoFrame {
    /// A copy with black on the left and on top; for measurements of what should not depend on where in the picture it is. Allocates.
    /// - Precondition: even numbers of at least 0, for chroma has half as many; the sides stay within 16384.
    public func withMargin(left: Int, top: Int) -> VideoFrame {
        precondition(left >= 0 && top >= 0 && left % 2 == 0 && top % 2 == 0, "a margin of \(left) and \(top) pixels")
        let wider = VideoFrame(width: width + left, height: height + top, instant: instant, colourSpace: colourSpace)
        func copy(_ source: Span<UInt8>, _ target: UnsafeMutablePointer<UInt8>, width: Int, left: Int, top: Int, rows: Int, black: UInt8) {
            for row in 0..<rows {
                for column in 0..<width + left {
                    unsafe target[row * (width + left) + column] = row >= top && column >= left ? source[(row - top) * width + column - left] : black
                }
            }
        }
        unsafe wider.withUnsafePlanes { y, u, v in
            unsafe copy(luma, y, width: width, left: left, top: top, rows: wider.height, black: colourSpace.isFullRange ? 0 : 16)
            unsafe copy(cb, u, width: chromaWidth, left: left / 2, top: top / 2, rows: wider.chromaHeight, black: 128)
            unsafe copy(cr, v, width: chromaWidth, left: left / 2, top: top / 2, rows: wider.chromaHeight, black: 128)
        }
        return wider
    }
}
