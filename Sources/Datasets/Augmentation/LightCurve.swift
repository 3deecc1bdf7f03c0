import Glibc

/// Light and colour: one curve for each plane, looked up, and the distance from grey.
struct LightCurve {
    var brightness: Float
    var contrast: Float
    var gamma: Float
    var saturation: Float
    var cast: [Float]
    /// The part of the light that is left.
    var light: Float

    var isIdentity: Bool {
        brightness == 0 && contrast == 1 && gamma == 1 && saturation == 1 && light >= 1 && cast.allSatisfy { $0 == 1 }
    }

    /// Display levels go with about the square root of the light; the camera's gain makes up for a part of what is missing, and what is dark sinks
    /// further, as sensors have a floor.
    private func curve(_ gain: Float) -> [UInt8] {
        let light = max(0.01, min(1, light))
        let exponent = max(0.05, gamma) * (1 + 0.35 * (1 - light))
        let dimmed = pow(light, 0.35)
        return (0...255).map { level in
            var v = dimmed * pow(Float(level) / 255, exponent) * gain
            v = (v - 0.5) * contrast + 0.5 + brightness
            return UInt8(max(0, min(255, (255 * v).rounded())))
        }
    }

    func apply(to crop: inout [UInt8], channels: Int) {
        let pixels = crop.count / channels
        let curves = channels == 3 && cast.count == 3 ? cast.map(curve) : [curve(1)]
        unsafe crop.withUnsafeMutableBufferPointer { levels in
            for channel in 0..<channels {
                let curve = curves[curves.count == 3 ? channel : 0]
                unsafe curve.withUnsafeBufferPointer { curve in
                    for i in channel * pixels..<(channel + 1) * pixels { unsafe levels[i] = curve[Int(levels[i])] }
                }
            }
        }
        // Colours fade in the dark.
        let part = max(0, min(4, saturation)) * (1 - 0.6 * (1 - max(0, min(1, light))))
        guard channels == 3, part != 1 else { return }
        let factor = Int32((part * 256).rounded())
        unsafe crop.withUnsafeMutableBufferPointer { levels in
            for i in 0..<pixels {
                let (r, g, b) = unsafe (Int32(levels[i]), Int32(levels[pixels + i]), Int32(levels[2 * pixels + i]))
                let grey = (77 &* r &+ 150 &* g &+ 29 &* b &+ 128) >> 8
                unsafe levels[i] = UInt8(truncatingIfNeeded: max(0, min(255, grey &+ ((r &- grey) &* factor &+ 128) >> 8)))
                unsafe levels[pixels + i] = UInt8(truncatingIfNeeded: max(0, min(255, grey &+ ((g &- grey) &* factor &+ 128) >> 8)))
                unsafe levels[2 * pixels + i] = UInt8(truncatingIfNeeded: max(0, min(255, grey &+ ((b &- grey) &* factor &+ 128) >> 8)))
            }
        }
    }
}
