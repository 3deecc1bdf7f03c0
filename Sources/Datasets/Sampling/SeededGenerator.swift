/// SplitMix64 (Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*, 2014): the same numbers from the same seed on every
/// machine. Its state is one integer.
public struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable, Codable {
    public private(set) var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// A generator for one purpose of several that share a seed.
    public init(seed: UInt64, _ streams: UInt64...) {
        state = streams.reduce(Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)) { Self.mix($0 ^ Self.mix($1 &+ 0x9E37_79B9_7F4A_7C15)) }
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// Uniform in 0..<count. Slightly uneven for counts near 2⁶⁴, which do not occur.
    public mutating func index(below count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }

    /// Fisher and Yates. Not `shuffle(using:)`, whose order is the standard library's to change.
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(last, index(below: last + 1)) }
    }

    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// A hash of text that is the same in every run and on every machine: FNV-1a, mixed so that all bits depend on all.
public enum StableHash {
    public static func of(_ text: String, seed: UInt64 = 0) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return SeededGenerator.mix(hash ^ SeededGenerator.mix(seed &+ 0x9E37_79B9_7F4A_7C15))
    }

    /// The same in 0..<1.
    public static func fraction(_ text: String, seed: UInt64) -> Double { Double(of(text, seed: seed) >> 11) * 0x1p-53 }
}
