import Foundation
import Logging
import MediaTypes
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The network thread's work: connects, drains the outbox in order, sends levels, takes commands.
///
/// **Once, in order.** QoS 1 alone repeats events: one whose acknowledgement was lost has to be sent again. Therefore the agent
/// subscribes to its own events, in a session that the broker keeps (fixed client id, clean start off, expiry a little over the time to live). The
/// broker puts an event into that session in the same step in which it gives it to everybody else, so an event's echo is as good as its
/// acknowledgement, and it waits for the agent through a lost connection and a killed process. On a new connection nothing is sent at first; a
/// mark is published to a topic of the client's own, and behind everything that the session held the mark comes back. What has neither been
/// acknowledged nor echoed by then never arrived, and only that is sent again, in its old order. The broker ends the old connection of
/// a client id before it accepts the new one, so nothing can arrive late from there.
///
/// An echo is acknowledged only after its event left the outbox (see ``MQTTClient/turn(_:interrupt:)``), so that a crash in between loses
/// neither.
///
/// Where the broker lost the session (`session present` is off), or refuses the subscription, what was not acknowledged is sent again: then an event may
/// come twice, with the same `event_id`. The broker counts a message's expiry in whole seconds, so an echo may end a little before its event; one
/// that may have been sent before is therefore not sent in the last two seconds of its life.
///
/// Thread-bound.
final class PublishingLoop {
    /// Events on their way at once.
    static let window = 16
    /// A broker that does not acknowledge an event for so long is given up.
    static let acknowledgementLimit = TimeSpan.seconds(10)
    static let markLimit = TimeSpan.seconds(10)
    /// An event that waited less is not called queued.
    static let noticeableWait = TimeSpan.milliseconds(50)
    /// A connection that stood for so long was a good one.
    static let stableAfter = TimeSpan.seconds(5)
    static let refusalPause = TimeSpan.seconds(5)

    private enum Slot: Hashable { case discovery, level(Level), availability }

    private struct Flight {
        var sequence: Int64
        var id: String
        var sent: TimeSpan
    }

    private enum Pending { case event(Flight), slot(Slot), mark, other }

    private enum Stage { case subscribing, settling, draining }

    private let core: Publisher.Core
    private let outbox: Outbox
    private let clientID: String
    private let logger: Logger
    private var topics: Topics { core.topics }

    private var client: MQTTClient?
    private var version: MQTTVersion
    private var dropsInHandshake = 0
    private var backoff = Backoff()
    private var nextAttempt = TimeSpan.zero
    private var connections = 0
    private var connectedAt = TimeSpan.zero
    private var loggedFailure: MQTTFailure?

    // Of the present connection
    private var stage = Stage.subscribing
    private var isSessionPresent = false
    /// What was published to the client's own topic and has to come back.
    private var mark: String?
    private var markEnd = TimeSpan.zero
    private var acknowledgedHere = 0
    private var echoedHere = 0
    private var ownSubscription: CInt?
    private var otherSubscription: CInt?
    private var pending: [CInt: Pending] = [:]
    private var flights: [String: CInt] = [:]
    private var cursor: Int64 = 0
    private var windowNow = PublishingLoop.window
    private var pausedUntil: TimeSpan?
    private var dirty: Set<Slot> = []
    private var busy: Set<Slot> = []

    /// Events up to this one may have been sent over an earlier connection.
    private var handedOut: Int64
    /// Confirmed, but not yet removed, because the disk refused.
    private var confirmed: Set<Int64> = []
    private var confirmedIDs: Set<String> = []
    private var saidOffline = false

    init(core: Publisher.Core, outbox: Outbox, clientID: String) {
        self.core = core
        self.outbox = outbox
        self.clientID = clientID
        logger = core.logger
        version = core.settings.protocolPreference == .version311 ? .version311 : .version5
        handedOut = outbox.lastSequence
    }

    private var now: TimeSpan { OutboxMoment.currentUptime() }

    // MARK: - The loop

