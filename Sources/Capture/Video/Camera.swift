import Logging
import MediaTypes
import Synchronization

/// A camera that keeps coming back: opened on a thread of its own, watched, and opened again after whatever failed, without end.
///
/// Thread-safe, except that ``read(_:)`` belongs to one consumer thread. Runs from ``start()`` to ``stop()``, which must be called.
public final class Camera: Sendable {
    public typealias StateObserver = @Sendable (DeviceState, String) -> Void

    private struct Condition {
        var state = DeviceState.offline
        var reason = "not started"
        var connection: CameraStatus.Connection?
        /// Until it was joined.
        var thread: DeviceThread?
        /// Until the thread has ended, joined or left behind.
        var isRunning = false
    }

    /// Between attempts: doubling from the first. What is absent is looked for often, so that it is found soon after it is back.
    private static let firstPause = TimeSpan.milliseconds(250), longestPause = TimeSpan.seconds(4), longestPauseForAbsent = TimeSpan.seconds(1)
    private static let longestWait = TimeSpan.milliseconds(100)

    private let settings: CameraSettings
    private let locator: CameraLocator
    private let ring: FrameRing
    private let logger: Logger
    private let onStateChange: StateObserver
    private let counters = CameraCounters()
    private let condition = Mutex(Condition())
    private let stopSignal = WakeSignal()
    private let isStopping = Atomic(false)

    /// - Parameters:
    ///   - wake: raised for every frame.
    ///   - onStateChange: called on the camera's thread with the new state and its reason; not to block, nor to call ``stop()``.
    /// - Precondition: the size is 1…16384 on both sides, and the rate is finite and above 0.
    public init(
        settings: CameraSettings, wake: WakeSignal, logger: Logger, locator: CameraLocator = CameraLocator(),
        onStateChange: @escaping StateObserver
    ) {
        precondition(settings.rate.isFinite && settings.rate > 0, "camera rate \(settings.rate)")
        self.settings = settings
        self.locator = locator
        self.logger = logger
        self.onStateChange = onStateChange
        ring = FrameRing(capacity: max(3, settings.ringFrames), width: settings.width, height: settings.height, wake: wake)
    }

    /// Starts looking for the camera. Nothing happens where it runs already.
    /// - Returns: false where no thread can be started, or the one before still hangs in its driver; the state says so.
    @discardableResult
    public func start() -> Bool {
        let obstacle: String? = condition.withLock { condition in
            guard condition.thread == nil else { return nil }
            guard !condition.isRunning else { return "the camera's driver still hangs; plug the camera out and in again" }
            isStopping.store(false, ordering: .relaxed)
            condition.thread = DeviceThread("fwoc-camera") { [self] in run() }
            condition.isRunning = condition.thread != nil
            return condition.isRunning ? nil : "the system gives no thread for the camera; raise its limit (systemd: TasksMax=)"
        }
        guard let obstacle else { return true }
        change(.offline, obstacle)
        return false
    }

    /// Stops the thread and closes the camera, in less than a second. False where a driver holds the thread longer than that: it ends
    /// when the driver lets go.
    @discardableResult
    public func stop() -> Bool {
        let thread = condition.withLock { condition in
            defer { condition.thread = nil }
            return condition.thread
        }
        guard let thread else { return true }
        isStopping.store(true, ordering: .relaxed)
        stopSignal.raise()
        guard thread.join(.seconds(1)) else {
            logger.error("the camera's driver does not return; its thread is left behind", metadata: ["device": "\(settings.device)"])
            change(.offline, "stopped while its driver hangs")
            return false
        }
        return true
    }

    /// For the consumer thread: reads the oldest waiting frame, which is the camera's again when `body` returns.
    /// - Returns: nil where no frame waits.
    public func read<R>(_ body: (VideoFrame) throws -> R) rethrows -> R? { try ring.read(body) }

    /// Uses one frame of every `n`, from now on; 1 for all. Compressed frames that are left out cost no decoding (H.264 excepted).
    public func setFrameDivisor(_ n: Int) { counters.frameDivisor.store(max(1, n), ordering: .relaxed) }

