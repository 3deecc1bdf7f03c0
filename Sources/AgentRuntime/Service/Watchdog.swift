import Dispatch
import Synchronization

/// Keeps systemd's watchdog quiet as long as the inference thread gets on, and no longer: a timer alone would go on pinging for an
/// agent that hangs.
///
/// Thread-safe. The check runs on a queue of its own.
public final class Watchdog: Sendable {
    private let notifier: ServiceNotifier
    private let progress: ProgressMark
    private let limit: Duration
    private let stalls = Atomic<UInt64>(0)
    private let isStalledNow = Atomic<Bool>(false)
    private let onChange: @Sendable (Bool) -> Void
    private let timer: Timer

    /// Dispatch allows a timer to be resumed and cancelled from any thread; here each happens once.
    private final class Timer: @unchecked Sendable {
        let source = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "fwoc.watchdog", qos: .userInitiated))
        let isStarted = Atomic<Bool>(false)
    }

    /// - Parameters:
    ///   - limit: age of the last progress from which the thread counts as stalled. Shorter than `WatchdogSec=`, or systemd cannot tell
    ///     a stall from a late ping; a third of it by default.
    ///   - onChange: is told when the thread stalls (`true`) and when it gets on again, on the watchdog's queue.
    public init(
        notifier: ServiceNotifier, progress: ProgressMark, limit: Duration? = nil, onChange: @escaping @Sendable (_ isStalled: Bool) -> Void = { _ in }
    ) {
        self.notifier = notifier
        self.progress = progress
        self.limit = limit ?? notifier.watchdogInterval.map { $0 / 3 } ?? .seconds(10)
        self.onChange = onChange
        timer = Timer()
    }

    deinit {
        stop()
        // A timer that never ran must run before it may go.
        if !timer.isStarted.load(ordering: .relaxed) { timer.source.resume() }
    }

    /// Whether the last progress is older than the limit.
    public var isStalled: Bool { isStalledNow.load(ordering: .relaxed) }

    /// How often the thread stalled.
    public var stallCount: UInt64 { stalls.load(ordering: .relaxed) }

    /// Begins to watch. To be called when the thread runs, right before ``ServiceNotifier/ready(status:)``.
    public func start() {
        progress.mark()
        // Four looks in the time that systemd allows, so that one may come late; without systemd only the stalls are counted.
        let period = notifier.watchdogInterval.map { min($0 / 4, limit / 2) } ?? limit / 2
        let nanoseconds = Int(max(1_000_000, period.components.seconds * 1_000_000_000 + period.components.attoseconds / 1_000_000_000))
        guard !timer.isStarted.exchange(true, ordering: .relaxed) else { return }
        timer.source.schedule(deadline: .now(), repeating: .nanoseconds(nanoseconds), leeway: .nanoseconds(nanoseconds / 10))
        timer.source.setEventHandler { [weak self] in self?.look() }
        timer.source.resume()
    }

    /// Ends watching for good, for a stop that systemd asked for.
    public func stop() { timer.source.cancel() }

    private func look() {
        let isStalled = progress.age > limit
        if isStalled != isStalledNow.exchange(isStalled, ordering: .relaxed) {
            if isStalled { stalls.wrappingAdd(1, ordering: .relaxed) }
            onChange(isStalled)
        }
        if !isStalled { notifier.watchdog() }
    }
}