    func run() {
        logger.info("MQTT: \(core.settings.broker), client \(clientID), \(outbox.count) events wait")
        while true {
            let stopBy = core.shared.withLock { $0.stopBy }
            if let stopBy, client == nil || now >= stopBy { break }
            outbox.expire()
            guard let client else {
                attempt()
                continue
            }
            handle(client.turn(.milliseconds(500), interrupt: core.interrupt))
            guard self.client != nil else { continue }
            removeConfirmed()
            work(stopBy: stopBy)
        }
        removeConfirmed()
        client = nil
        core.shared.withLock { $0.status.connected = false }
    }

    private func attempt() {
        let wait = nextAttempt - now
        if wait > .zero {
            var request = pollfd(fd: core.interrupt.descriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&request, 1, CInt(clamping: min(wait, .milliseconds(500)).nanoseconds / 1_000_000 + 1))
            core.interrupt.clear()
            return
        }
        do {
            let will = MQTTPublication(topic: topics.availability, payload: Data("offline".utf8), retain: true)
            let expiry = UInt32(clamping: Int64(core.outboxSettings.ttl.seconds.rounded(.up)) + 60)
            client = try MQTTClient(core.settings, identity: .init(clientID: clientID, sessionExpiry: expiry, will: will), version: version)
        } catch { lost(error) }
    }

    private func lost(_ failure: MQTTFailure?) {
        let wasConnected = core.shared.withLock { shared in
            defer { shared.status.connected = false }
            shared.status.lastError = failure
            return shared.status.connected
        }
        client = nil
        pending.removeAll()
        flights.removeAll()
        busy.removeAll()
        guard let failure else { return }
        if failure.kind == loggedFailure?.kind { logger.debug("\(failure)") } else { logger.warning("\(failure)") }
        loggedFailure = failure
        if wasConnected, now - connectedAt >= Self.stableAfter { backoff.reset() }
        if chooseVersion(after: failure) { return nextAttempt = now }
        nextAttempt = now + backoff.next(needsAttention: failure.needsAttention, draw: Double.random(in: 0..<1))
    }

    /// A broker that knows 3.1.1 only says so, or just hangs up. Returns whether to try the other version at once.
    private func chooseVersion(after failure: MQTTFailure) -> Bool {
        guard core.settings.protocolPreference == .automatic else { return false }
        if version == .version5 {
            if failure.kind == .droppedInHandshake { dropsInHandshake += 1 }
            guard failure.kind == .protocolVersion || dropsInHandshake >= 2 else { return false }
            dropsInHandshake = 0
            version = .version311
            logger.info("MQTT broker \(core.settings.broker): trying version 3.1.1")
            return failure.kind == .protocolVersion
        }
        if failure.kind == .protocolVersion || failure.kind == .droppedInHandshake { version = .version5 }
        return false
    }

    private func handle(_ events: [MQTTClient.Event]) {
        for event in events {
            switch event {
            case .connected(let isSessionPresent, let receiveMaximum): connected(isSessionPresent, receiveMaximum)
            case .subscribed(let message, let granted): subscribed(message, granted)
            case .acknowledged(let message, let reason): acknowledged(message, reason)
            case .message(let message): received(message)
            case .closed(let failure):
                removeConfirmed()
                lost(failure)
            }
        }
    }

    // MARK: - Connection

    private func connected(_ isSessionPresent: Bool, _ receiveMaximum: Int) {
        guard let client else { return }
        connections += 1
        connectedAt = now
        dropsInHandshake = 0
        loggedFailure = nil
        self.isSessionPresent = isSessionPresent
        stage = .subscribing
        mark = nil
        acknowledgedHere = 0
        echoedHere = 0
        cursor = 0
        pausedUntil = nil
        windowNow = max(1, min(Self.window, receiveMaximum))
        dirty = Set(Level.allCases.map(Slot.level)).union([.discovery, .availability])
        core.shared.withLock { shared in
            shared.status.connected = true
            shared.status.lastError = nil
            shared.status.version = client.version
            shared.status.tlsVersion = client.tlsVersion
            shared.status.reconnects = connections - 1
        }
        logger.info("MQTT broker \(core.settings.broker): connected, version \(client.version.rawValue)\(client.tlsVersion.map { ", \($0)" } ?? ""), session \(isSessionPresent ? "kept" : "new")")
        ownSubscription = client.subscribe([topics.identityEvent, topics.mark(client: clientID)], qos: 1)
        // QoS 0: a command that was sent while the agent was away is not kept for it.
        otherSubscription = client.subscribe([topics.commands, Topics.homeAssistantStatus], qos: 0)
    }

