import Capture
import MediaTypes
import Testing

/// What the conversion loops should do, said slowly.
enum RawPictureReference {
    /// Luma, Cb and Cr of a picture as it lies in a camera's buffer.
    static func planes(_ content: [UInt8], _ picture: RawPicture) -> [[UInt8]] {
        let w = picture.width, h = picture.height, stride = picture.stride
        let cw = (w + 1) / 2, ch = (h + 1) / 2
        var luma: [UInt8] = [], cb: [UInt8] = [], cr: [UInt8] = []
        switch picture.layout {
        case .yuyv:
            for y in 0..<h { for x in 0..<w { luma.append(content[y * stride + 2 * x]) } }
            for y in 0..<ch {
                for x in 0..<cw {
                    let above = 2 * y * stride + 4 * x, below = min(2 * y + 1, h - 1) * stride + 4 * x
                    cb.append(UInt8((Int(content[above + 1]) + Int(content[below + 1]) + 1) / 2))
                    cr.append(UInt8((Int(content[above + 3]) + Int(content[below + 3]) + 1) / 2))
                }
            }
        case .nv12:
            for y in 0..<h { for x in 0..<w { luma.append(content[y * stride + x]) } }
            let chroma = stride * h, chromaStride = max(stride, 2 * cw)
            for y in 0..<ch {
                for x in 0..<cw {
                    cb.append(content[chroma + y * chromaStride + 2 * x])
                    cr.append(content[chroma + y * chromaStride + 2 * x + 1])
                }
            }
        case .yuv420:
            for y in 0..<h { for x in 0..<w { luma.append(content[y * stride + x]) } }
            let chroma = stride * h, chromaStride = (stride + 1) / 2
            for y in 0..<ch { for x in 0..<cw { cb.append(content[chroma + y * chromaStride + x]) } }
            for y in 0..<ch { for x in 0..<cw { cr.append(content[chroma + (ch + y) * chromaStride + x]) } }
        }
        return [luma, cb, cr]
    }
}

extension VideoFrame {
    /// Luma, Cb and Cr.
    var copiedPlanes: [[UInt8]] {
        [luma.indices.map { luma[$0] }, cb.indices.map { cb[$0] }, cr.indices.map { cr[$0] }]
    }
}

struct RawPictureTests {
    @Test(arguments: [RawPicture.Layout.yuyv, .nv12, .yuv420], [(1, 1), (2, 2), (3, 2), (2, 3), (33, 17), (64, 48), (131, 7)])
    func againstTheReference(layout: RawPicture.Layout, size: (Int, Int)) {
        var generator = SystemRandomNumberGenerator()
        let colour = ColourSpace(matrix: .bt709, isFullRange: true)
        for padding in [0, 1, 14] {
            let least = layout == .yuyv ? (size.0 + 1) / 2 * 4 : size.0
            let picture = RawPicture(layout: layout, width: size.0, height: size.1, stride: least + padding, colourSpace: colour)
            #expect(picture.stride == least + padding)
            let content = (0..<picture.leastBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let frame = VideoFrame(width: size.0, height: size.1)
            picture.convert(content.span, into: frame)
            #expect(frame.copiedPlanes == RawPictureReference.planes(content, picture), "\(size), padding \(padding)")
            #expect(frame.colourSpace == colour)
        }
    }

    @Test func aStrideThatIsTooShortIsNone() {
        let colour = ColourSpace(matrix: .bt601, isFullRange: false)
        #expect(RawPicture(layout: .yuyv, width: 64, height: 48, stride: 0, colourSpace: colour).stride == 128)
        #expect(RawPicture(layout: .nv12, width: 64, height: 48, stride: 63, colourSpace: colour).leastBytes == 64 * 72)
    }
}
