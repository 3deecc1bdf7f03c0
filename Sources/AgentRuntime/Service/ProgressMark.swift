import Dispatch
import Synchronization

/// When a thread last got on with its work. The thread marks it, anybody may ask. Thread-safe, without lock or allocation, so that
/// real-time threads may mark.
public final class ProgressMark: Sendable {
    /// Nanoseconds of CLOCK_MONOTONIC.
    private let instant: Atomic<Int64>
    /// How often it was marked, for rates.
    private let marks = Atomic<UInt64>(0)

    public init() { instant = Atomic(Self.now()) }

    /// To be called at every turn of the thread's loop, also when there was nothing to do: a camera that is unplugged is no reason for a
    /// restart, a thread that hangs is one.
    public func mark() {
        instant.store(Self.now(), ordering: .relaxed)
        marks.wrappingAdd(1, ordering: .relaxed)
    }

    public var count: UInt64 { marks.load(ordering: .relaxed) }

    /// Time since the last mark.
    public var age: Duration { .nanoseconds(max(0, Self.now() - instant.load(ordering: .relaxed))) }

    private static func now() -> Int64 { Int64(DispatchTime.now().uptimeNanoseconds) }
}