    private func subscribed(_ message: CInt, _ granted: [CInt]) {
        if message == otherSubscription, granted.contains(where: { $0 >= 128 }) {
            report("subscribing to \(topics.commands) and \(Topics.homeAssistantStatus)", reason: granted.max() ?? 128)
        }
        guard message == ownSubscription, stage == .subscribing else { return }
        let isGranted = granted.count == 2 && granted.allSatisfy { $0 == 1 }
        core.shared.withLock { $0.status.exactlyOnce = isGranted }
        if !isGranted {
            report("subscribing to \(topics.identityEvent), without which an event may come twice", reason: granted.max() ?? 128)
        }
        stage = isGranted && isSessionPresent ? .settling : .draining
        if stage == .draining, outbox.count > 0, handedOut > 0 {
            logger.warning("the broker kept no session: up to \(min(outbox.count, Self.window)) events may come twice, with the same event_id")
        }
        guard isGranted else { return }
        // In a new session nothing waits for it, but it shows whether the broker lets it through.
        let text = UUID().uuidString
        mark = text
        markEnd = now + Self.markLimit
        if let number = client?.publish(MQTTPublication(topic: topics.mark(client: clientID), payload: Data(text.utf8), expiry: 60)) {
            pending[number] = .mark
        }
    }

    /// The broker does not tell which events had arrived.
    private func doubt(_ reason: String) {
        mark = nil
        stage = .draining
        let failure = MQTTFailure(.publishRefused, broker: core.settings.broker, detail: "\(reason): after a lost connection an event may come twice, with the same event_id")
        logger.warning("\(failure)")
        core.shared.withLock { shared in
            shared.status.exactlyOnce = false
            shared.status.lastError = failure
        }
    }

    private func report(_ work: String, reason: CInt) {
        let failure = MQTTFailure(.publishRefused, broker: core.settings.broker, detail: "\(work): reason \(reason)")
        logger.warning("\(failure)")
        core.shared.withLock { $0.status.lastError = failure }
    }

    // MARK: - What the broker says

    private func acknowledged(_ message: CInt, _ reason: CInt) {
        switch pending.removeValue(forKey: message) {
        case .event(let flight):
            if flights[flight.id] == message { flights[flight.id] = nil }
            guard reason < 128 else {
                // Kept until its time is over; perhaps somebody corrects the access rules.
                report("publishing to \(topics.identityEvent)", reason: reason)
                pausedUntil = now + Self.refusalPause
                return
            }
            confirmed.insert(flight.sequence)
            acknowledgedHere += 1
            core.shared.withLock { shared in
                shared.status.acknowledged += 1
                shared.status.lastPublishLatency = now - flight.sent
                if shared.status.exactlyOnce, shared.status.lastError?.kind == .publishRefused { shared.status.lastError = nil }
            }
            // Some brokers grant a subscription and then deliver nothing.
            if acknowledgedHere == 2 * Self.window, echoedHere == 0 { doubt("\(topics.identityEvent) is not delivered to this client") }
        case .slot(let slot):
            busy.remove(slot)
            if reason >= 128 { report("publishing \(topic(of: slot))", reason: reason) }
        case .mark:
            if reason >= 128, mark != nil { doubt("publishing to \(topics.mark(client: clientID)): reason \(reason)") }
        case .other:
            if reason >= 128 { report("publishing a reply", reason: reason) }
        case nil: break
        }
    }

    private func received(_ message: MQTTMessage) {
        if message.topic == topics.identityEvent {
            guard !message.isRetained, let id = QueuedTime.eventID(of: message.payload) else { return }
            echoedHere += 1
            if let number = flights[id], case .event(let flight)? = pending[number] {
                confirmed.insert(flight.sequence)
            } else if stage != .draining {
                confirmedIDs.insert(id)
            }
        } else if message.topic == topics.mark(client: clientID) {
            guard let mark, message.payload == Data(mark.utf8) else { return }
            self.mark = nil
            stage = .draining
        } else if message.topic == Topics.homeAssistantStatus {
            guard message.payload == Data("online".utf8) else { return }
            dirty = Set(Level.allCases.map(Slot.level)).union([.discovery, .availability])
        } else if message.topic.hasPrefix(topics.commandPrefix) {
            command(message)
        }
    }

