public import Logging
import Synchronization

/// The least important level that is written, for every logger of the program at once: a reload changes it while the agent runs.
///
/// Thread-safe, without a lock: it is asked for every message, also for those that are not written.
public final class LogThreshold: Sendable {
    private static let levels = Logger.Level.allCases.sorted()
    private let index: Atomic<Int>

    public init(_ level: Logger.Level) { index = Atomic(Self.index(level)) }

    public var level: Logger.Level {
        get { Self.levels[index.load(ordering: .relaxed)] }
        set { index.store(Self.index(newValue), ordering: .relaxed) }
    }

    private static func index(_ level: Logger.Level) -> Int { levels.firstIndex(of: level) ?? 0 }
}
