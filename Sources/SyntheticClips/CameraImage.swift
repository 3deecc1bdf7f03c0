import Biometrics
import MediaTypes
import SyntheticFaces

/// What a camera makes of a drawn picture: colours to YCbCr, focus, motion, few pixels, little light, noise. Thread-bound; keeps its buffers.
///
/// Noise is drawn from a table of a large prime number of values at a random place for each frame, which is as good to the eye and to networks as
/// fresh numbers, and ten times as fast.
final class CameraImage {
    private let width: Int
    private let height: Int
    private var scratch: [UInt8]
    private let noise: [Int8]
    private static let noiseCount = 131_071
    /// Standard deviation of the table, in its own units.
    private static let noiseScale = 32.0

    init(width: Int, height: Int, seed: UInt64) {
        self.width = width
        self.height = height
        scratch = [UInt8](repeating: 0, count: width * height)
        var random = SeededGenerator(seed: seed, stream: 0x6E6F)
        // The sum of twelve even numbers is normal enough.
        noise = (0..<Self.noiseCount).map { _ in
            let bits = (random.next(), random.next())
            var sum = 0
            for shift in stride(from: 0, to: 48, by: 8) { sum += Int(bits.0 >> UInt64(shift) & 255) + Int(bits.1 >> UInt64(shift) & 255) }
            return Int8(max(-127, min(127, (Double(sum) - 1530) / 256 * Self.noiseScale)))
        }
    }

    /// - Parameter frameSeed: what differs from frame to frame.
    func take(_ picture: Picture, camera: Scene.Camera, frameSeed: UInt64, into frame: VideoFrame) {
        convert(picture, Self.levels(camera), into: frame)
        let pixel = Double(width) / 1000
        unsafe frame.withUnsafePlanes { y, u, v in
            let planes = unsafe [(y, width, height, 1.0), (u, frame.chromaWidth, frame.chromaHeight, 0.5), (v, frame.chromaWidth, frame.chromaHeight, 0.5)]
            for unsafe (plane, w, h, scale) in unsafe planes {
                if camera.resolution < 1 { unsafe lower(plane, w, h, camera.resolution) }
                let blur = camera.blur * pixel * scale
                if blur > 0.2 { unsafe soften(plane, w, h, blur) }
                let motion = Int((camera.motion * pixel * scale).rounded())
                if motion > 1 { unsafe rows(plane, w, h, length: motion) }
            }
            guard camera.grain > 0.05 else { return }
            var random = SeededGenerator(seed: frameSeed)
            // Dark pictures are amplified, and their noise with them.
            let gain = camera.grain / (0.35 + 0.65 * camera.light)
            unsafe grain(y, width * height, gain, &random)
            let chroma = unsafe frame.chromaWidth * frame.chromaHeight
            unsafe grain(u, chroma, gain * 0.4, &random)
            unsafe grain(v, chroma, gain * 0.4, &random)
        }
    }

    /// Levels of red, green and blue after exposure and light; a lack of light is partly made good by the camera.
    private static func levels(_ camera: Scene.Camera) -> [UInt8] {
        let gain = Float(camera.exposure * (0.2 + 0.8 * camera.light))
        return (0..<256).map { level in
            let value = Float(level) / 255 * gain
            // Highlights saturate softly.
            let bent = value < 0.8 ? value : 0.8 + 0.2 * (1 - 1 / (1 + (value - 0.8) / 0.2))
            return UInt8(max(0, min(255, bent * 255 + 0.5)))
        }
    }

