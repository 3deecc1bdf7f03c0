/// How a frame's numbers become colours: matrix and range of its YCbCr samples.
public struct ColourSpace: Hashable, Sendable {
    public enum Matrix: Sendable { case bt601, bt709, bt2020 }

    public var matrix: Matrix
    /// True for luma 0…255 ("full", JPEG), false for 16…235 ("limited", television).
    public var isFullRange: Bool

    public init(matrix: Matrix, isFullRange: Bool) {
        self.matrix = matrix
        self.isFullRange = isFullRange
    }
}

/// One picture, upright, in planar YCbCr 4:2:0 with 8 bits: the one pixel format inside the project.
///
/// Whatever a decoder or camera delivers becomes this once, at the edge; colour is converted only for the crops that a
/// network reads. The storage is allocated once and refilled: a source hands out the same object again after the consumer
/// has returned. Thread-bound.
@safe public final class VideoFrame {
    public let width: Int
    public let height: Int
    /// Samples in a row of the two chroma planes: half the width, rounded up. Luma rows have ``width`` samples; no padding.
    public let chromaWidth: Int
    public let chromaHeight: Int
    /// Capture instant.
    public var instant: Instant
    public var colourSpace: ColourSpace
    private let storage: UnsafeMutableBufferPointer<UInt8>

    /// A frame of undefined content.
    /// - Precondition: both sides are 1…16384.
    public init(width: Int, height: Int, instant: Instant = .zero, colourSpace: ColourSpace = ColourSpace(matrix: .bt601, isFullRange: false)) {
        precondition((1...16384).contains(width) && (1...16384).contains(height), "frame of \(width)x\(height)")
        self.width = width
        self.height = height
        chromaWidth = (width + 1) / 2
        chromaHeight = (height + 1) / 2
        self.instant = instant
        self.colourSpace = colourSpace
        unsafe storage = .allocate(capacity: width * height + 2 * chromaWidth * chromaHeight)
    }

    deinit { unsafe storage.deallocate() }

    /// Luma, `[height, width]` row-major.
    public var luma: Span<UInt8> { @_lifetime(borrow self) get { plane(0..<width * height) } }

    /// Blue difference, `[chromaHeight, chromaWidth]` row-major.
    public var cb: Span<UInt8> {
        @_lifetime(borrow self) get { plane(width * height..<width * height + chromaWidth * chromaHeight) }
    }

    /// Red difference, `[chromaHeight, chromaWidth]` row-major.
    public var cr: Span<UInt8> {
        @_lifetime(borrow self) get {
            let start = width * height + chromaWidth * chromaHeight
            return plane(start..<start + chromaWidth * chromaHeight)
        }
    }

    @_lifetime(borrow self)
    private func plane(_ range: Range<Int>) -> Span<UInt8> {
        let span = unsafe Span(_unsafeElements: UnsafeBufferPointer(storage.extracting(range)))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// For sources that fill the frame and for kernels: luma, then Cb, then Cr, contiguous.
    public func withUnsafePlanes<R>(_ body: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt8>) throws -> R) rethrows -> R {
        let y = unsafe storage.baseAddress!
        let u = unsafe y + width * height
        let v = unsafe u + chromaWidth * chromaHeight
        return try unsafe body(y, u, v)
    }
}
