import FrontEnd
import MediaTypes

/// Slow, readable versions of the picture kernels, in `Double` and without fixed-point weights.
struct ReferencePicture {
    let frame: VideoFrame

    /// Bilinear with replicated edges at (x, y), of averages over k × k blocks.
    private func bilinear(_ plane: (Int, Int) -> Double, width: Int, height: Int, _ x: Double, _ y: Double) -> Double {
        let x = min(max(x, 0), Double(width - 1))
        let y = min(max(y, 0), Double(height - 1))
        let (x0, y0) = (Int(x), Int(y))
        let (x1, y1) = (min(x0 + 1, width - 1), min(y0 + 1, height - 1))
        let (wx, wy) = (x - Double(x0), y - Double(y0))
        let top = plane(x0, y0) * (1 - wx) + plane(x1, y0) * wx
        let bottom = plane(x0, y1) * (1 - wx) + plane(x1, y1) * wx
        return top * (1 - wy) + bottom * wy
    }

    private func block(_ plane: borrowing Span<UInt8>, _ width: Int, _ height: Int, _ k: Int, _ i: Int, _ j: Int) -> Double {
        var sum = 0
        var count = 0
        for y in j * k..<min((j + 1) * k, height) {
            for x in i * k..<min((i + 1) * k, width) {
                sum += Int(plane[y * width + x])
                count += 1
            }
        }
        // Averages are kept as whole levels.
        return k == 1 ? Double(sum) : Double((sum + count / 2) / count)
    }

    /// Y, Cb, Cr at a frame position, after averaging k × k blocks of luma and c × c blocks of chroma.
    func sample(_ x: Double, _ y: Double, k: Int, c: Int) -> SIMD3<Double> {
        let (w, h) = (frame.width, frame.height)
        let (cw, ch) = (frame.chromaWidth, frame.chromaHeight)
        // A frame position among blocks of luma, and of chroma.
        let (bx, by) = ((x + 0.5) / Double(k) - 0.5, (y + 0.5) / Double(k) - 0.5)
        let (cx, cy) = ((x + 0.5) / 2 / Double(c) - 0.5, (y + 0.5) / 2 / Double(c) - 0.5)
        return SIMD3(
            bilinear({ block(frame.luma, w, h, k, $0, $1) }, width: (w + k - 1) / k, height: (h + k - 1) / k, bx, by),
            bilinear({ block(frame.cb, cw, ch, c, $0, $1) }, width: (cw + c - 1) / c, height: (ch + c - 1) / c, cx, cy),
            bilinear({ block(frame.cr, cw, ch, c, $0, $1) }, width: (cw + c - 1) / c, height: (ch + c - 1) / c, cx, cy))
    }

    func rgb(_ ycc: SIMD3<Double>) -> [Double] {
        let (kr, kb) =
            switch frame.colourSpace.matrix {
            case .bt601: (0.299, 0.114)
            case .bt709: (0.2126, 0.0722)
            case .bt2020: (0.2627, 0.0593)
            }
        let full = frame.colourSpace.isFullRange
        let y = full ? ycc.x : (ycc.x - 16) * 255 / 219
        let b = (ycc.y - 128) * (full ? 1 : 255 / 224.0)
        let r = (ycc.z - 128) * (full ? 1 : 255 / 224.0)
        let red = y + 2 * (1 - kr) * r
        let blue = y + 2 * (1 - kb) * b
        let green = (y - kr * red - kb * blue) / (1 - kr - kb)
        return [red, green, blue].map { min(max($0, 0), 255) }
    }

    /// Planes red, green, blue `[3, height, width]` of the letterbox's content.
    func resized(_ letterbox: Letterbox) -> [Double] {
        let (w, h) = (letterbox.contentWidth, letterbox.contentHeight)
        let sx = Double(frame.width) / Double(w)
        let sy = Double(frame.height) / Double(h)
        func blocks(_ scale: Double) -> Int { scale <= 2 ? 1 : Int(scale) }
        let k = blocks(min(sx, sy))
        let c = blocks(min(sx, sy) / 2)
        var out = [Double](repeating: 0, count: 3 * w * h)
        for j in 0..<h {
            for i in 0..<w {
                let colour = rgb(sample((Double(i) + 0.5) * sx - 0.5, (Double(j) + 0.5) * sy - 0.5, k: k, c: c))
                for c in 0..<3 { out[(c * h + j) * w + i] = colour[c] }
            }
        }
        return out
    }

    /// Planes red, green, blue, then grey, `[4, size, size]`, of a crop. One block outside the frame the border is reached.
    func crop(_ transform: CropTransform, size: Int, border: Double) -> [Double] {
        let k = transform.scale < 2 ? 1 : Int(transform.scale)
        let d = Double(k)
        var out = [Double](repeating: 0, count: 4 * size * size)
        for v in 0..<size {
            for u in 0..<size {
                let x = Double(transform.a) * Double(u) - Double(transform.b) * Double(v) + Double(transform.tx)
                let y = Double(transform.b) * Double(u) + Double(transform.a) * Double(v) + Double(transform.ty)
                func inside(_ p: Double, _ count: Int) -> Double {
                    let block = (p + 0.5) / d - 0.5
                    let last = Double((count + k - 1) / k - 1)
                    return max(0, 1 - max(0, -block, block - last))
                }
                let weight = inside(x, frame.width) * inside(y, frame.height)
                let ycc = sample(x, y, k: k, c: k)
                let grey = frame.colourSpace.isFullRange ? ycc.x : (ycc.x - 16) * 255 / 219
                for (c, level) in (rgb(ycc) + [min(max(grey, 0), 255)]).enumerated() {
                    out[(c * size + v) * size + u] = weight * level + (1 - weight) * border
                }
            }
        }
        return out
    }
}
