#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Wakes the network thread out of poll(2), where it waits for the broker's socket too.
///
/// ``raise()`` may be called from any thread and never blocks: a full pipe means that the thread will wake anyway.
final class LoopInterrupt: Sendable {
    /// For poll(2).
    let descriptor: CInt
    private let writeEnd: CInt

    /// - Precondition: the process has two file descriptors left.
    init() {
        var ends: [CInt] = [0, 0]
        let result = unsafe pipe(&ends)
        precondition(result == 0, "pipe: errno \(errno)")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        descriptor = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(descriptor)
        close(writeEnd)
    }

    func raise() {
        var byte: UInt8 = 1
        _ = unsafe write(writeEnd, &byte, 1)
    }

    /// Takes what was raised.
    func clear() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while unsafe read(descriptor, &bytes, bytes.count) == bytes.count {}
    }
}
