/// Identifiers of events in ULID form: 48 bits of milliseconds and 80 bits that tell events of one millisecond apart, in
/// Crockford's base 32, so that they sort by time (github.com/ulid/spec). Those of one millisecond sort in the order in which they were made,
/// as the specification's monotonic identifiers do.
///
/// The 80 bits come from a seeded generator (SplitMix64, Steele et al. 2014): a replay gives the same identifiers again, a
/// live agent seeds it from the system's entropy.
public struct EventIdentifierSequence: Sendable {
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private var state: UInt64
    /// The newest identifier: its time, and its 80 bits in two halves.
    private var newest: (time: UInt64, high: UInt64, low: UInt64)?

    public init(seed: UInt64) { state = seed }

    /// - Parameter milliseconds: since 1970; the lowest 48 bits are used.
    public mutating func next(milliseconds: Int64) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(26)
        let time = UInt64(bitPattern: milliseconds) & 0xFFFF_FFFF_FFFF
        for shift in stride(from: 45, through: 0, by: -5) { text.append(Self.alphabet[Int((time >> UInt64(shift)) & 31)]) }
        let halfBits: UInt64 = (1 << 40) - 1
        var high = random() & halfBits, low = random() & halfBits
        if let newest, newest.time == time {
            low = (newest.low + 1) & halfBits
            high = (newest.high + (low == 0 ? 1 : 0)) & halfBits
        }
        newest = (time, high, low)
        for bits in [high, low] {
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
