import Dispatch
public import Foundation
public import Logging
public import MediaTypes
import Synchronization

/// Publishes one node's events and states through MQTT, and takes commands.
///
/// Events are kept in the ``Outbox`` before anything else and leave it when the broker confirmed them; levels are kept in memory, newest
/// value only, and are sent again after every reconnect. See ``PublishingLoop`` for how an event arrives once.
///
/// Thread-safe. One network thread belongs to each publisher; commands are answered on a serial queue of their own, one at a time.
public final class Publisher: Sendable {
    /// Telemetry, speaking events and replies that may wait for the network thread.
    static let mostTransient = 64
    /// Commands that may wait to be answered.
    static let mostCommands = 8

    /// What callers and the network thread share.
    struct Shared {
        var outbox: Outbox?
        var levels: [Level: Data] = [:]
        var changedLevels: Set<Level> = []
        var isOnline = false
        var isAvailabilityChanged = false
        var transient: [MQTTPublication] = []
        var pendingCommands = 0
        /// On the uptime clock.
        var stopBy: TimeSpan?
        var status = PublisherStatus()
    }

    /// The part that the network thread and the command queue keep alive.
    final class Core: Sendable {
        let topics: Topics
        let settings: MQTTSettings
        let outboxSettings: OutboxSettings
        let discovery: Data?
        let logger: Logger
        let answer: @Sendable (Command) -> CommandReply
        let commandQueue = DispatchQueue(label: "fwoc.commands")
        let interrupt = LoopInterrupt()
        let shared = Mutex(Shared())
        let finished = DispatchSemaphore(value: 0)

        init(
            topics: Topics, settings: MQTTSettings, outboxSettings: OutboxSettings, discovery: Data?, logger: Logger,
            answer: @escaping @Sendable (Command) -> CommandReply
        ) {
            self.topics = topics
            self.settings = settings
            self.outboxSettings = outboxSettings
            self.discovery = discovery
            self.logger = logger
            self.answer = answer
        }

        /// Bounded; the oldest is dropped and counted.
        func enqueue(_ publication: MQTTPublication, onlyConnected: Bool) {
            shared.withLock { shared in
                guard !onlyConnected || shared.status.connected else {
                    shared.status.droppedTransient += 1
                    return
                }
                if shared.transient.count == Publisher.mostTransient {
                    shared.transient.removeFirst()
                    shared.status.droppedTransient += 1
                }
                shared.transient.append(publication)
            }
            interrupt.raise()
        }
    }

    private let core: Core?
    private let clock: @Sendable () -> OutboxMoment

    /// - Parameters:
    ///   - node: see ``Topics/init(node:)``.
    ///   - mqtt: nil: there is no broker; everything that is published is dropped.
    ///   - device: what Home Assistant shows; nil: no discovery.
    ///   - clock: time as a parameter, for the outbox.
    ///   - commands: called one at a time, on a queue of the publisher's own; may block.
    public init(
        node: String, mqtt: MQTTSettings?, outbox: OutboxSettings, device: HomeAssistantDiscovery.Device? = .init(),
        logger: Logger = Logger(label: "mqtt"), clock: @escaping @Sendable () -> OutboxMoment = { .now() },
        commands: @escaping @Sendable (Command) -> CommandReply
    ) throws {
        self.clock = clock
        let topics = try Topics(node: node)
        try outbox.validate()
        guard let mqtt else {
            core = nil
            return
        }
        try mqtt.validate()
        core = Core(
            topics: topics, settings: mqtt, outboxSettings: outbox, discovery: device.map { HomeAssistantDiscovery(topics: topics, device: $0).json() },
            logger: logger, answer: commands)
        core?.shared.withLock { shared in
            shared.status.broker = mqtt.broker
            // What an earlier run left at the broker is not true any more.
            shared.levels[.presence] = PresencePayload(node: node, time: clock().wall).json()
            shared.levels[.camera] = DeviceState.offline.payload
            shared.levels[.microphone] = DeviceState.offline.payload
            shared.changedLevels = [.presence, .camera, .microphone]
            shared.isAvailabilityChanged = true
        }
    }

    deinit {
        guard let core else { return }
        core.shared.withLock { $0.stopBy = $0.stopBy ?? .zero }
        core.interrupt.raise()
    }