    /// One transaction for all that was confirmed in a turn.
    private func removeConfirmed() {
        guard !confirmed.isEmpty || !confirmedIDs.isEmpty else { return }
        do {
            if !confirmedIDs.isEmpty {
                let recognised = try outbox.remove(ids: Array(confirmedIDs))
                confirmedIDs.removeAll()
                if recognised > 0 { core.shared.withLock { $0.status.recognised += recognised } }
            }
            try outbox.remove(sequences: confirmed.sorted())
            confirmed.removeAll()
        } catch { logger.error("confirmed events stay in the outbox until the disk takes the change: \(error)") }
    }

    // MARK: - Sending

    private func work(stopBy: TimeSpan?) {
        let (transient, changed, isAvailabilityChanged) = core.shared.withLock { shared in
            defer {
                shared.transient.removeAll(keepingCapacity: true)
                shared.changedLevels.removeAll(keepingCapacity: true)
                shared.isAvailabilityChanged = false
            }
            return (shared.transient, shared.changedLevels, shared.isAvailabilityChanged)
        }
        guard let client, client.isConnected else {
            // All levels are sent anyway as soon as there is a connection.
            if !transient.isEmpty { core.shared.withLock { $0.status.droppedTransient += transient.count } }
            return
        }
        dirty.formUnion(changed.map(Slot.level))
        if isAvailabilityChanged { dirty.insert(.availability) }
        for publication in transient {
            if let number = client.publish(publication), publication.qos > 0 { pending[number] = .other }
        }
        if mark != nil, now >= markEnd { doubt("\(topics.mark(client: clientID)) is not delivered to this client within \(Int(Self.markLimit.seconds)) s") }
        if stage == .subscribing, now - connectedAt >= Self.markLimit {
            return lost(MQTTFailure(.stalled, broker: core.settings.broker, detail: "a subscription is not answered for \(Int(Self.markLimit.seconds)) s"))
        }
        if let stopBy { leaveIfDone(client, stopBy: stopBy) }
        sendLevels(client, isStopping: stopBy != nil)
        if !saidOffline { drain(client) }
        let oldest = pending.values.compactMap { if case .event(let flight) = $0 { flight.sent } else { nil } }.min()
        if let oldest, now - oldest >= Self.acknowledgementLimit {
            lost(MQTTFailure(.stalled, broker: core.settings.broker, detail: "an event is not acknowledged for \(Int(Self.acknowledgementLimit.seconds)) s"))
        }
    }

    private func topic(of slot: Slot) -> String {
        switch slot {
        case .discovery: topics.discovery
        case .level(let level): topics.level(level)
        case .availability: topics.availability
        }
    }

    /// One message a topic at a time: however often a level changes, the queue stays short.
    private func sendLevels(_ client: MQTTClient, isStopping: Bool) {
        let order: [Slot] = [.discovery] + Level.allCases.map(Slot.level) + [.availability]
        for slot in order where dirty.contains(slot) && !busy.contains(slot) {
            let payload: Data? =
                switch slot {
                case .discovery: core.discovery
                case .level(let level): core.shared.withLock { $0.levels[level] }
                case .availability: Data((!isStopping && core.shared.withLock { $0.isOnline } ? "online" : "offline").utf8)
                }
            guard let payload else {
                dirty.remove(slot)
                continue
            }
            guard let number = client.publish(MQTTPublication(topic: topic(of: slot), payload: payload, retain: true)) else { return }
            dirty.remove(slot)
            busy.insert(slot)
            pending[number] = .slot(slot)
        }
    }

