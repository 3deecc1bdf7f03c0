import Glibc

/// Butterworth filters at 16 kHz as second-order sections (R. Bristow-Johnson's cookbook: bilinear transform), each 12 dB an octave.
struct BiquadCascade {
    private struct Section {
        let b0, b1, b2, a1, a2: Float

        enum Kind { case low, high }

        init(_ kind: Kind, frequency: Float, q: Double) {
            let w = 2 * Double.pi * Double(max(20, min(7900, frequency))) / 16000
            let (c, alpha) = (cos(w), sin(w) / (2 * q))
            let a0 = 1 + alpha
            let outer = (kind == .low ? 1 - c : 1 + c) / 2 / a0
            b0 = Float(outer)
            b1 = Float(kind == .low ? 2 * outer : -2 * outer)
            b2 = Float(outer)
            a1 = Float(-2 * c / a0)
            a2 = Float((1 - alpha) / a0)
        }
    }

    private let sections: [Section]

    /// Of a Butterworth filter of the fourth order.
    private static let qualities = [0.541_196_1, 1.306_562_96]

    /// - Parameter frequency: Hz; 3 dB are lost there.
    static func lowPass(_ frequency: Float) -> BiquadCascade { BiquadCascade(sections: qualities.map { Section(.low, frequency: frequency, q: $0) }) }

    static let telephone = BiquadCascade(
        sections: qualities.map { Section(.high, frequency: 300, q: $0) } + qualities.map { Section(.low, frequency: 3400, q: $0) })

    private init(sections: [Section]) { self.sections = sections }

    func apply(to samples: inout [Float]) {
        unsafe samples.withUnsafeMutableBufferPointer { samples in
            for section in sections {
                var (first, second): (Float, Float) = (0, 0)
                var i = 0
                while i < samples.count {
                    let end = min(samples.count, i + 64)
                    while i < end {
                        let x = unsafe samples[i]
                        let y = section.b0 * x + first
                        first = section.b1 * x - section.a1 * y + second
                        second = section.b2 * x - section.a2 * y
                        unsafe samples[i] = y
                        i += 1
                    }
                    // After sound has ended the state would decay into numbers that processors are slow at.
                    if abs(first) < 1e-20 { first = 0 }
                    if abs(second) < 1e-20 { second = 0 }
                }
            }
        }
    }
}
