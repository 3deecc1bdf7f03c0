import CKernels
import MediaTypes

/// How an uncompressed picture lies in a camera's buffer. Reentrant.
public struct RawPicture: Hashable, Sendable {
    public enum Layout: Sendable {
        /// Y0 Cb Y1 Cr.
        case yuyv
        /// Luma, then rows of Cb Cr pairs.
        case nv12
        /// Luma, Cb, Cr, each a plane; chroma rows are half as long as luma's.
        case yuv420
    }

    public var layout: Layout
    public var width: Int
    public var height: Int
    public var colourSpace: ColourSpace
    /// Bytes from one row to the next, of luma or of the whole; never below what a row needs.
    public let stride: Int

    /// - Parameter stride: the driver's; what is too short for a row is taken for unknown.
    /// - Precondition: both sides are 1…16384.
    public init(layout: Layout, width: Int, height: Int, stride: Int, colourSpace: ColourSpace) {
        precondition((1...16384).contains(width) && (1...16384).contains(height), "raw picture of \(width)x\(height)")
        self.layout = layout
        self.width = width
        self.height = height
        self.colourSpace = colourSpace
        let least = layout == .yuyv ? (width + 1) / 2 * 4 : width
        self.stride = stride >= least && stride <= 1 << 20 ? stride : least
    }

    private var chromaWidth: Int { (width + 1) / 2 }
    private var chromaHeight: Int { (height + 1) / 2 }
    private var chromaStride: Int {
        switch layout {
        case .yuyv: 0
        case .nv12: max(stride, chromaWidth * 2)
        case .yuv420: (stride + 1) / 2
        }
    }

    /// What a buffer must hold. The last row may end without its padding.
    public var leastBytes: Int {
        switch layout {
        case .yuyv: stride * (height - 1) + chromaWidth * 4
        case .nv12: stride * height + chromaStride * (chromaHeight - 1) + chromaWidth * 2
        case .yuv420: stride * height + chromaStride * (2 * chromaHeight - 1) + chromaWidth
        }
    }

    /// Fills `frame` with the picture and its colour space.
    /// - Precondition: `content` holds ``leastBytes``, and `frame` has the picture's size.
    public func convert(_ content: Span<UInt8>, into frame: VideoFrame) {
        precondition(content.count >= leastBytes && frame.width == width && frame.height == height, "raw picture of another size")
        let w = Int32(width), h = Int32(height), cw = Int32(chromaWidth), ch = Int32(chromaHeight)
        let row = Int32(stride), chromaRow = Int32(chromaStride)
        unsafe content.withUnsafeBufferPointer { content in
            let source = content.baseAddress!
            let chroma = unsafe source + stride * height
            unsafe frame.withUnsafePlanes { y, u, v in
                switch layout {
                case .yuyv:
                    unsafe fwoc_capture_yuyv(source, row, w, h, y, u, v)
                case .nv12:
                    unsafe fwoc_capture_copy_plane(source, row, w, h, y)
                    unsafe fwoc_capture_split_chroma(chroma, chromaRow, w, h, u, v)
                case .yuv420:
                    unsafe fwoc_capture_copy_plane(source, row, w, h, y)
                    unsafe fwoc_capture_copy_plane(chroma, chromaRow, cw, ch, u)
                    unsafe fwoc_capture_copy_plane(chroma + chromaStride * chromaHeight, chromaRow, cw, ch, v)
                }
            }
        }
        frame.colourSpace = colourSpace
    }
}