    private func drain(_ client: MQTTClient) {
        guard stage == .draining else { return }
        if let until = pausedUntil {
            guard now >= until, flights.isEmpty else { return }
            pausedUntil = nil
            cursor = 0
        }
        let newest = outbox.lastSequence
        guard cursor < newest, flights.count < windowNow else { return }
        do {
            let events = try outbox.next(after: cursor, limit: windowNow - flights.count)
            // What lies between was dropped.
            if events.isEmpty { cursor = newest }
            for event in events {
                cursor = event.sequence
                if confirmed.contains(event.sequence) { continue }
                let ttl = core.outboxSettings.ttl
                let remaining = ttl - event.age
                if event.sequence <= handedOut, remaining < min(.seconds(2), .seconds(ttl.seconds / 4)) {
                    try outbox.dropAsAged(sequence: event.sequence)
                    continue
                }
                let json = event.age > Self.noticeableWait ? QueuedTime.write(Int64(event.age.milliseconds.rounded()), into: event.json) : event.json
                let expiry = UInt32(clamping: max(1, Int64(remaining.seconds)))
                guard let number = client.publish(MQTTPublication(topic: topics.identityEvent, payload: json, expiry: expiry)) else { return }
                pending[number] = .event(Flight(sequence: event.sequence, id: event.id, sent: now))
                flights[event.id] = number
                handedOut = max(handedOut, event.sequence)
                core.shared.withLock { $0.status.published += 1 }
            }
        } catch { logger.error("cannot read the outbox: \(error)") }
    }

    /// The outbox first, then `offline`, then good-bye; in the last quarter of the time `offline` goes first.
    private func leaveIfDone(_ client: MQTTClient, stopBy: TimeSpan) {
        if saidOffline {
            if busy.isEmpty && dirty.isEmpty { client.leave() }
            return
        }
        let isEmpty = outbox.count == 0 && flights.isEmpty
        guard isEmpty || now >= stopBy - .milliseconds(500) else { return }
        saidOffline = true
        dirty.insert(.availability)
    }

    // MARK: - Commands

    private func command(_ message: MQTTMessage) {
        let verb = String(message.topic.dropFirst(topics.commandPrefix.count))
        if message.isRetained {
            logger.warning("a retained command at \(message.topic) is ignored: it would be carried out at every start; remove it at the broker")
            core.shared.withLock { $0.status.commandsRefused += 1 }
            return
        }
        let parsed = isSessionPresent && stage != .draining
            ? .failure(CommandRefusal(reason: "\(verb): sent while the agent was away; send it again"))
            : Command.parse(verb: verb, payload: message.payload, size: message.size)
        let core = core
        switch parsed {
        case .failure(let refusal): refuse(refusal.reason, verb: verb, message)
        case .success(let command):
            let isAccepted = core.shared.withLock { shared in
                guard shared.pendingCommands < Publisher.mostCommands else { return false }
                shared.pendingCommands += 1
                shared.status.commandsAccepted += 1
                return true
            }
            guard isAccepted else { return refuse("\(verb): \(Publisher.mostCommands) commands wait already; send it again later", verb: verb, message) }
            core.commandQueue.async {
                let reply = core.answer(command)
                core.shared.withLock { $0.pendingCommands -= 1 }
                Self.send(reply, verb: verb, to: message, core: core)
            }
        }
    }

    private func refuse(_ reason: String, verb: String, _ message: MQTTMessage) {
        logger.warning("command refused: \(reason)")
        core.shared.withLock { $0.status.commandsRefused += 1 }
        Self.send(CommandReply(ok: false, message: reason), verb: verb, to: message, core: core)
    }

    private static func send(_ reply: CommandReply, verb: String, to message: MQTTMessage, core: Publisher.Core) {
        var reply = reply
        reply.node = core.topics.node
        reply.verb = String(verb.prefix(40))
        var topic = core.topics.reply(to: verb)
        if let response = message.responseTopic {
            // Whoever may send commands must not thereby write the agent's own topics, or those of Home Assistant.
            let isOwn = response.hasPrefix(core.topics.base + "/") && !response.hasPrefix(core.topics.commandPrefix)
            guard !response.isEmpty, response.utf8.count <= 512, !response.hasPrefix("$"), !response.hasPrefix("homeassistant/"), !isOwn,
                !response.contains("#"), !response.contains("+"), response != core.topics.commandPrefix + verb
            else { return core.logger.warning("no reply to \(verb): the response topic ‘\(response.prefix(80))’ is none that a reply may go to") }
            topic = response
        }
        core.enqueue(MQTTPublication(topic: topic, payload: reply.json(), expiry: 60, correlation: message.correlation), onlyConnected: true)
    }
}
