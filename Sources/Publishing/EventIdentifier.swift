/// Identifiers of events in ULID form: 48 bits of milliseconds and 80 bits that tell events of one millisecond apart, in
/// Crockford's base 32, so that they sort by time (github.com/ulid/spec).
///
/// The 80 bits come from a seeded generator (SplitMix64, Steele et al. 2014): a replay gives the same identifiers again, a
/// live agent seeds it from the system's entropy.
public struct EventIdentifierSequence: Sendable {
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// - Parameter milliseconds: since 1970; the lowest 48 bits are used.
    public mutating func next(milliseconds: Int64) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(26)
        let time = UInt64(bitPattern: milliseconds) & 0xFFFF_FFFF_FFFF
        for shift in stride(from: 45, through: 0, by: -5) { text.append(Self.alphabet[Int((time >> UInt64(shift)) & 31)]) }
        for _ in 0..<2 {
            let bits = random()
            for shift in stride(from: 35, through: 0, by: -5) { text.append(Self.alphabet[Int((bits >> UInt64(shift)) & 31)]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func random() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
