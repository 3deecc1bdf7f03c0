public import MediaTypes

/// How publishing does, at one moment. Counts are since the publisher was started.
public struct PublisherStatus: Hashable, Sendable {
    public var connected = false
    /// Of the present connection, or of the last one.
    public var version: MQTTVersion?
    /// "TLSv1.3"; nil without TLS.
    public var tlsVersion: String?
    /// "host:port"; nil without a broker.
    public var broker: String?
    public var clientID: String?
    /// What is wrong now; nil while all is well.
    public var lastError: MQTTFailure?
    /// Connections after the first.
    public var reconnects = 0

    /// Events that wait in the outbox.
    public var queued = 0
    public var droppedByAge = 0
    public var droppedByCount = 0
    /// Where a damaged outbox was moved, with the reason.
    public var outboxDamage: String?
    /// Events that were handed to the broker, repetitions included.
    public var published = 0
    /// Events that the broker confirmed.
    public var acknowledged = 0
    /// Events found to have arrived although their acknowledgement was lost, and therefore not sent again.
    public var recognised = 0
    /// Whether the broker tells this client, after a lost connection, which events had arrived. Without it an event may come twice.
    public var exactlyOnce = false
    /// From handing the newest confirmed event to the broker to its confirmation.
    public var lastPublishLatency: TimeSpan?

    /// Telemetry and speaking events that were dropped because there was no connection, or too many waited.
    public var droppedTransient = 0
    public var commandsAccepted = 0
    public var commandsRefused = 0

    public init() {}
}