    /// BT.601, 16…235: chroma is the mean of the four pixels.
    private func convert(_ picture: Picture, _ levels: [UInt8], into frame: VideoFrame) {
        let chromaWidth = frame.chromaWidth, chromaHeight = frame.chromaHeight
        unsafe frame.withUnsafePlanes { y, u, v in
            unsafe picture.pixels.withUnsafeBufferPointer { pixels in
                unsafe levels.withUnsafeBufferPointer { levels in
                    for row in 0..<height {
                        let line = row * width
                        for x in 0..<width {
                            let at = (line + x) * 3
                            let r = unsafe Int32(levels[Int(pixels[at])]), g = unsafe Int32(levels[Int(pixels[at + 1])]), b = unsafe Int32(levels[Int(pixels[at + 2])])
                            unsafe y[line + x] = UInt8(truncatingIfNeeded: (66 * r + 129 * g + 25 * b + 128) >> 8 + 16)
                        }
                    }
                    for row in 0..<chromaHeight {
                        let (top, bottom) = (2 * row * width, min(2 * row + 1, height - 1) * width)
                        for x in 0..<chromaWidth {
                            let (left, right) = (2 * x, min(2 * x + 1, width - 1))
                            var r: Int32 = 0, g: Int32 = 0, b: Int32 = 0
                            func add(_ at: Int) {
                                unsafe r += Int32(levels[Int(pixels[at])])
                                unsafe g += Int32(levels[Int(pixels[at + 1])])
                                unsafe b += Int32(levels[Int(pixels[at + 2])])
                            }
                            add((top + left) * 3)
                            add((top + right) * 3)
                            add((bottom + left) * 3)
                            add((bottom + right) * 3)
                            unsafe u[row * chromaWidth + x] = UInt8(truncatingIfNeeded: (-38 * r - 74 * g + 112 * b + 512) >> 10 + 128)
                            unsafe v[row * chromaWidth + x] = UInt8(truncatingIfNeeded: (112 * r - 94 * g - 18 * b + 512) >> 10 + 128)
                        }
                    }
                }
            }
        }
    }

    private func grain(_ plane: UnsafeMutablePointer<UInt8>, _ count: Int, _ sigma: Double, _ random: inout SeededGenerator) {
        // 16 bits behind the point.
        let factor = Int32((sigma / Self.noiseScale * 65536).rounded())
        guard factor > 0 else { return }
        var done = 0
        unsafe noise.withUnsafeBufferPointer { noise in
            while done < count {
                let start = random.below(Self.noiseCount), run = min(count - done, Self.noiseCount - start, 4093)
                for index in 0..<run {
                    let value = unsafe Int32(plane[done + index]) + (Int32(noise[start + index]) * factor + 32768) >> 16
                    unsafe plane[done + index] = UInt8(truncatingIfNeeded: max(0, min(255, value)))
                }
                done += run
            }
        }
    }

    /// Three boxes are nearly a Gaussian.
    private func soften(_ plane: UnsafeMutablePointer<UInt8>, _ w: Int, _ h: Int, _ sigma: Double) {
        if sigma < 0.8 {
            // [k, 1 − 2k, k] has the variance 2k.
            let k = Int32((min(0.33, sigma * sigma / 2) * 256).rounded())
            unsafe tap(plane, w, h, k)
            return
        }
        // A box of length n has the variance (n² − 1) / 12.
        let length = max(3, Int((4 * sigma * sigma + 1).squareRoot().rounded()) | 1)
        for _ in 0..<3 {
            unsafe rows(plane, w, h, length: length)
            unsafe columns(plane, w, h, length: length)
        }
    }

    private func tap(_ plane: UnsafeMutablePointer<UInt8>, _ w: Int, _ h: Int, _ k: Int32) {
        let middle = 256 - 2 * k
        unsafe scratch.withUnsafeMutableBufferPointer { scratch in
            for row in 0..<h {
                let line = unsafe plane + row * w
                for x in 0..<w {
                    let sum = unsafe k * (Int32(line[max(0, x - 1)]) + Int32(line[min(w - 1, x + 1)])) + middle * Int32(line[x])
                    unsafe scratch[row * w + x] = UInt8(truncatingIfNeeded: (sum + 128) >> 8)
                }
            }
            for row in 0..<h {
                let (above, below) = (max(0, row - 1) * w, min(h - 1, row + 1) * w)
                for x in 0..<w {
                    let sum = unsafe k * (Int32(scratch[above + x]) + Int32(scratch[below + x])) + middle * Int32(scratch[row * w + x])
                    unsafe plane[row * w + x] = UInt8(truncatingIfNeeded: (sum + 128) >> 8)
                }
            }
        }
    }

    private func rows(_ plane: UnsafeMutablePointer<UInt8>, _ w: Int, _ h: Int, length: Int) {
        let before = length / 2, after = length - before
        let factor = Int32(65536 / length)
        unsafe scratch.withUnsafeMutableBufferPointer { line in
            for row in 0..<h {
                let source = unsafe plane + row * w
                for x in 0..<w { unsafe line[x] = source[x] }
                var sum: Int32 = 0
                for x in -before..<after { unsafe sum += Int32(line[max(0, min(w - 1, x))]) }
                for x in 0..<w {
                    unsafe source[x] = UInt8(truncatingIfNeeded: (sum * factor + 32768) >> 16)
                    unsafe sum += Int32(line[min(w - 1, x + after)]) - Int32(line[max(0, x - before)])
                }
            }
        }
    }

