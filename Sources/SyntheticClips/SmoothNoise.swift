import Biometrics

/// A smooth random function of time that can be asked for any moment: random values at even distances, cubic curves between them (Catmull and Rom).
struct SmoothNoise {
    private let seed: UInt64
    /// Values a second.
    private let rate: Double

    init(seed: UInt64, _ channel: Int, rate: Double) {
        var random = SeededGenerator(seed: seed, stream: channel)
        self.seed = random.next()
        self.rate = rate
    }

    /// Mean 0, most within ±1.
    func at(_ time: Double) -> Double {
        let place = time * rate
        let index = place.rounded(.down), t = place - index
        let (a, b, c, d) = (value(Int(index) - 1), value(Int(index)), value(Int(index) + 1), value(Int(index) + 2))
        return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    }

    private func value(_ index: Int) -> Double {
        var random = SeededGenerator(seed: seed, stream: index)
        return Double(random.next() >> 11) * 0x1p-52 - 1
    }
}

extension SeededGenerator {
    /// Uniform in 0..<1.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func uniform(_ range: ClosedRange<Double>) -> Double { range.lowerBound + fraction() * (range.upperBound - range.lowerBound) }

    mutating func chance(_ probability: Double) -> Bool { fraction() < probability }
}