    /// Frames that the consumer was too slow for. No lock.
    public var droppedByRing: Int { ring.droppedFrames }

    public var status: CameraStatus {
        let condition = condition.withLock { $0 }
        let last = counters.lastFrame.load(ordering: .relaxed)
        return CameraStatus(
            state: condition.state, reason: condition.reason, connection: condition.connection, frames: counters.frames.value,
            waitingFrames: ring.depth, droppedByRing: ring.droppedFrames, droppedByDriver: counters.droppedByDriver.value, shedFrames: counters.shedFrames.value,
            decodeErrors: counters.decodeErrors.value, damagedBuffers: counters.damagedBuffers.value, inputErrors: counters.inputErrors.value,
            staleFrames: counters.staleFrames.value, streamRestarts: counters.streamRestarts.value, reconnects: counters.reconnects.value, timestampFaults: counters.timestampFaults,
            bytes: counters.bytes.value, lastFrame: last < 0 ? nil : Instant(nanoseconds: last),
            timestampSource: FrameClock.Source(rawValue: counters.timestampSource.value))
    }

    private var mustStop: Bool { isStopping.load(ordering: .relaxed) }

    // MARK: The camera's thread

    private func run() {
        for refusal in settings.thread.apply() { logger.warning("camera thread: \(refusal)") }
        change(.reconnecting, "\(settings.device): looking for it")
        var pause = Self.firstPause
        var trace: CameraLocator.Trace?
        while !mustStop {
            do throws(CameraError) {
                let name = try CameraName(settings.device)
                let node = try locator.locate(name, formerly: trace)
                let session = try CameraSession(node: node, settings: settings, ring: ring, counters: counters, logger: logger)
                let isFirst = condition.withLock { condition in
                    defer { condition.connection = session.connection }
                    return condition.connection == nil
                }
                if !isFirst { counters.reconnects.increase() }
                trace = CameraLocator.Trace(usb: locator.usb(node), identity: session.connection.identity)
                try watch(session) { pause = Self.firstPause }
            } catch {
                if case .stalled = error { change(.noSignal, "\(error)") } else { change(.reconnecting, "\(error)") }
                stopSignal.wait(pause)
                pause = min(TimeSpan(nanoseconds: pause.nanoseconds * 2), error.isAbsence ? Self.longestPauseForAbsent : Self.longestPause)
            }
        }
        change(.offline, "stopped")
        condition.withLock { $0.isRunning = false }
    }

    /// Serves the session until it fails or is to stop.
    private func watch(_ session: CameraSession, onFrame: () -> Void) throws(CameraError) {
        let patience = TimeSpan(nanoseconds: settings.stallAfter.nanoseconds / 2)
        var lastFrame = MonotonicClock.now()
        var unusable = 0
        var isFlowing = false
        while !mustStop {
            let progress = try session.step(Self.longestWait)
            let now = MonotonicClock.now()
            switch progress {
            case .frame:
                lastFrame = now
                unusable = 0
                guard !isFlowing else { continue }
                isFlowing = true
                let got = session.connection
                change(.online, "\(got.node): \(got.identity.card), \(got.format.rawValue) \(got.width)x\(got.height)")
                onFrame()
                continue
            case .unusable: unusable += 1
            case .nothing: break
            }
            let gap = now - lastFrame
            if gap >= settings.stallAfter {
                throw .stalled(node: session.connection.node, settings.stallAfter, unusable: unusable)
            } else if gap >= patience, isFlowing {
                isFlowing = false
                change(.noSignal, "\(CameraError.stalled(node: session.connection.node, patience, unusable: unusable))")
            }
        }
    }

    private func change(_ state: DeviceState, _ reason: String) {
        let before = condition.withLock { condition in
            defer {
                condition.state = state
                condition.reason = reason
            }
            return (condition.state, condition.reason)
        }
        guard before != (state, reason) else { return }
        switch state {
        case .online, .offline: logger.info("camera \(state.rawValue): \(reason)")
        case .reconnecting, .noSignal: logger.warning("camera \(state.rawValue): \(reason)")
        }
        onStateChange(state, reason)
    }
}
