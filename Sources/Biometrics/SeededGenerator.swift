/// A random generator whose whole sequence follows from its seed, on every platform and in every version of Swift.
///
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). Not for secrets.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// The generator number `stream` of a family: what runs in parallel draws from one each, so that the order of work does not matter.
    public init(seed: UInt64, stream: Int) {
        var root = SeededGenerator(seed: seed)
        state = root.next() ^ (UInt64(bitPattern: Int64(stream)) &* 0xD1B5_4A32_D192_ED03)
        _ = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in `0..<bound`, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    ///
    /// Written out because the standard library does not promise that `Int.random(in:using:)` stays the same function.
    /// - Precondition: `bound > 0`.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "no number is below \(bound)")
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// `count` different elements of `elements` in random order (Fisher and Yates).
    /// - Precondition: `count <= elements.count`.
    public mutating func sample<Element>(_ count: Int, of elements: [Element]) -> [Element] {
        precondition(count <= elements.count, "\(count) of \(elements.count) elements")
        var pool = elements
        for index in 0..<count { pool.swapAt(index, index + below(pool.count - index)) }
        return Array(pool.prefix(count))
    }
}
