import CLinux
import Glibc

/// Wakes the one thread that waits for several producers: an eventfd(2), whose count never overflows in practice and whose
/// write never blocks.
///
/// ``raise()`` may be called from any thread, from real-time ones too: it takes no lock and allocates nothing. One thread waits.
public final class WakeSignal: Sendable {
    private let descriptor: CInt

    /// - Precondition: the process has a file descriptor left.
    public init() {
        descriptor = fwoc_eventfd()
        precondition(descriptor >= 0, "eventfd: errno \(errno)")
    }

    deinit { close(descriptor) }

    public func raise() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// Waits until ``raise()`` was called since the last return, or the time is over.
    /// - Returns: whether it was called.
    @discardableResult
    public func wait(_ longest: TimeSpan) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let milliseconds = CInt(clamping: max(0, (longest.nanoseconds + 999_999) / 1_000_000))
        guard unsafe poll(&request, 1, milliseconds) > 0 else { return false }
        var count: UInt64 = 0
        return unsafe read(descriptor, &count, 8) == 8
    }
}
