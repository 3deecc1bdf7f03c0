import Foundation
public import MediaTypes

/// The clocks of a running agent: CLOCK_MONOTONIC for what is captured and computed, the wall clock for what people read.
public enum LiveClock {
    public static func now() -> Instant {
        MonotonicClock.now()
    }

    /// The wall-clock time of an instant, by how long ago it was. A wall clock that is set meanwhile moves only what comes after.
    public static func wallTime(of instant: Instant) -> Date { Date(timeIntervalSinceNow: (instant - now()).seconds) }
}
