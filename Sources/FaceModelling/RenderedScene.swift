import Biometrics
import Foundation
import MediaFiles
import MediaTypes
public import SyntheticFaces

/// A person drawn as a webcam might show them, for measurements: room, light, pose, mouth, place, blur and noise follow from a number.
public struct RenderedScene {
    public private(set) var picture: SyntheticFaces.Picture
    public let face: DrawnFace

    /// - Parameter renderer: of the person.
    public init(_ renderer: HeadRenderer, number: UInt64, width: Int = 320, height: Int = 240) {
        var draw = Draws(seed: number)
        picture = Self.room(&draw, width, height)
        let pose = FacePose(
            yaw: draw.real(-25, 25), pitch: draw.real(-9, 7), roll: draw.real(-8, 8), gaze: SIMD2(draw.real(-0.6, 0.6), draw.real(-0.3, 0.3)), blink: draw.real(0, 0.2), brows: draw.real(-0.3, 0.5),
            smile: draw.real(-0.2, 0.7), mouth: MouthPose(opening: max(0, draw.real(-0.08, 0.16)), width: draw.real(-0.03, 0.02), tongue: draw.real(0, 1)))
        let place = HeadPlacement(centre: SIMD2(Float(width) / 2 + draw.real(-40, 40), Float(height) * 0.42 + draw.real(-14, 14)), eyeDistance: draw.real(32, 54))
        face = renderer.draw(pose, lighting: FaceLighting(seed: number), placement: place, onto: &picture)
        picture.blur(draw.real(0, 1) < 0.4 ? draw.real(0, 1.2) : 0)
        let grain = draw.real(0.5, 5)
        for i in picture.pixels.indices {
            let noise = (draw.real(-1, 1) + draw.real(-1, 1)) * grain
            picture.pixels[i] = UInt8(min(max(Float(picture.pixels[i]) + noise, 0), 255))
        }
    }

    private struct Draws {
        var generator: SeededGenerator
        init(seed: UInt64) { generator = SeededGenerator(seed: seed, stream: 5) }
        mutating func real(_ low: Float, _ high: Float) -> Float { low + (high - low) * Float(generator.next() >> 40) * 0x1p-24 }
    }

    /// A wall with furniture of plain colours, out of focus.
    private static func room(_ draw: inout Draws, _ width: Int, _ height: Int) -> SyntheticFaces.Picture {
        func colour(_ low: Float, _ high: Float, _ tint: Float) -> SIMD3<Float> {
            let grey = draw.real(low, high)
            return SIMD3(grey + draw.real(-tint, tint), grey + draw.real(-tint, tint) * 0.6, grey + draw.real(-tint, tint))
        }
        var values = [SIMD3<Float>](repeating: .zero, count: width * height)
        let wall = colour(90, 215, 22), slope = SIMD2(draw.real(-0.25, 0.25), draw.real(-0.3, 0.15))
        for y in 0..<height { for x in 0..<width { values[y * width + x] = wall * (1 + slope.x * (Float(x) / Float(width) - 0.5) + slope.y * (Float(y) / Float(height) - 0.5)) } }
        for _ in 0..<Int(draw.real(2, 9)) {
            let left = Int(draw.real(-30, Float(width))), top = Int(draw.real(-40, Float(height))), w = Int(draw.real(15, 120)), h = Int(draw.real(15, 150))
            let fill = colour(40, 210, 35), stripes = draw.real(0, 1) < 0.35, frame = draw.real(0, 1) < 0.4
            for y in max(0, top)..<max(max(0, top), min(height, top + h)) {
                for x in max(0, left)..<max(max(0, left), min(width, left + w)) {
                    let edge = min(min(x - left, left + w - 1 - x), min(y - top, top + h - 1 - y))
                    values[y * width + x] = fill * (stripes && (x / 7) % 2 == 0 ? 0.72 : 1) * (frame && edge < 4 ? 0.6 : 1)
                }
            }
        }
        var picture = SyntheticFaces.Picture(width: width, height: height)
        for i in values.indices { for c in 0..<3 { picture.pixels[3 * i + c] = UInt8(min(max(values[i][c], 0), 255)) } }
        picture.blur(draw.real(1.2, 3.5))
        return picture
    }
}

extension SyntheticFaces.Picture {
    /// Gaussian.
    mutating func blur(_ sigma: Float) {
        guard sigma > 0.05 else { return }
        let reach = Int((2.5 * sigma).rounded(.up))
        var kernel = (-reach...reach).map { exp(-Float($0 * $0) / (2 * sigma * sigma)) }
        let sum = kernel.reduce(0, +)
        kernel = kernel.map { $0 / sum }
        var rows = [Float](repeating: 0, count: pixels.count)
        for y in 0..<height {
            for x in 0..<width {
                for c in 0..<3 {
                    var value: Float = 0
                    for k in -reach...reach { value += kernel[k + reach] * Float(pixels[3 * (y * width + min(max(x + k, 0), width - 1)) + c]) }
                    rows[3 * (y * width + x) + c] = value
                }
            }
        }
        for y in 0..<height {
            for i in 0..<3 * width {
                var value: Float = 0
                for k in -reach...reach { value += kernel[k + reach] * rows[3 * width * min(max(y + k, 0), height - 1) + i] }
                pixels[3 * width * y + i] = UInt8(min(max(value + 0.5, 0), 255))
            }
        }
    }

    /// As BT.601 full range, chroma averaged over blocks of 2 × 2.
    var frame: VideoFrame {
        let frame = VideoFrame(width: width, height: height, colourSpace: ColourSpace(matrix: .bt601, isFullRange: true))
        let (cw, ch) = (frame.chromaWidth, frame.chromaHeight)
        func byte(_ v: Float) -> UInt8 { UInt8(min(max(v + 0.5, 0), 255)) }
        func rgb(_ x: Int, _ y: Int) -> (Float, Float, Float) {
            let i = 3 * (min(y, height - 1) * width + min(x, width - 1))
            return (Float(pixels[i]), Float(pixels[i + 1]), Float(pixels[i + 2]))
        }
        unsafe frame.withUnsafePlanes { luma, cb, cr in
            for y in 0..<height {
                for x in 0..<width {
                    let (r, g, b) = rgb(x, y)
                    unsafe luma[y * width + x] = byte(0.299 * r + 0.587 * g + 0.114 * b)
                }
            }
            for y in 0..<ch {
                for x in 0..<cw {
                    var r: Float = 0, g: Float = 0, b: Float = 0
                    for (i, j) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                        let p = rgb(2 * x + i, 2 * y + j)
                        r += p.0 / 4
                        g += p.1 / 4
                        b += p.2 / 4
                    }
                    unsafe cb[y * cw + x] = byte(128 - 0.168736 * r - 0.331264 * g + 0.5 * b)
                    unsafe cr[y * cw + x] = byte(128 + 0.5 * r - 0.418688 * g - 0.081312 * b)
                }
            }
        }
        return frame
    }

    /// Writes a PNG file.
    public func writePNG(_ path: String) throws {
        let canvas = Canvas(width: width, height: height)
        canvas.show(frame)
        try canvas.writePNG(path)
    }
}
