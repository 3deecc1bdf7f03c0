import Capture
public import Foundation
import Gallery
public import Logging
public import MediaTypes
import Publishing
import Recognition
import Synchronization

/// The agent as a service: camera and microphone in, identity events out, for months.
///
/// Threads: one for each device, one that recognises (``InferenceLoop``), one that makes events durable (``EventOutlet``), one for the
/// network (``Publisher``). What is left waits: signals, the clock, HTTP. Thread-safe.
public final class LiveAgent: Sendable {
    /// How the agent is to be run.
    public struct Environment: Sendable {
        /// Reads the configuration, at start and at every reload.
        public var load: @Sendable () throws -> LoadedConfiguration
        public var referenceModels: String?
        public var notifier: ServiceNotifier
        /// What `log.level` sets at a reload.
        public var logThreshold: LogThreshold?

        public init(
            load: @escaping @Sendable () throws -> LoadedConfiguration, referenceModels: String?, notifier: ServiceNotifier, logThreshold: LogThreshold? = nil
        ) {
            self.load = load
            self.referenceModels = referenceModels
            self.notifier = notifier
            self.logThreshold = logThreshold
        }
    }

    private struct State {
        var loaded: LoadedConfiguration
        var bundle: LoadedBundle
        var mode = StatusPayload.Mode.starting
        var load = ProcessLoad()
        var frameRate: Double?
        var inferenceLoad: Double?
        var lastRates: (instant: Instant, frames: Int, busy: Int64)?
        var postponed: [String] = []
        var lastStatus: StatusPayload?
    }

    private let environment: Environment
    private let logger: Logger
    private let state: Mutex<State>
    /// One change from outside at a time.
    private let changing = NSLock()
    private let started = LiveClock.now()
    private let wake = WakeSignal()
    private let outletWake = WakeSignal()
    private let camera: Camera?
    private let microphone: Microphone?
    private let gallery: LiveGallery
    private let loop: InferenceLoop
    private let outlet: EventOutlet
    private let publisher: Publisher
    private let watchdog: Watchdog
    private let commands: CommandDesk

    /// What the publisher calls; it exists before the agent does.
    private final class CommandDesk: Sendable {
        private let handler = Mutex<(@Sendable (Command) -> CommandReply)?>(nil)
        func open(_ body: @escaping @Sendable (Command) -> CommandReply) { handler.withLock { $0 = body } }
        func close() { handler.withLock { $0 = nil } }
        func answer(_ command: Command) -> CommandReply {
            handler.withLock { $0 }?(command) ?? CommandReply(ok: false, message: "the agent starts or stops; ask again in a moment")
        }
    }

    /// Time that a stop may take, in all.
    public static let stopWithin = TimeSpan.seconds(2)

    /// Loads models and gallery and prepares everything; nothing runs yet.
    public init(environment: Environment, logger: Logger) throws {
        self.environment = environment
        self.logger = logger
        let loaded = try environment.load()
        let configuration = loaded.configuration
        guard configuration.camera.isEnabled || configuration.microphone.isEnabled else {
            throw AgentError(.configuration, "camera.enabled and microphone.enabled are both false: there is nothing to recognise anybody by; enable one")
        }
        let bundle = try LoadedBundle.load(configuration.bundle, referenceModels: environment.referenceModels)
        gallery = LiveGallery(path: configuration.gallery, encoders: try bundle.encoders)
        _ = gallery.look()
        if let problem = gallery.problem { logger.error("gallery: \(problem)") }
        let snapshot = gallery.snapshot
        let recognizer = try bundle.makeRecognizer(gallery: snapshot, match: Self.match(bundle, configuration, snapshot, logger), settings: Self.settings(configuration))

        let desk = CommandDesk()
        commands = desk
        publisher = try Publisher(
            node: configuration.node, mqtt: configuration.mqttSettings, outbox: configuration.outboxSettings,
            device: configuration.mqtt.discovery.isEnabled ? .init(softwareVersion: AgentVersion.current) : nil, logger: logger, commands: { desk.answer($0) })
        let isWakeful = wake
        camera =
            configuration.camera.isEnabled
            ? Camera(settings: configuration.cameraSettings, wake: isWakeful, logger: logger, onStateChange: { _, _ in }) : nil
        microphone =
            configuration.microphone.isEnabled
            ? Microphone(settings: configuration.microphoneSettings, wake: isWakeful, logger: logger, onStateChange: { _, _ in }) : nil
        let progress = ProgressMark()
        loop = InferenceLoop(
            camera: camera, microphone: microphone, wake: wake, outlet: outletWake, recognizer: recognizer, galleryRevision: snapshot.revision,
            budget: configuration.recognition.latencyBudget.span, progress: progress, placement: configuration.threads.inference.placement)
        outlet = EventOutlet(
            node: configuration.node, loop: loop, publisher: publisher, wake: outletWake, model: bundle.fingerprint,
            policy: EventOutlet.Policy(unknown: configuration.publish.unknown, speaking: configuration.publish.speaking), logger: logger)
        watchdog = Watchdog(notifier: environment.notifier, progress: progress) { isStalled in
            if isStalled {
                logger.critical("recognition stands still; systemd will restart the agent unless it gets on")
            } else {
                logger.warning("recognition gets on again")
            }
        }
        state = Mutex(State(loaded: loaded, bundle: bundle))
        for warning in loaded.warnings { logger.warning("\(warning)") }
    }

