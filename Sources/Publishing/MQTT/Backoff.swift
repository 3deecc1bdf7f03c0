import MediaTypes

/// How long to wait before the next try: twice as long each time, half of it random, so that the clients of a broker that comes
/// back do not all come at once.
///
/// From 0.5 s on. Where somebody has to change a setting first it grows to 15 s; where the broker is merely away it stops at 3 s,
/// so that with a try that is under way the agent is back within 5 s of the broker.
struct Backoff: Sendable {
    static let first = TimeSpan.milliseconds(500)
    static let longestWhileAway = TimeSpan.milliseconds(3000)
    static let longest = TimeSpan.milliseconds(15_000)

    private var failures = 0

    /// - Parameter draw: from 0 up to 1.
    mutating func next(needsAttention: Bool, draw: Double) -> TimeSpan {
        let doubled = Self.first.seconds * Double(1 << min(failures, 10))
        failures += 1
        let limit = needsAttention ? Self.longest : Self.longestWhileAway
        return .seconds(min(doubled, limit.seconds) * (0.5 + draw / 2))
    }

    mutating func reset() { failures = 0 }
}
