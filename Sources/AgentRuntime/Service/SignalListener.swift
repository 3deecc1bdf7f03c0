import Dispatch
import Glibc
import Synchronization

/// What somebody asks of a running service.
public enum ServiceSignal: Hashable, Sendable {
    /// SIGTERM or SIGINT: finish and go.
    case stop
    /// SIGHUP: read the configuration again.
    case reload
}

/// Turns SIGTERM, SIGINT and SIGHUP into values of a stream. Nothing of ours runs in a signal handler: Dispatch reads
/// the signals from a signalfd.
///
/// One per process, for all of its life. Thread-safe.
public final class SignalListener: Sendable {
    /// Every signal, in order, no reload after a stop; at most 16 wait, more of the same say nothing new. For one task.
    public let signals: AsyncStream<ServiceSignal>
    private let continuation: AsyncStream<ServiceSignal>.Continuation
    /// Only created and cancelled, which Dispatch allows from any thread.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

    private final class StopMark: Sendable { let isSet = Atomic<Bool>(false) }

    /// Returns when the signals no longer have their default effect.
    ///
    /// - Parameter onSignal: is also told, on a queue of its own, for those who do not wait in a task.
    public init(onSignal: @escaping @Sendable (ServiceSignal) -> Void = { _ in }) {
        let (stream, continuation) = AsyncStream.makeStream(of: ServiceSignal.self, bufferingPolicy: .bufferingNewest(16))
        signals = stream
        self.continuation = continuation
        let queue = DispatchQueue(label: "fwoc.signals")
        let isStopping = StopMark()
        let registered = DispatchGroup()
        let wanted: [(Int32, ServiceSignal)] = [(SIGTERM, .stop), (SIGINT, .stop), (SIGHUP, .reload)]
        unsafe sources = wanted.map { number, signal in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                // What stops reads no configuration any more, and a stop is not pushed out of a full buffer.
                if signal == .stop { isStopping.isSet.store(true, ordering: .relaxed) }
                if signal == .reload, isStopping.isSet.load(ordering: .relaxed) { return }
                continuation.yield(signal)
                onSignal(signal)
            }
            registered.enter()
            source.setRegistrationHandler { registered.leave() }
            source.resume()
            return source
        }
        registered.wait()
    }

    deinit {
        unsafe sources.forEach { $0.cancel() }
        continuation.finish()
    }
}