    /// Runs until it is told to stop.
    /// - Parameter signals: what the outside asks for.
    /// - Throws: where it cannot start, or recognition failed.
    public func run(signals: AsyncStream<ServiceSignal>) async throws {
        let configuration = state.withLock { $0.loaded.configuration }
        logger.info("starting", metadata: [
            "version": "\(AgentVersion.current)", "node": "\(configuration.node)", "bundle": "\(state.withLock { $0.bundle.fingerprint })",
            "gallery_revision": "\(gallery.snapshot.revision)", "people": "\(gallery.snapshot.people.count)",
        ])
        try publisher.start()
        commands.open { [weak self] in self?.answer($0) ?? CommandReply(ok: false, message: "the agent is gone") }
        setLevels()
        loop.start { [logger] in for refusal in $0 { logger.warning("thread fwoc-inference: \(refusal)") } }
        outlet.start()
        camera?.start()
        microphone?.start()
        watchdog.start()

        let stop: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.tick() }
                if configuration.http.isEnabled { group.addTask { await self.serve(configuration.http.listen) } }
                group.addTask {
                    for await signal in signals {
                        switch signal {
                        case .stop: return
                        case .reload: _ = self.reload()
                        }
                    }
                }
                // The server ends only with the rest; the clock throws where recognition failed; the signals end with a stop.
                try await group.next()
                group.cancelAll()
            }
            stop = .success(())
        } catch {
            stop = .failure(error)
        }
        end()
        try stop.get()
    }

    private func serve(_ listen: ListenAddress) async {
        let server = StatusServer(
            host: listen.host, port: listen.port, status: { self.status() },
            trouble: { self.watchdog.isStalled ? "recognition stands still" : self.loop.failure ?? self.unreadiness })
        while !Task.isCancelled {
            do { try await server.run() } catch {
                guard !Task.isCancelled else { return }
                logger.error("http \(listen): \(error); trying again in 10 s")
                try? await Task.sleep(for: .seconds(10))
            }
        }
    }

    // MARK: What happens by the clock

    private func tick() async throws {
        var lastTelemetry: Instant?
        var ticks = 0
        while !Task.isCancelled {
            try await Task.sleep(for: .milliseconds(100))
            if let failure = loop.failure { throw AgentError(.internalError, "recognition failed: \(failure)") }
            ticks += 1
            if state.withLock({ $0.mode }) == .starting && unreadiness == nil { becomeReady() }
            if ticks % 5 == 0 { setLevels() }
            if ticks % 10 == 0 {
                if let snapshot = gallery.look() { useGallery(snapshot) }
                takeRates()
            }
            if ticks % 20 == 0 { environment.notifier.status(line) }
            let interval = state.withLock { $0.loaded.configuration.publish.telemetryInterval.span }
            // Measured from the last one, so that a shorter interval holds as soon as it is reloaded.
            if interval > .zero, lastTelemetry.map({ LiveClock.now() >= $0 + interval }) ?? true {
                lastTelemetry = LiveClock.now()
                sendTelemetry()
            }
        }
    }

    /// What is still missing before anybody can rely on this agent; `nil` once the first good frame (without a camera: sound) was looked at.
    private var unreadiness: String? {
        if camera != nil { return loop.statistics.frames.load(ordering: .relaxed) > 0 ? nil : "no frame yet" }
        return loop.statistics.samples.load(ordering: .relaxed) > 0 ? nil : "no sound yet"
    }

    private func becomeReady() {
        state.withLock { $0.mode = .live }
        publisher.announceOnline()
        setLevels()
        environment.notifier.ready(status: line)
        logger.info("ready", metadata: ["after_ms": "\(Int((LiveClock.now() - started).milliseconds))"])
    }

    private func takeRates() {
        let now = LiveClock.now()
        let frames = loop.statistics.frames.load(ordering: .relaxed), busy = loop.statistics.busyNanoseconds.load(ordering: .relaxed)
        state.withLock { state in
            state.load.look()
            if let last = state.lastRates, now > last.instant {
                let seconds = (now - last.instant).seconds
                // Smoothed over about three seconds.
                let rate = Double(frames - last.frames) / seconds, share = Double(busy - last.busy) / 1e9 / seconds
                state.frameRate = state.frameRate.map { $0 + (rate - $0) / 3 } ?? rate
                state.inferenceLoad = state.inferenceLoad.map { $0 + (share - $0) / 3 } ?? share
            }
            state.lastRates = (now, frames, busy)
        }
    }

    private func useGallery(_ snapshot: GallerySnapshot) {
        let (bundle, configuration) = state.withLock { ($0.bundle, $0.loaded.configuration) }
        loop.changes.put(.gallery(snapshot, Self.match(bundle, configuration, snapshot, logger)))
        wake.raise()
        logger.info("gallery changed", metadata: ["gallery_revision": "\(snapshot.revision)", "people": "\(snapshot.people.count)"])
    }

    private func sendTelemetry() {
        let recent = outlet.takeRecent()
        let status = status()
        publisher.telemetry(
            TelemetryPayload(
                node: status.node, time: Date(), uptime: .seconds(status.uptimeS), fps: status.camera?.fps, latencyP50: recent.quantile(0.5),
                latencyP95: recent.quantile(0.95), cpuPercent: status.process.cpuPercent, memoryMiB: status.process.residentMib,
                temperature: ProcessLoad.temperature,
                droppedVideo: (status.camera?.droppedByRing ?? 0) + (status.camera?.droppedByDriver ?? 0) + (status.camera?.shed ?? 0),
                droppedAudio: status.microphone?.droppedByRing ?? 0, droppedEvents: status.mqtt.droppedByAge + status.mqtt.droppedByCount,
                queued: status.mqtt.queued
            ).json())
    }

    private func setLevels() {
        if let camera { publisher.setLevel(.camera, Data(camera.status.state.rawValue.utf8)) }
        if let microphone { publisher.setLevel(.microphone, Data(microphone.status.state.rawValue.utf8)) }
        let degraded = degraded()
        let payload = state.withLock { state -> StatusPayload? in
            let new = StatusPayload(
                node: state.loaded.configuration.node, time: Date(), version: AgentVersion.current, bundle: state.bundle.fingerprint,
                galleryRevision: gallery.snapshot.revision, mode: state.mode, degraded: degraded)
            // The time alone is no news.
            var comparable = new
            if let last = state.lastStatus { comparable.ts = last.ts }
            guard comparable != state.lastStatus else { return nil }
            state.lastStatus = new
            return new
        }
        if let payload { publisher.setLevel(.status, payload.json()) }
    }

    private func degraded() -> [String] {
        var list: [String] = []
        let isPaused = state.withLock { $0.mode == .paused }
        if !isPaused {
            if let status = camera?.status, status.state != .online { list.append("camera \(status.state.rawValue): \(status.reason)") }
            if let status = microphone?.status, status.state != .online { list.append("microphone \(status.state.rawValue): \(status.reason)") }
        }
        if let text = LoadShedder.text(level: loop.statistics.sheddingLevel.load(ordering: .relaxed)) { list.append(text) }
        if loop.statistics.audioState == .degraded { list.append("speech is hardly louder than the noise") }
        if let problem = gallery.problem { list.append("gallery: \(problem)") }
        if let damage = publisher.status.outboxDamage { list.append("outbox: \(damage)") }
        if let failure = outlet.snapshot.lastFailure { list.append("events were lost: \(failure)") }
        if watchdog.isStalled { list.append("recognition stands still") }
        list += state.withLock { $0.postponed }
        return list
    }

    /// One line for `systemctl status`.
    private var line: String {
        let presence = outlet.snapshot.presence
        let (mode, rate, load) = state.withLock { ($0.mode, $0.frameRate, $0.inferenceLoad) }
        var parts = [mode.rawValue]
        if let rate { parts.append(String(format: "%.1f fps", rate)) }
        if let load { parts.append(String(format: "load %.0f %%", 100 * load)) }
        parts.append("\(presence.count) known, \(presence.unknown) unknown")
        let mqtt = publisher.status
        if let broker = mqtt.broker { parts.append(mqtt.connected ? "MQTT \(broker)" : "MQTT \(broker) away, \(mqtt.queued) events wait") }
        if let first = degraded().first { parts.append(first) }
        return parts.joined(separator: "; ")
    }

    // MARK: What is asked from outside

    private func answer(_ command: Command) -> CommandReply {
        switch command.verb {
        case .pause: return pause(true)
        case .resume: return pause(false)
        case .reload: return reload()
        case .purge: return purge()
        }
    }

    private func pause(_ isPaused: Bool) -> CommandReply {
        changing.withLock {
            let mode = state.withLock { $0.mode }
            guard (mode == .paused) != isPaused else { return CommandReply(ok: true, message: isPaused ? "paused already" : "not paused") }
            guard mode == .live || mode == .paused else { return CommandReply(ok: false, message: "the agent is \(mode.rawValue); ask again when it is live") }
            loop.changes.put(.paused(isPaused))
            wake.raise()
            // What is not looked at is not captured either: the camera's light goes out.
            if isPaused {
                _ = camera?.stop()
                microphone?.stop()
                outlet.clearPresence()
            } else {
                camera?.start()
                microphone?.start()
            }
            state.withLock { $0.mode = isPaused ? .paused : .live }
            setLevels()
            logger.notice(isPaused ? "paused" : "resumed")
            return CommandReply(ok: true, message: isPaused ? "paused: camera and microphone are closed" : "resumed")
        }
    }

    /// Drops the events that wait: nobody wants to hear them any more.
    private func purge() -> CommandReply {
        do {
            let count = try publisher.purge()
            logger.notice("purged", metadata: ["events": "\(count)"])
            return CommandReply(ok: true, message: "\(count) waiting events were dropped")
        } catch {
            return CommandReply(ok: false, message: "the outbox could not be emptied: \(error)")
        }
    }

    /// Reads the configuration again. What may change while the agent runs changes between two frames; a configuration that is wrong is
    /// refused, and the old one kept.
    @discardableResult
    func reload() -> CommandReply {
        changing.withLock {
            environment.notifier.reloading()
            defer { environment.notifier.ready(status: line) }
            do {
                let new = try environment.load()
                let (old, oldBundle) = state.withLock { ($0.loaded, $0.bundle) }
                let difference = ConfigurationDifference(from: old, to: new)
                let running = old.configuration.reloaded(with: new.configuration)
                let bundle = try LoadedBundle.load(running.bundle, referenceModels: environment.referenceModels)
                if bundle.fingerprint != oldBundle.fingerprint {
                    guard try bundle.encoders == oldBundle.encoders || gallery.snapshot.people.isEmpty else {
                        throw AgentError(
                            .configuration,
                            "bundle \(bundle.fingerprint): its encoders are not those that filled the gallery \(gallery.path); enrol again, or restart with another gallery")
                    }
                }
                gallery.move(to: running.gallery)
                _ = gallery.look()
                let snapshot = gallery.snapshot
                if bundle.fingerprint != oldBundle.fingerprint {
                    let recognizer = try bundle.makeRecognizer(gallery: snapshot, match: Self.match(bundle, running, snapshot, logger), settings: Self.settings(running))
                    loop.changes.put(.recognizer(InferenceLoop.Handover(recognizer), galleryRevision: snapshot.revision))
                } else {
                    loop.changes.put(.gallery(snapshot, Self.match(bundle, running, snapshot, logger)))
                }
                let settings = Self.settings(running)
                loop.changes.put(
                    .intervals(hold: settings.hold, detection: settings.detectionInterval, settled: settings.settledDetectionInterval))
                loop.changes.put(.budget(running.recognition.latencyBudget.span))
                wake.raise()
                outlet.change(
                    policy: EventOutlet.Policy(unknown: running.publish.unknown, speaking: running.publish.speaking), model: bundle.fingerprint)
                environment.logThreshold?.level = running.log.level.level
                let postponed = difference.postponed.map { "\($0.key) changes with a restart" }
                state.withLock { state in
                    state.loaded = LoadedConfiguration(configuration: running, origins: new.origins, warnings: new.warnings)
                    state.bundle = bundle
                    state.postponed = postponed
                }
                for change in difference.applied { logger.notice("reload: \(change)") }
                for change in difference.postponed { logger.warning("reload: \(change) takes effect with a restart") }
                setLevels()
                let text =
                    difference.isEmpty ? "nothing changed"
                    : "\(difference.applied.count) changes in effect" + (postponed.isEmpty ? "" : ", " + postponed.joined(separator: ", "))
                logger.notice("reloaded: \(text)")
                return CommandReply(ok: true, message: text)
            } catch {
                logger.error("reload refused, the old configuration stays: \(error)")
                return CommandReply(ok: false, message: "refused, the old configuration stays: \(error)")
            }
        }
    }

    // MARK: The end

    /// Devices first, then what they have delivered, then the broker hears of it.
    private func end() {
        let deadline = LiveClock.now() + Self.stopWithin
        func left(_ most: TimeSpan) -> TimeSpan { max(.milliseconds(50), min(most, deadline - LiveClock.now())) }
        commands.close()
        state.withLock { $0.mode = .stopping }
        environment.notifier.stopping(status: "stopping")
        watchdog.stop()
        setLevels()
        let isInTime = loop.stop(within: left(.milliseconds(600)))
        if !isInTime { logger.error("recognition did not end in time; what it had not decided is lost") }
        outlet.stop(within: left(.milliseconds(400)))
        publisher.setLevel(.presence, PresenceBoard().payload(node: state.withLock { $0.loaded.configuration.node }, time: Date()).json())
        _ = camera?.stop()
        microphone?.stop()
        publisher.setLevel(.camera, Data("offline".utf8))
        publisher.setLevel(.microphone, Data("offline".utf8))
        publisher.stop(within: left(.milliseconds(800)))
        logger.info("stopped", metadata: ["after_ms": "\(Int((LiveClock.now() - (deadline - Self.stopWithin)).milliseconds))"])
    }

    // MARK: Settings of the parts

    private static func settings(_ configuration: AgentConfiguration) -> Recognizer.Settings {
        var settings = Recognizer.Settings()
        settings.hold = configuration.recognition.hold.span
        settings.detectionInterval = configuration.recognition.detectionInterval.span
        settings.settledDetectionInterval = configuration.recognition.settledDetectionInterval.span
        settings.measuresSync = true
        return settings
    }

    /// The thresholds that were fitted to the gallery, else the bundle's, unless the configuration has its own.
    private static func match(_ bundle: LoadedBundle, _ configuration: AgentConfiguration, _ gallery: GallerySnapshot, _ logger: Logger) -> MatchSettings {
        var (match, notes) = bundle.matchSettings.calibrated(by: gallery)
        for note in notes { logger.warning("\(note)") }
        if let threshold = configuration.recognition.threshold {
            for modality in match.thresholds.keys { match.thresholds[modality] = Float(threshold) }
        }
        if let margin = configuration.recognition.margin { match.margin = Float(margin) }
        return match
    }

    // MARK: Status

    /// Everything at a glance.
    public func status() -> AgentStatus {
        let now = LiveClock.now()
        let (configuration, bundle, mode, load, rate, share) = state.withLock {
            ($0.loaded.configuration, $0.bundle.fingerprint, $0.mode, $0.load, $0.frameRate, $0.inferenceLoad)
        }
        let sheddingLevel = loop.statistics.sheddingLevel.load(ordering: .relaxed)
        let events = outlet.snapshot, mqtt = publisher.status, statistics = loop.statistics, snapshot = gallery.snapshot
        let stages = Stage.allCases.compactMap { stage -> (String, Double)? in
            let cell = statistics.stageNanoseconds[stage.rawValue], count = cell.count.load(ordering: .relaxed)
            return count == 0 ? nil : (stage.label, Double(cell.nanoseconds.load(ordering: .relaxed)) / Double(count) / 1e6)
        }
        return AgentStatus(
            node: configuration.node, version: AgentVersion.current, bundle: bundle, profile: configuration.profile, mode: mode.rawValue,
            uptimeS: (now - started).seconds, degraded: degraded(),
            gallery: AgentStatus.Gallery(path: gallery.path, revision: snapshot.revision, people: snapshot.people.count, problem: gallery.problem),
            camera: camera.map { AgentStatus.Camera($0.status, device: configuration.camera.device, fps: rate, now: now) },
            microphone: microphone.map { AgentStatus.Microphone($0.status, now: now) },
            recognition: AgentStatus.Recognition(
                video: statistics.videoState.rawValue, audio: statistics.audioState.rawValue, faces: statistics.facesInView.load(ordering: .relaxed),
                appearances: statistics.appearances.load(ordering: .relaxed), searchedFrames: statistics.searchedFrames.load(ordering: .relaxed),
                droppedDetections: statistics.droppedDetections.load(ordering: .relaxed),
                repeatedSamples: statistics.repeatedSamples.load(ordering: .relaxed), sheddingLevel: sheddingLevel,
                lipAndVoiceFusion: LoadShedder.steps[sheddingLevel].allowsLipAndVoiceFusion, load: share, stageMs: Dictionary(uniqueKeysWithValues: stages), avOffsetMs: statistics.soundOffset?.milliseconds, lostDecisions: loop.decisions.refusedCount),
            latency: AgentStatus.Latency(
                count: Int(events.latency.count), p50Ms: events.latency.quantile(0.5)?.milliseconds, p95Ms: events.latency.quantile(0.95)?.milliseconds,
                p99Ms: events.latency.quantile(0.99)?.milliseconds, largestMs: events.latency.count > 0 ? events.latency.largest.milliseconds : nil),
            mqtt: AgentStatus.Broker(
                broker: mqtt.broker, connected: mqtt.connected, version: mqtt.version?.rawValue, tls: mqtt.tlsVersion,
                problem: mqtt.lastError.map { "\($0)" }, queued: mqtt.queued, published: mqtt.published, acknowledged: mqtt.acknowledged,
                droppedByAge: mqtt.droppedByAge, droppedByCount: mqtt.droppedByCount, droppedTransient: mqtt.droppedTransient,
                reconnects: mqtt.reconnects, exactlyOnce: mqtt.exactlyOnce, lastPublishMs: mqtt.lastPublishLatency?.milliseconds),
            people: events.presence.people.map {
                AgentStatus.Person(id: $0.id, name: $0.name, since: $0.since, modality: $0.modality, score: $0.score)
            }, unknown: events.presence.unknown, events: events.events, lostEvents: events.failures, newest: events.newest,
            process: AgentStatus.Process(
                pid: Int(ProcessInfo.processInfo.processIdentifier), cpuPercent: load.cpuPercent,
                residentMib: ProcessMemory.residentBytes.map { Double($0) / 1_048_576 }, peakMib: ProcessMemory.peakBytes.map { Double($0) / 1_048_576 },
                threads: ProcessLoad.threads, files: ProcessLoad.files, stalls: Int(watchdog.stallCount)))
    }
}
