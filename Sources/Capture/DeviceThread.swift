import CLinux
import Glibc
import MediaTypes

/// A thread that serves one device: named, with every signal blocked, so that signals go to threads that expect them.
///
/// Thread-safe. To be joined once, by whoever started it.
final class DeviceThread: Sendable {
    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void
        let ended: WakeSignal

        init(_ name: String, _ ended: WakeSignal, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.ended = ended
            self.body = body
        }
    }

    private let thread: pthread_t
    private let ended = WakeSignal()

    /// Nil where the system has no thread left.
    /// - Parameter name: at most 15 bytes of it are kept.
    init?(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let work = unsafe Unmanaged.passRetained(Work(name, ended, body))
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, nil, { argument in
            let work = unsafe Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue()
            var signals = sigset_t()
            unsafe sigfillset(&signals)
            unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
            _ = unsafe fwoc_name_thread(work.name)
            work.body()
            work.ended.raise()
            return nil
        }, work.toOpaque())
        guard result == 0 else {
            unsafe work.release()
            return nil
        }
        self.thread = thread
    }

    /// Waits for its end. False after `longest`: a driver holds it, and it ends whenever the driver lets go.
    func join(_ longest: TimeSpan) -> Bool {
        guard ended.wait(longest) else {
            pthread_detach(thread)
            return false
        }
        return unsafe pthread_join(thread, nil) == 0
    }
}