    /// Opens the outbox and begins to connect; a broker that is away is no error. Call it once.
    ///
    /// - Throws: ``OutboxError`` where the outbox cannot be used, ``MQTTFailure`` where a file of the TLS settings cannot.
    public func start() throws {
        guard let core else { return }
        if let tls = core.settings.tls { _ = try TLSContext(tls, host: core.settings.host, broker: core.settings.broker) }
        let outbox = try Outbox(settings: core.outboxSettings, clock: clock, logger: core.logger)
        let clientID = core.settings.clientID ?? "fwoc-\(core.topics.identifier)-\(outbox.clientSuffix)"
        core.shared.withLock { shared in
            precondition(shared.outbox == nil, "a publisher is started once")
            shared.outbox = outbox
            shared.status.clientID = clientID
        }
        let thread = Thread {
            PublishingLoop(core: core, outbox: outbox, clientID: clientID).run()
            outbox.release()
            core.finished.signal()
        }
        thread.name = "fwoc-mqtt"
        thread.start()
    }

    /// Keeps an identity event and sends it as soon as possible. Durable when this returns: some milliseconds of disk.
    ///
    /// - Parameters:
    ///   - event: JSON with `event_id` equal to `id`, and `queued_ms`.
    ///   - id: unique among events.
    /// - Throws: ``OutboxError``; the event is lost then.
    public func publish(event: Data, id: String) throws {
        guard let core else { return }
        guard let outbox = core.shared.withLock({ $0.outbox }) else {
            throw OutboxError.invalidSettings(reason: "publish was called before start")
        }
        try outbox.append(event, id: id)
        core.interrupt.raise()
    }

    /// Drops the events that wait for the broker; one that is on its way may still arrive.
    /// - Returns: how many there were.
    public func purge() throws -> Int {
        guard let core, let outbox = core.shared.withLock({ $0.outbox }) else { return 0 }
        return try outbox.removeAll()
    }

    /// Sets a state; its newest value reaches the broker as soon as possible and after every reconnect.
    public func setLevel(_ level: Level, _ payload: Data) {
        guard let core else { return }
        let isNew = core.shared.withLock { shared in
            guard shared.levels[level] != payload else { return false }
            shared.levels[level] = payload
            shared.changedLevels.insert(level)
            return true
        }
        if isNew { core.interrupt.raise() }
    }

    /// The node is `online` from now on. Call it after the first good frame.
    public func announceOnline() { setAvailability(true) }

    /// The node is `offline`, although this agent runs: its camera gives nothing.
    public func announceOffline() { setAvailability(false) }

    private func setAvailability(_ isOnline: Bool) {
        guard let core else { return }
        core.shared.withLock { shared in
            shared.isAvailabilityChanged = shared.isAvailabilityChanged || shared.isOnline != isOnline
            shared.isOnline = isOnline
        }
        core.interrupt.raise()
    }

    /// Sends measurements, QoS 0; dropped and counted without a connection.
    public func telemetry(_ payload: Data) {
        guard let core else { return }
        core.enqueue(MQTTPublication(topic: core.topics.telemetry, payload: payload, qos: 0), onlyConnected: true)
    }

    /// Sends a speaking event, QoS 0; dropped and counted without a connection.
    public func speaking(_ payload: Data) {
        guard let core else { return }
        core.enqueue(MQTTPublication(topic: core.topics.speakingEvent, payload: payload, qos: 0), onlyConnected: true)
    }

    public var status: PublisherStatus {
        guard let core else { return PublisherStatus() }
        let (status, outbox) = core.shared.withLock { ($0.status, $0.outbox) }
        guard let outbox else { return status }
        var result = status
        let counters = outbox.counters
        result.queued = outbox.count
        result.droppedByAge = counters.droppedByAge
        result.droppedByCount = counters.droppedByCount
        result.outboxDamage = outbox.lastDamage
        return result
    }

    /// Sends what waits, says `offline`, and ends the connection. What could not be sent in time stays in the outbox.
    ///
    /// Returns when that is done, a little after `within` at the latest. Nothing may be published afterwards.
    public func stop(within longest: TimeSpan) {
        guard let core, core.shared.withLock({ $0.outbox != nil }) else { return }
        core.shared.withLock { $0.stopBy = OutboxMoment.currentUptime() + longest }
        core.interrupt.raise()
        // A resolver may hold the thread up; it ends by itself then.
        if core.finished.wait(timeout: .now() + longest.seconds + 1) == .success { core.finished.signal() }
    }
}
