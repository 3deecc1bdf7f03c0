import CLinux
import CPulse
import Glibc
import Logging
import MediaTypes
import Synchronization

/// The status that the recorder publishes and everybody reads. Thread-safe.
final class MicrophoneStatusBoard: Sendable {
    let status = Mutex(MicrophoneStatus())
}

/// Keeps a record stream of a sound server running, whatever happens to server, source and stream, and writes its sound to the ring.
///
/// A state machine on the Pulse main loop: callbacks say what happened, the tick (ten times a second) acts. What went wrong is taken
/// down by the tick, never inside a callback of the object concerned.
@safe final class SoundRecorder: @unchecked Sendable {
    // Unchecked: after `begin` was scheduled, everything is touched on the main loop's thread, or under its lock in `end`.

    private enum Phase {
        /// Waiting for the next attempt.
        case away
        /// An attempt is under way: connection, stream, first sound.
        case connecting
        /// Sound has come.
        case recording
    }

    private static let tick: TimeSpan = .milliseconds(100)
    /// Delays between attempts.
    private static let firstDelay: TimeSpan = .milliseconds(250)
    private static let longestDelay: TimeSpan = .milliseconds(4000)
    /// An attempt that has not brought sound by then has failed; a source that slept may need two seconds.
    private static let longestAttempt: TimeSpan = .milliseconds(5000)
    /// Times of exact zeros after which the stream is made anew: the first renewal is at once, then ever more rarely.
    private static let firstRenewal: TimeSpan = .milliseconds(4000)
    private static let longestRenewal: TimeSpan = .milliseconds(64_000)

    private let settings: MicrophoneSettings
    private let ring: SoundRing
    private let board: MicrophoneStatusBoard
    private let logger: Logger
    private let onStateChange: @Sendable (DeviceState, String) -> Void
    /// Of the loop that runs; `nil` before the first.
    private var api: UnsafeMutablePointer<pa_mainloop_api>?

    private var context: PulseContext?
    private var stream: PulseStream?
    private var timer: OpaquePointer?

    private var phase = Phase.away
    private var hasFailed = false
    private var isContextLost = false
    private var delay = firstDelay
    /// Time in the phase; while recording, time since the last sound. Counted by ticks, so that a pause of the whole process
    /// (suspend, a debugger) is not taken for the server's.
    private var waited = TimeSpan.zero
    private var lastTick = Instant.zero
    private var ticks = 0
    private var isSuspended = false
    /// Time of exact zeros since the last renewal, and how long it may be before the next.
    private var silent = TimeSpan.zero
    private var renewal = TimeSpan.zero
    private var hasEnded = false

    private var serverName: String?
    private var defaultSource: String?
    private var sourceName: String?
    /// The monitor that was warned of.
    private var monitorName: String?

    private var timeline = SoundTimeline()
    private var activity = SoundActivity()
    private var state = DeviceState.offline
    private var reason = ""
    private var overflows = 0
    private var reconnects = 0
    private var streamRestarts = 0
    private var hasRecorded = false
    private var latency: Double?

    init(
        settings: MicrophoneSettings, ring: SoundRing, board: MicrophoneStatusBoard, logger: Logger,
        onStateChange: @escaping @Sendable (DeviceState, String) -> Void
    ) {
        unsafe api = nil
        self.settings = settings
        self.ring = ring
        self.board = board
        self.logger = logger
        self.onStateChange = onStateChange
    }

    // MARK: Life

    /// Makes the thread of a loop that does not run yet call ``begin()`` first. The recorder must outlive the loop.
    /// - Returns: false where libpulse has no memory for a connection.
    func schedule(on loop: PulseThread) -> Bool {
        guard let api = unsafe loop.api, let first = unsafe PulseContext(api) else { return false }
        unsafe self.api = unsafe api
        context = first
        hasEnded = false
        unsafe pa_mainloop_api_once(api, { _, argument in unsafe SoundRecorder.of(argument).begin() }, reference)
        return true
    }

