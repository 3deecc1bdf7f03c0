import CLinux
import Glibc
import MediaTypes

/// The clock of live devices: CLOCK_MONOTONIC.
enum MonotonicClock {
    static func now() -> Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
