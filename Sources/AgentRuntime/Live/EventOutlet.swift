import Foundation
import Gallery
import Logging
import MediaTypes
import Publishing
import Recognition
import Synchronization

/// The thread that turns decisions into events and hands them to the publisher, which keeps them on disk before it returns: the
/// inference thread never waits for a disk.
///
/// Thread-safe.
final class EventOutlet: Sendable {
    /// What may be changed by a reload.
    struct Policy: Hashable, Sendable {
        /// Also appearances of nobody who is enrolled.
        var unknown = true
        var speaking = false
    }

    /// What others may see.
    struct Snapshot: Sendable {
        var events = 0
        var failures = 0
        var lastFailure: String?
        /// From the driver's timestamp to the call of the publisher, since the start.
        var latency = LatencyHistogram()
        /// The same since telemetry was last sent.
        var recent = LatencyHistogram()
        var presence: PresencePayload
        /// The newest events, newest last, for `status`.
        var newest: [String] = []
    }

    private struct Shared {
        var policy: Policy
        var snapshot: Snapshot
        var model: String
        var mustClear = false
    }

    private let node: String
    private let loop: InferenceLoop
    private let publisher: Publisher
    private let wake: WakeSignal
    private let logger: Logger
    private let shared: Mutex<Shared>
    private let isStopping = Atomic<Bool>(false)
    private let finished = DispatchSemaphore(value: 0)
    /// Events that `status` remembers.
    private static let remembered = 8

    init(node: String, loop: InferenceLoop, publisher: Publisher, wake: WakeSignal, model: String, policy: Policy, logger: Logger) {
        self.node = node
        self.loop = loop
        self.publisher = publisher
        self.wake = wake
        self.logger = logger
        shared = Mutex(Shared(policy: policy, snapshot: Snapshot(presence: PresenceBoard().payload(node: node, time: Date())), model: model))
    }

    var snapshot: Snapshot { shared.withLock { $0.snapshot } }

    /// Latencies since the last call.
    func takeRecent() -> LatencyHistogram {
        shared.withLock { shared in
            defer { shared.snapshot.recent.removeAll() }
            return shared.snapshot.recent
        }
    }

    func change(policy: Policy, model: String) {
        shared.withLock {
            $0.policy = policy
            $0.model = model
        }
    }

    /// Forgets who is here: after a pause nobody knows.
    func clearPresence() {
        shared.withLock { $0.mustClear = true }
        wake.raise()
    }

    func start() {
        let thread = Thread { [self] in
            run()
            finished.signal()
        }
        thread.name = "fwoc-events"
        thread.start()
    }

    /// Publishes what the inference loop has left, and ends. To be called when that loop has ended.
    @discardableResult
    func stop(within longest: TimeSpan) -> Bool {
        isStopping.store(true, ordering: .releasing)
        wake.raise()
        guard finished.wait(timeout: .now() + longest.seconds) == .success else { return false }
        finished.signal()
        return true
    }

    private func run() {
        var identifiers = EventIdentifierSequence(seed: .random(in: .min ... .max))
        var board = PresenceBoard()
        // Appearances that subscribers know of; the rest begin with `new` whatever the decision's stage.
        var announced: Set<TrackID> = []
        while true {
            // Read before the rings: what was put before the stop is not left behind.
            let isLast = isStopping.load(ordering: .acquiring)
            let (policy, model, mustClear) = shared.withLock { shared in
                defer { shared.mustClear = false }
                return (shared.policy, shared.model, shared.mustClear)
            }
            if mustClear {
                board.removeAll()
                setPresence(board)
            }
            while let item = loop.decisions.take() {
                publish(item, policy, model, &identifiers, &announced)
                if board.note(item.decision, time: LiveClock.wallTime(of: item.decision.instant)) { setPresence(board) }
            }
            while let change = loop.speaking.take() {
                guard policy.speaking else { continue }
                let person = change.person.map { SpeakingPayload.Person(id: $0.id.rawValue, name: $0.name) }
                publisher.speaking(
                    SpeakingPayload(
                        node: node, time: LiveClock.wallTime(of: change.instant), track: change.track.value, person: person,
                        speaking: change.isSpeaking, confidence: Double(change.confidence)
                    ).json())
            }
            if isLast { return }
            wake.wait(.milliseconds(200))
        }
    }

    private func publish(
        _ item: LiveDecision, _ policy: Policy, _ model: String, _ identifiers: inout EventIdentifierSequence, _ announced: inout Set<TrackID>
    ) {
        var decision = item.decision
        let isKnown = announced.contains(decision.track)
        if decision.stage == .end {
            guard announced.remove(decision.track) != nil else { return }
        } else if !isKnown {
            guard decision.verdict == .identified || policy.unknown else { return }
            announced.insert(decision.track)
            decision.stage = .new
        }
        let time = LiveClock.wallTime(of: decision.instant)
        let id = identifiers.next(milliseconds: Int64((time.timeIntervalSince1970 * 1000).rounded()))
        // Sound servers date the end of a block a little into the future now and then.
        let latency = max(.zero, LiveClock.now() - item.captured)
        let event = IdentityEvent(
            decision, eventID: id, time: time, node: node, model: model, galleryRevision: item.galleryRevision, replay: false,
            captureToEvent: decision.stage == .end ? nil : latency)
        do {
            let json = try event.json()
            try publisher.publish(event: json, id: id)
            shared.withLock { shared in
                shared.snapshot.events += 1
                // The end of an appearance is found out by waiting; its latency says nothing.
                if decision.stage != .end {
                    shared.snapshot.latency.add(latency)
                    shared.snapshot.recent.add(latency)
                }
                if shared.snapshot.newest.count == Self.remembered { shared.snapshot.newest.removeFirst() }
                shared.snapshot.newest.append(EventLine.text(event))
            }
        } catch {
            shared.withLock {
                $0.snapshot.failures += 1
                $0.snapshot.lastFailure = "\(error)"
            }
            logger.error("an event was lost: \(error)", metadata: ["event_id": "\(id)"])
        }
    }

    private func setPresence(_ board: PresenceBoard) {
        let payload = board.payload(node: node, time: Date())
        shared.withLock { $0.snapshot.presence = payload }
        publisher.setLevel(.presence, payload.json())
    }
}