    private var reference: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(self).toOpaque() }

    private static func of(_ argument: UnsafeMutableRawPointer?) -> SoundRecorder {
        unsafe Unmanaged<SoundRecorder>.fromOpaque(argument!).takeUnretainedValue()
    }

    private func begin() {
        guard !hasEnded else { return }
        _ = unsafe fwoc_name_thread("fwoc-microphone")
        for refusal in settings.thread.apply() { logger.warning("microphone thread: \(refusal)") }
        lastTick = MonotonicClock.now()
        attempt()
        restartTimer()
    }

    /// Takes everything down. Under the loop's lock; the loop's thread is stopped afterwards.
    func end() {
        hasEnded = true
        stream = nil
        if let timer = unsafe timer, let api = unsafe api { unsafe api.pointee.time_free(timer) }
        unsafe timer = nil
        context = nil
        unsafe api = nil
        hasFailed = false
        isContextLost = true
        takeDown()
        delay = Self.firstDelay
        enter(.offline, "stopped")
        publish()
    }

    private func restartTimer() {
        guard let context else { return }
        let next = pa_rtclock_now() + pa_usec_t(Self.tick.nanoseconds / 1000)
        if let timer = unsafe timer {
            unsafe pa_context_rttime_restart(context.pointer, timer, next)
        } else {
            unsafe timer = pa_context_rttime_new(context.pointer, next, { _, _, _, argument in
                let recorder = unsafe SoundRecorder.of(argument)
                recorder.tick()
                recorder.restartTimer()
            }, reference)
        }
    }

    private func tick() {
        let now = MonotonicClock.now()
        let passed = min(now - lastTick, Self.tick + Self.tick)
        waited = waited + passed
        lastTick = now
        ticks += 1
        if hasFailed {
            hasFailed = false
            takeDown()
        }
        switch phase {
        case .away:
            if waited >= delay { retry() }
        case .connecting:
            if isSuspended {
                waited = .zero
            } else if waited >= max(Self.longestAttempt, settings.stallAfter) {
                fail("no answer from \(serverWords) within \(Self.seconds(waited)) s", contextLost: true)
            }
        case .recording:
            if isSuspended {
                waited = .zero
            } else if waited >= settings.stallAfter {
                fail("no sound from \(sourceWords) for \(Self.seconds(waited)) s", contextLost: true)
            } else if state == .noSignal {
                silent = silent + passed
                if silent >= renewal { renew() }
            }
        }
        // The library asks by itself, ever more rarely; the clock wants more.
        if let stream, stream.state == PA_STREAM_READY, ticks % 2 == 0 {
            unsafe release(pa_stream_update_timing_info(stream.pointer, nil, nil))
        }
        publish()
    }

    // MARK: Connection

    private func attempt() {
        phase = .connecting
        waited = .zero
        isSuspended = false
        isContextLost = false
        guard let api = unsafe api, let fresh = unsafe context?.state == PA_CONTEXT_UNCONNECTED ? context : PulseContext(api) else {
            fail("libpulse has no memory for a connection", contextLost: true)
            return
        }
        // The old one, without which the timer could not be restarted, goes only now.
        context = fresh
        if state != .reconnecting { enter(.reconnecting, "connecting to \(serverWords)") }
        unsafe pa_context_set_state_callback(fresh.pointer, { context, argument in
            unsafe SoundRecorder.of(argument).contextChanged()
        }, reference)
        unsafe pa_context_set_subscribe_callback(fresh.pointer, { context, event, index, argument in
            unsafe SoundRecorder.of(argument).serverChanged(event)
        }, reference)
        let result = unsafe pa_context_connect(fresh.pointer, settings.server, PA_CONTEXT_NOAUTOSPAWN, nil)
        if result < 0 { fail("cannot connect to \(serverWords): \(fresh.failure)", contextLost: true) }
    }

    /// The next attempt: with the connection that is there, or a new one.
    private func retry() {
        delay = min(delay + delay, Self.longestDelay)
        guard !isContextLost, let context, context.state == PA_CONTEXT_READY else {
            attempt()
            return
        }
        phase = .connecting
        waited = .zero
        isSuspended = false
        askServer()
    }

    /// Makes the stream anew, in the same state: PipeWire tells no stream that its source was suspended, and a stream that was there
    /// before gets exact zeros from then on, also when the source has resumed; a new one hears, and wakes the source. Not within a
    /// callback of the stream.
    private func renew() {
        guard context?.state == PA_CONTEXT_READY else { return }
        renewal = min(max(renewal + renewal, Self.firstRenewal), Self.longestRenewal)
        silent = .zero
        streamRestarts += 1
        stream = nil
        // Silence goes on being counted: the state is that of the old stream until something is heard.
        timeline.restart()
        phase = .connecting
        waited = .zero
        isSuspended = false
        open()
    }

    /// Notes a failure; the next tick takes down what is left.
    private func fail(_ reason: String, contextLost: Bool) {
        guard !hasFailed || (contextLost && !isContextLost) else { return }
        hasFailed = true
        isContextLost = isContextLost || contextLost
        enter(.reconnecting, reason)
    }

    private func takeDown() {
        stream = nil
        // Kept, though closed, because the timer needs one.
        if isContextLost { context?.close() }
        phase = .away
        waited = .zero
        sourceName = nil
        if isContextLost { serverName = nil }
        timeline.restart()
        activity.restart()
        board.status.withLock { status in
            status.sourceDescription = nil
            status.sourceFormat = nil
        }
    }

    private func contextChanged() {
        guard let context, !hasEnded else { return }
        switch context.state {
        case PA_CONTEXT_READY:
            let mask = pa_subscription_mask_t(PA_SUBSCRIPTION_MASK_SOURCE.rawValue | PA_SUBSCRIPTION_MASK_SERVER.rawValue)
            unsafe release(pa_context_subscribe(context.pointer, mask, nil, nil))
            askServer()
        case PA_CONTEXT_FAILED, PA_CONTEXT_TERMINATED:
            fail(
                phase == .recording || stream != nil
                    ? "connection to \(serverWords) lost: \(context.failure)" : "cannot connect to \(serverWords): \(context.failure)",
                contextLost: true)
        default: break
        }
    }

    /// Asks what the server is and which source it prefers; the answer opens or moves the stream.
    private func askServer() {
        guard let context else { return }
        unsafe release(pa_context_get_server_info(context.pointer, { _, info, argument in
            unsafe SoundRecorder.of(argument).take(info)
        }, reference))
    }

    private func take(_ info: UnsafePointer<pa_server_info>?) {
        guard !hasEnded, !hasFailed, let context else { return }
        guard let info = unsafe info else {
            fail("\(serverWords) does not say what it is: \(context.failure)", contextLost: true)
            return
        }
        let name = unsafe Self.string(info.pointee.server_name) ?? "sound server"
        let version = unsafe Self.string(info.pointee.server_version) ?? ""
        serverName = "\(context.address ?? "?") (\(name) \(version))"
        let preferred = unsafe Self.string(info.pointee.default_source_name)
        let hasChanged = preferred != defaultSource
        defaultSource = preferred
        guard let stream else {
            if phase == .connecting { open() }
            return
        }
        // The server moves streams itself when its default changes, mostly; not where it remembers that this one was placed by hand.
        guard hasChanged, settings.followsDefault, stream.state == PA_STREAM_READY, let preferred, preferred != stream.deviceName else { return }
        logger.info("microphone: the default source is '\(preferred)' now; following it")
        unsafe release(pa_context_move_source_output_by_name(
            context.pointer, pa_stream_get_index(stream.pointer), preferred,
            { _, success, argument in
                if success == 0 { unsafe SoundRecorder.of(argument).fail("the server does not move the stream to its new default source", contextLost: false) }
            }, reference))
    }

    private func serverChanged(_ event: pa_subscription_event_type_t) {
        guard !hasEnded, !hasFailed else { return }
        let facility = event.rawValue & PA_SUBSCRIPTION_EVENT_FACILITY_MASK.rawValue
        let kind = event.rawValue & PA_SUBSCRIPTION_EVENT_TYPE_MASK.rawValue
        let isNewSource = facility == PA_SUBSCRIPTION_EVENT_SOURCE.rawValue && kind == PA_SUBSCRIPTION_EVENT_NEW.rawValue
        guard isNewSource || facility == PA_SUBSCRIPTION_EVENT_SERVER.rawValue else { return }
        if phase == .away, !isContextLost {
            // Perhaps the one that is waited for: the next tick tries.
            waited = max(waited, delay)
        } else if stream != nil {
            askServer()
        }
    }

    // MARK: Stream

    private func open() {
        guard let context else { return }
        guard let fresh = PulseStream(context) else {
            fail("libpulse makes no stream: \(context.failure)", contextLost: true)
            return
        }
        stream = fresh
        let pointer = unsafe fresh.pointer
        unsafe pa_stream_set_state_callback(pointer, { _, argument in unsafe SoundRecorder.of(argument).streamChanged() }, reference)
        unsafe pa_stream_set_read_callback(pointer, { _, _, argument in unsafe SoundRecorder.of(argument).read() }, reference)
        unsafe pa_stream_set_latency_update_callback(pointer, { _, argument in unsafe SoundRecorder.of(argument).measure() }, reference)
        unsafe pa_stream_set_overflow_callback(pointer, { _, argument in unsafe SoundRecorder.of(argument).overflowed() }, reference)
        unsafe pa_stream_set_moved_callback(pointer, { _, argument in unsafe SoundRecorder.of(argument).moved() }, reference)
        unsafe pa_stream_set_suspended_callback(pointer, { _, argument in unsafe SoundRecorder.of(argument).suspensionChanged() }, reference)

        let bytesPerSecond = Int64(AudioFormat.sampleRate * MemoryLayout<Float>.size)
        let fragment = max(64, settings.latency.nanoseconds / AudioFormat.sampleSpan.nanoseconds * Int64(MemoryLayout<Float>.size))
        var buffer = pa_buffer_attr(
            maxlength: UInt32(clamping: max(2 * bytesPerSecond, 8 * fragment)), tlength: .max, prebuf: .max, minreq: .max, fragsize: UInt32(clamping: fragment))
        var flags = PA_STREAM_ADJUST_LATENCY.rawValue | PA_STREAM_AUTO_TIMING_UPDATE.rawValue | PA_STREAM_INTERPOLATE_TIMING.rawValue
        // A named source is meant: when it goes away, the stream must end, and not listen to whatever else there is.
        if !settings.followsDefault { flags |= PA_STREAM_DONT_MOVE.rawValue }
        let source = settings.followsDefault ? nil : settings.source
        let result = unsafe pa_stream_connect_record(pointer, source, &buffer, pa_stream_flags_t(flags))
        if result < 0 { fail("cannot record from \(sourceWords): \(context.failure)", contextLost: false) }
    }

    private func streamChanged() {
        guard let stream, let context, !hasEnded else { return }
        switch stream.state {
        case PA_STREAM_READY:
            identify()
            suspensionChanged()
        case PA_STREAM_FAILED, PA_STREAM_TERMINATED:
            let words = phase == .recording ? "\(sourceWords) is gone" : "cannot record from \(sourceWords)"
            fail("\(words): \(context.failure)", contextLost: context.state != PA_CONTEXT_READY)
        default: break
        }
    }

    /// Learns which source the stream is connected to.
    private func identify() {
        guard let stream, let context else { return }
        sourceName = stream.deviceName
        unsafe release(pa_context_get_source_info_by_index(
            context.pointer, pa_stream_get_device_index(stream.pointer),
            { _, info, _, argument in
                guard let info = unsafe info else { return }
                let recorder = unsafe SoundRecorder.of(argument)
                let description = unsafe SoundRecorder.string(info.pointee.description)
                let format = unsafe SoundFormat(info.pointee.sample_spec)
                let isMonitor = unsafe info.pointee.monitor_of_sink != UInt32.max
                recorder.board.status.withLock { status in
                    status.sourceDescription = description
                    status.sourceFormat = format
                }
                guard isMonitor, recorder.monitorName != recorder.sourceName else { return }
                recorder.monitorName = recorder.sourceName
                recorder.logger.warning("microphone: \(recorder.sourceWords) is the monitor of a sink: it hears what is played, not the room")
            }, reference))
    }

    private func moved() {
        guard !hasEnded, !hasFailed else { return }
        timeline.restart()
        activity.restart()
        identify()
        logger.info("microphone: moved to \(sourceWords)")
        suspensionChanged()
    }

    private func suspensionChanged() {
        guard let stream, !hasEnded, !hasFailed, stream.isSuspended != isSuspended else { return }
        isSuspended = stream.isSuspended
        waited = .zero
        timeline.restart()
        activity.restart()
        if isSuspended {
            enter(.reconnecting, "\(sourceWords) is suspended by the server: waiting until it resumes")
        } else {
            phase = .connecting
            enter(.reconnecting, "\(sourceWords) resumes")
        }
    }

    private func overflowed() {
        overflows += 1
        timeline.lose(0)
    }

    // MARK: Sound

    /// Hands on what has come. On the sample path: no allocation, no lock.
    private func read() {
        guard let stream, !hasEnded, !hasFailed else { return }
        while true {
            var data: UnsafeRawPointer?
            var bytes = 0
            guard unsafe pa_stream_peek(stream.pointer, &data, &bytes) == 0 else {
                fail("reading from \(sourceWords) failed", contextLost: true)
                return
            }
            guard bytes > 0 else { return }
            let count = bytes / MemoryLayout<Float>.size
            if let data = unsafe data {
                let samples = unsafe Span(_unsafeStart: data.assumingMemoryBound(to: Float.self), count: count)
                timeline.append(samples, to: ring)
                activity.append(samples)
            } else {
                timeline.lose(count)
            }
            _ = unsafe pa_stream_drop(stream.pointer)
            if timeline.clock.isReady { heard() }
        }
    }

    private func heard() {
        waited = .zero
        if let next = timeline.next {
            // Not below zero, though `next` may lie ahead of now. Servers hand sound on in blocks, and PulseAudio tells no latency within
            // the block for monitors, null sinks and pipes: the clock's line runs through the middle of that staircase, so that at a block's
            // arrival its end is half a block in the future (−2.5 ms at 5 ms a block), and the time line keeps within ±2 ms of the clock
            // besides. Both are right on average, which sync needs; a negative latency would make no sense to a reader.
            let age = max(0, (MonotonicClock.now() - next).seconds)
            latency = latency.map { $0 + 0.05 * (age - $0) } ?? age
        }
        // What stands still, or starts with zeros, has not shown yet that it lives.
        if activity.zeroSamples == 0 {
            renewal = .zero
            silent = .zero
            if state != .online { comeBack(.online, "\(sourceWords) delivers sound") }
        } else if state != .noSignal, activity.silence >= settings.silenceAfter {
            comeBack(.noSignal, "\(sourceWords) delivers exact zeros: muted?")
        }
        if phase != .recording {
            phase = .recording
            delay = Self.firstDelay
        }
    }

    private func comeBack(_ state: DeviceState, _ reason: String) {
        if self.state == .reconnecting {
            if hasRecorded { reconnects += 1 }
            hasRecorded = true
        }
        enter(state, reason)
    }

    /// Tells the clock: what is captured now is so many samples behind what was read last.
    private func measure() {
        guard let stream, !isSuspended, !hasFailed, let info = unsafe pa_stream_get_timing_info(stream.pointer) else { return }
        let timing = unsafe info.pointee
        guard timing.write_index_corrupt == 0, timing.read_index_corrupt == 0, timing.playing != 0 else { return }
        let queued = Double(timing.write_index - timing.read_index) / Double(MemoryLayout<Float>.size)
        let inDevice = (Double(timing.source_usec) - Double(timing.sink_usec)) * 1e-6 * Double(AudioFormat.sampleRate)
        // libpulse's own clock is CLOCK_MONOTONIC too; the answer was made this long ago.
        let age = TimeSpan(nanoseconds: Int64(clamping: timing.transport_usec) * 1000)
        timeline.measure(position: Double(timeline.position) + queued + inDevice, instant: MonotonicClock.now() - age)
    }

    // MARK: Telling

    private func enter(_ state: DeviceState, _ reason: String) {
        guard state != self.state || reason != self.reason else { return }
        let hasChanged = state != self.state
        self.state = state
        self.reason = reason
        logger.log(level: hasChanged ? .notice : .info, "microphone \(state.rawValue): \(reason)")
        publish()
        onStateChange(state, reason)
    }

    private func publish() {
        let drift = timeline.clock.driftPPM
        let level = activity.meanSquareLevel.map { max(-120, 10 * log10(max($0, 1e-12))) }
        board.status.withLock { status in
            status.state = state
            status.reason = reason
            status.server = serverName
            status.source = sourceName
            status.latency = latency.map { .seconds($0) }
            status.samples = ring.writtenSamples
            status.droppedByRing = ring.droppedSamples
            status.overflows = overflows
            status.discontinuities = timeline.discontinuities
            status.driftPPM = drift
            status.correctedSamples = timeline.correctedSamples
            status.reconnects = reconnects
            status.streamRestarts = streamRestarts
            status.levelDBFS = level
            status.lastBlock = timeline.next
        }
    }

    private var serverWords: String {
        if let serverName { return "sound server \(serverName)" }
        return settings.server.map { "sound server '\($0)'" } ?? "the default sound server"
    }

    private var sourceWords: String {
        if let sourceName { return "source '\(sourceName)'" }
        return settings.followsDefault ? "the default source" : "source '\(settings.source)'"
    }

    private static func seconds(_ span: TimeSpan) -> String {
        let tenths = (span.nanoseconds + 50_000_000) / 100_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func string(_ text: UnsafePointer<CChar>?) -> String? { unsafe text.map { unsafe String(cString: $0) } }

    private func release(_ operation: OpaquePointer?) {
        if let operation = unsafe operation { unsafe pa_operation_unref(operation) }
    }
}
