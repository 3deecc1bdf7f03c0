public import MediaTypes

/// Where events wait, how many, and for how long.
public struct OutboxSettings: Hashable, Sendable {
    /// A file in an existing folder on a local file system.
    public var path: String
    /// At least 1. One more, and the oldest is dropped and counted.
    public var maxEvents: Int
    /// At least one second. An event that is older is dropped and counted, never sent.
    public var ttl: TimeSpan

    public init(path: String, maxEvents: Int = 100_000, ttl: TimeSpan = .seconds(300)) {
        self.path = path
        self.maxEvents = maxEvents
        self.ttl = ttl
    }

    func validate() throws(OutboxError) {
        guard !path.isEmpty else { throw .invalidSettings(reason: "no path; name a file under outbox.path") }
        guard maxEvents >= 1 else { throw .invalidSettings(reason: "max_events is \(maxEvents), expected at least 1") }
        guard ttl >= .seconds(1), ttl <= .seconds(30 * 86_400) else {
            throw .invalidSettings(reason: "ttl is \(ttl.seconds) s, expected 1 s to 30 days")
        }
    }
}
