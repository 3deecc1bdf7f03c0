import Glibc

/// Digital telephony, ITU-T G.711: 8 kHz, 8 bits of µ-law, and back to 16 kHz.
public struct TelephoneCodec: Sendable {
    public init() {}

    /// One sample as the line delivers it: sign, three bits of exponent, four of mantissa.
    /// - Parameter sample: −1…1.
    /// - Returns: at most (|sample| + 132/32768)/32 away from it, but never beyond 32124/32768.
    public static func companded(_ sample: Float) -> Float {
        let bias: Int32 = 132
        let magnitude = min(32635, Int32((min(1, abs(sample)) * 32768).rounded())) + bias
        // 132 = 2⁷ + 4: the highest bit is the 8th to the 15th.
        let exponent = Int32(31 - magnitude.leadingZeroBitCount) - 7
        let mantissa = magnitude >> (exponent + 3) & 15
        let decoded = ((mantissa << 3 + bias) << exponent) - bias
        return sample < 0 ? -Float(decoded) / 32768 : Float(decoded) / 32768
    }

    /// 31 taps of a low-pass at 3600 Hz under a Hann window, of sum 1; and a zero, to make four vectors.
    private static let taps: [Float] = {
        let taps = (-15...15).map { n in
            let x = Double.pi * Double(n) * 0.45
            return (n == 0 ? 1 : sin(x) / x) * (0.5 + 0.5 * cos(Double.pi * Double(n) / 16))
        }
        let sum = taps.reduce(0, +)
        return taps.map { Float($0 / sum) } + [0]
    }()

    func apply(to samples: inout [Float]) {
        let count = samples.count
        // Every second sample of the filtered sound is coded; the others become zeros, which the second filtering fills.
        var padded = [Float](repeating: 0, count: count + 32)
        unsafe samples.withUnsafeBufferPointer { samples in for i in 0..<count { unsafe padded[15 + i] = samples[i] } }
        var coded = [Float](repeating: 0, count: count + 32)
        unsafe padded.withUnsafeBufferPointer { padded in
            for i in stride(from: 0, to: count, by: 2) { unsafe coded[15 + i] = 2 * Self.companded(Self.filter(padded.baseAddress! + i)) }
        }
        unsafe coded.withUnsafeBufferPointer { coded in
            unsafe samples.withUnsafeMutableBufferPointer { samples in
                for i in 0..<count { unsafe samples[i] = Self.filter(coded.baseAddress! + i) }
            }
        }
    }

    @inline(__always)
    private static func filter(_ window: UnsafePointer<Float>) -> Float {
        unsafe taps.withUnsafeBufferPointer { taps in
            var sum = SIMD8<Float>.zero
            for t in stride(from: 0, to: 32, by: 8) {
                unsafe sum += UnsafeRawPointer(taps.baseAddress! + t).loadUnaligned(as: SIMD8<Float>.self)
                    * UnsafeRawPointer(window + t).loadUnaligned(as: SIMD8<Float>.self)
            }
            return sum.sum()
        }
    }
}
