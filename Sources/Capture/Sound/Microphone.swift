public import Logging
public import MediaTypes
import Synchronization

/// A microphone behind PulseAudio, or behind PipeWire's server of that protocol: its sound, on CLOCK_MONOTONIC, in a ring.
///
/// The sound comes from the sound library's own thread (`fwoc-microphone`). Whatever fails — no server, server gone, source
/// gone, no sound — is tried again after 0.25 s, then ever more rarely, every 4 s at last; see ``status`` and `onStateChange` for
/// what goes on. A stream of exact zeros is made anew, at once, after 4 s, then ever more rarely. Thread-safe; ``read(_:)`` is for one thread.
public final class Microphone: Sendable {
    private let onStateChange: @Sendable (DeviceState, String) -> Void
    private let ring: SoundRing
    private let board = MicrophoneStatusBoard()
    private let recorder: SoundRecorder
    /// While it runs.
    private let thread = Mutex<PulseThread?>(nil)

    /// - Parameters:
    ///   - wake: is raised when there is sound to read.
    ///   - onStateChange: is called when the state or its reason changes, on the microphone's thread and on that of ``stop()``: it must
    ///     return soon and must not call ``start()`` or ``stop()``.
    public init(
        settings: MicrophoneSettings = MicrophoneSettings(), wake: WakeSignal, logger: Logger,
        onStateChange: @escaping @Sendable (DeviceState, String) -> Void = { _, _ in }
    ) {
        self.onStateChange = onStateChange
        ring = SoundRing(wake: wake)
        recorder = SoundRecorder(settings: settings, ring: ring, board: board, logger: logger, onStateChange: onStateChange)
    }

    deinit { stop() }

    /// Starts to look for the source and to record, in the background. Does nothing where it is running.
    public func start() {
        thread.withLock { thread in
            guard thread == nil else { return }
            guard let loop = PulseThread(), recorder.schedule(on: loop) else {
                onStateChange(.offline, "libpulse makes no main loop: out of memory or file descriptors")
                return
            }
            guard loop.start() else {
                loop.locked { recorder.end() }
                onStateChange(.offline, "libpulse starts no thread: the limit of threads is reached")
                return
            }
            thread = loop
        }
    }

    /// Stops recording and joins the thread, within a second. Sound that waits can still be read. Does nothing where it is not running.
    public func stop() {
        thread.withLock { thread in
            guard let loop = thread else { return }
            precondition(!loop.isCurrent, "a microphone is stopped by its own onStateChange")
            loop.locked { recorder.end() }
            loop.finish()
            thread = nil
        }
    }

    /// Hands out the oldest sound that was not read yet; see ``SoundRing/read(_:)``. One thread.
    public func read<R>(_ body: (AudioBlock) throws -> R) rethrows -> R? { try ring.read(body) }

    /// At most 0.1 s old.
    public var status: MicrophoneStatus { board.status.withLock { $0 } }
}
