/// SplitMix64 (Steele, Lea and Flood 2014): a small generator whose whole state is its seed, the same everywhere.
///
/// Initial weights and anything else that must not change with libtorch's version are drawn from it.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    public private(set) var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// The generator of one named thing under a common seed: what it draws does not depend on what else is drawn.
    public init(seed: UInt64, name: String) {
        // FNV-1a, 64 bits.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        self.init(seed: seed)
        state = next() ^ hash
        _ = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in 0 ..< 1, with 24 bits: exact in single precision.
    public mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }
}
