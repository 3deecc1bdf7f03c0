import Foundation

/// Seeded normal and uniform numbers, the same on every machine.
struct Noise {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// [0, 1)
    mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var x = state
        x ^= x >> 32
        x = x &* 0x9E37_79B9_7F4A_7C15
        x ^= x >> 29
        return Double(x >> 11) / 9_007_199_254_740_992
    }

    mutating func normal() -> Double {
        (-2 * log(max(uniform(), 1e-300))).squareRoot() * cos(2 * .pi * uniform())
    }

    /// Sound of this many seconds, uniform in ±amplitude.
    static func samples(seconds: Int, amplitude: Int, rate: Int = 16_000) -> [Int16] {
        var noise = Noise(seed: 7)
        return (0..<seconds * rate).map { _ in Int16(Int(noise.uniform() * Double(2 * amplitude + 1)) - amplitude) }
    }
}