    /// All columns at once, so that memory is read in its order.
    private func columns(_ plane: UnsafeMutablePointer<UInt8>, _ w: Int, _ h: Int, length: Int) {
        let before = length / 2, after = length - before
        let factor = Int32(65536 / length)
        var sums = [Int32](repeating: 0, count: w)
        unsafe scratch.withUnsafeMutableBufferPointer { copy in
            for index in 0..<w * h { unsafe copy[index] = plane[index] }
            for row in -before..<after {
                let line = max(0, min(h - 1, row)) * w
                for x in 0..<w { unsafe sums[x] += Int32(copy[line + x]) }
            }
            for row in 0..<h {
                let (enters, leaves) = (min(h - 1, row + after) * w, max(0, row - before) * w)
                for x in 0..<w {
                    unsafe plane[row * w + x] = UInt8(truncatingIfNeeded: (sums[x] * factor + 32768) >> 16)
                    unsafe sums[x] += Int32(copy[enters + x]) - Int32(copy[leaves + x])
                }
            }
        }
    }

    /// As few pixels as that, and drawn large again between their middles.
    private func lower(_ plane: UnsafeMutablePointer<UInt8>, _ w: Int, _ h: Int, _ part: Double) {
        let (sw, sh) = (max(1, Int((Double(w) * part).rounded())), max(1, Int((Double(h) * part).rounded())))
        // Sums of up to some hundred pixels; what they are divided by is known before.
        var sums = [Int32](repeating: 0, count: sw), small = [Float](repeating: 0, count: sw * sh)
        let starts = (0...sw).map { $0 * w / sw }, inverse = (0..<sw).map { 1 / Float(max(1, starts[$0 + 1] - starts[$0])) }
        unsafe sums.withUnsafeMutableBufferPointer { sums in
            unsafe starts.withUnsafeBufferPointer { starts in
                for row in 0..<sh {
                    let (y0, y1) = (row * h / sh, max(row * h / sh + 1, (row + 1) * h / sh))
                    for x in 0..<sw { unsafe sums[x] = 0 }
                    for y in y0..<y1 {
                        let line = unsafe plane + y * w
                        for x in 0..<sw {
                            let end = unsafe starts[x + 1]
                            var at = unsafe starts[x], sum = unsafe sums[x]
                            repeat {
                                unsafe sum &+= Int32(line[at])
                                at &+= 1
                            } while at < end
                            unsafe sums[x] = sum
                        }
                    }
                    let share = 1 / Float(y1 - y0)
                    for x in 0..<sw { unsafe small[row * sw + x] = Float(sums[x]) * inverse[x] * share }
                }
            }
        }
        func place(_ at: Int, _ count: Int, of all: Int) -> (first: Int, second: Int, part: Float) {
            let f = max(0, min(Float(count - 1), (Float(at) + 0.5) * Float(count) / Float(all) - 0.5))
            return (Int(f), min(count - 1, Int(f) + 1), f - Float(Int(f)))
        }
        let columns = (0..<w).map { place($0, sw, of: w) }
        var mixed = [Float](repeating: 0, count: sw)
        unsafe mixed.withUnsafeMutableBufferPointer { mixed in
            unsafe small.withUnsafeBufferPointer { small in
                unsafe columns.withUnsafeBufferPointer { columns in
                    for row in 0..<h {
                        let (y0, y1, ty) = place(row, sh, of: h)
                        let upper = unsafe small.baseAddress! + y0 * sw, lower = unsafe small.baseAddress! + y1 * sw
                        for x in 0..<sw { unsafe mixed[x] = upper[x] + (lower[x] - upper[x]) * ty + 0.5 }
                        let line = unsafe plane + row * w
                        for x in 0..<w {
                            let (x0, x1, tx) = unsafe columns[x]
                            unsafe line[x] = UInt8(truncatingIfNeeded: Int32(mixed[x0] + (mixed[x1] - mixed[x0]) * tx))
                        }
                    }
                }
            }
        }
    }
}
