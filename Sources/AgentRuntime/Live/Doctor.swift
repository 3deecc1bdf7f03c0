import Capture
public import Foundation
import Gallery
import Glibc
import Logging
public import MediaTypes
import ModelBundle
import Publishing
import Recognition

/// Looks at everything that `run` needs before it runs, and says what to do about what is missing.
public enum Doctor {
    public struct Finding: Hashable, Sendable {
        public enum Grade: String, Sendable { case good, doubtful, bad }

        public var grade: Grade
        public var subject: String
        public var text: String
        /// What to do; empty where all is well.
        public var remedy = ""
    }

    /// - Parameters:
    ///   - configuration: as loaded, or why it cannot be.
    ///   - syncFor: how long to watch somebody speak, to measure how much later the sound is than the picture; zero: not at all.
    ///   - report: gets each finding as soon as it is known; some take seconds.
    public static func examine(
        configuration: Result<LoadedConfiguration, any Error>, referenceModels: String?, profileFolders: [URL], syncFor: TimeSpan = .zero,
        report: (Finding) -> Void
    ) {
        func say(_ grade: Finding.Grade, _ subject: String, _ text: String, _ remedy: String = "") {
            report(Finding(grade: grade, subject: subject, text: text, remedy: remedy))
        }
        machine(profileFolders, say)
        let loaded: LoadedConfiguration
        switch configuration {
        case .failure(let error): return say(.bad, "configuration", "\(error)", "mend what it names; `fwoc-agent config check` repeats this line")
        case .success(let value): loaded = value
        }
        let settings = loaded.configuration
        say(.good, "configuration", "node \(settings.node)" + (settings.profile.map { ", profile \($0)" } ?? ""))
        for warning in loaded.warnings { say(.doubtful, "configuration", warning, "see the line that it names") }
        let bundle = bundle(settings, referenceModels, say)
        gallery(settings, bundle, say)
        clock(say)
        if settings.camera.isEnabled { camera(settings, say) } else { say(.good, "camera", "not asked for") }
        if settings.microphone.isEnabled { microphone(settings, say) } else { say(.good, "microphone", "not asked for") }
        if syncFor > .zero, let bundle, settings.camera.isEnabled, settings.microphone.isEnabled { sync(settings, bundle, syncFor, say) }
        broker(settings, say)
        outbox(settings, say)
    }

    /// What the devices log is in their status, too.
    private static let silent = Logger(label: "doctor", factory: { _ in SwiftLogNoOpLogHandler() })

    private typealias Say = (Finding.Grade, String, String, String) -> Void

    private static func machine(_ folders: [URL], _ say: (Finding.Grade, String, String, String) -> Void) {
        do {
            if let match = try ProfileDetector(library: ProfileLibrary(folders: folders)).detect() {
                say(.good, "machine", "firmware profile \(match.profile.name) fits: \(match.evidence.joined(separator: ", "))", "")
            } else {
                say(.doubtful, "machine", "no firmware profile fits this machine", "begin with profile: generic-x86_64 and see `fwoc-agent status` for the load")
            }
        } catch {
            say(.doubtful, "machine", "\(error)", "reinstall firmware-profiles, or set FWOC_PROFILES to their folder")
        }
    }

    private static func bundle(_ settings: AgentConfiguration, _ referenceModels: String?, _ say: Say) -> LoadedBundle? {
        do {
            let bundle = try LoadedBundle.load(settings.bundle, referenceModels: referenceModels)
            let start = MonotonicClock.now()
            _ = try bundle.makeRecognizer(gallery: .empty)
            say(.good, "bundle", "\(bundle.fingerprint), loaded in \(Int((MonotonicClock.now() - start).milliseconds)) ms", "")
            return bundle
        } catch {
            say(.bad, "bundle", "\(error)", "bundle: in the configuration names it; the reference bundle needs FWOC_REFERENCE_MODELS or --reference-models")
            return nil
        }
    }

    private static func gallery(_ settings: AgentConfiguration, _ bundle: LoadedBundle?, _ say: Say) {
        let path = settings.gallery
        guard FileManager.default.fileExists(atPath: path) else {
            return say(.doubtful, "gallery", "\(path) is not there: everybody will be unknown", "fwoc-agent enroll NAME --clip FILE --gallery \(path)")
        }
        do {
            let gallery = try Gallery(path: path, access: .readOnly)
            let revision = try gallery.revision()
            guard let bundle else { return say(.good, "gallery", "\(path), revision \(revision); not compared with a bundle", "") }
            let snapshot = try gallery.snapshot(encoders: bundle.encoders)
            say(
                snapshot.people.isEmpty ? .doubtful : .good, "gallery", "\(path), revision \(revision), \(snapshot.people.count) people",
                snapshot.people.isEmpty ? "enrol somebody: fwoc-agent enroll NAME --clip FILE --gallery \(path)" : "")
        } catch {
            say(.bad, "gallery", "\(error)", "use another file (gallery:), or enrol again with this bundle")
        }
    }

    private static func clock(_ say: Say) {
        if Date().timeIntervalSince1970 < 1_700_000_000 {
            say(.bad, "clock", "the clock says \(Date().formatted(.iso8601)): events would carry a wrong time", "set it: timedatectl set-ntp true")
        } else if !WallClock.isSynchronised {
            say(.doubtful, "clock", "not synchronised with any other", "timedatectl set-ntp true, or install chrony; events are ordered by it")
        } else {
            say(.good, "clock", "synchronised", "")
        }
    }

    private static func camera(_ settings: AgentConfiguration, _ say: Say) {
        let device = settings.camera.device
        let wake = WakeSignal()
        let camera = Camera(settings: settings.cameraSettings, wake: wake, logger: silent, onStateChange: { _, _ in })
        camera.start()
        defer { camera.stop() }
        let end = MonotonicClock.now() + .seconds(4)
        var first: Instant?, last: Instant?, delay = TimeSpan.zero
        var frames = 0
        while MonotonicClock.now() < end {
            wake.wait(.milliseconds(100))
            while let instant = camera.read({ $0.instant }) {
                first = first ?? instant
                last = instant
                delay = max(delay, MonotonicClock.now() - instant)
                frames += 1
            }
            if frames >= 50 { break }
        }
        let status = camera.status
        guard let first, let last, let connection = status.connection, frames > 1 else {
            return say(
                .bad, "camera", "\(device): \(status.reason)",
                "`fwoc-agent devices` lists what is there; reading needs the group video (id -nG), and no other program may hold it")
        }
        let rate = Double(frames - 1) / max((last - first).seconds, 1e-3)
        let text = "\(connection.node) \(connection.identity.card): \(connection.format.rawValue) \(connection.width)x\(connection.height), "
            + String(format: "%.1f frames a second, at most %.0f ms old", rate, delay.milliseconds)
        let isSlow = rate < 0.8 * settings.camera.rate
        say(
            isSlow ? .doubtful : .good, "camera", text,
            isSlow ? String(format: "asked for %.0f: little light makes cameras slow; try another size, or camera.formats: [mjpeg]", settings.camera.rate) : "")
        if !status.timestampFaults.isEmpty {
            let faults = status.timestampFaults.map { "\($0.key) \($0.value)" }.sorted().joined(separator: ", ")
            say(.doubtful, "camera", "its timestamps are odd (\(faults)); they are mended", "nothing, unless lips and sound do not fit: then another driver")
        }
    }

    private static func microphone(_ settings: AgentConfiguration, _ say: Say) {
        let wake = WakeSignal()
        let microphone = Microphone(
            settings: settings.microphoneSettings, wake: wake, logger: silent, onStateChange: { _, _ in })
        microphone.start()
        defer { microphone.stop() }
        let end = MonotonicClock.now() + .seconds(4)
        var samples = 0
        while MonotonicClock.now() < end, samples < 40_000 {
            wake.wait(.milliseconds(100))
            while let count = microphone.read({ $0.samples.count }) { samples += count }
        }
        let status = microphone.status
        guard samples > 1600, status.state == .online else {
            return say(
                .bad, "microphone", "\(settings.microphone.source): \(status.state.rawValue), \(status.reason)",
                "is PulseAudio or PipeWire running, and may you reach it (a service: group pulse-access; a user's: the user unit)? `fwoc-agent devices` lists sources")
        }
        let parts = [
            status.source ?? settings.microphone.source, status.sourceFormat.map { "\($0)" }, status.levelDBFS.map { String(format: "%.0f dBFS", $0) },
            status.latency.map { String(format: "latency %.0f ms", $0.milliseconds) },
        ]
        let isFaint = (status.levelDBFS ?? -120) < -70
        say(
            isFaint ? .doubtful : .good, "microphone", parts.compactMap { $0 }.joined(separator: ", "),
            isFaint ? "hardly a sound: speak, and raise its volume (pactl set-source-volume)" : "")
    }

    /// Watches whoever speaks, and compares lips and sound.
    private static func sync(_ settings: AgentConfiguration, _ bundle: LoadedBundle, _ longest: TimeSpan, _ say: Say) {
        var recognition = Recognizer.Settings()
        recognition.measuresSync = true
        let wake = WakeSignal()
        let camera = Camera(settings: settings.cameraSettings, wake: wake, logger: silent, onStateChange: { _, _ in })
        let microphone = Microphone(settings: settings.microphoneSettings, wake: wake, logger: silent, onStateChange: { _, _ in })
        do {
            let recognizer = try bundle.makeRecognizer(gallery: .empty, settings: recognition)
            camera.start()
            microphone.start()
            defer {
                camera.stop()
                microphone.stop()
            }
            let end = MonotonicClock.now() + longest
            while MonotonicClock.now() < end {
                wake.wait(.milliseconds(100))
                while try microphone.read({ try recognizer.consume($0) }) != nil {}
                while try camera.read({ try recognizer.consume($0) }) != nil {}
                recognizer.takeDecisions { _ in }
            }
            guard let offset = recognizer.soundOffset else {
                return say(
                    .doubtful, "sync", "too little was seen of a speaking mouth in \(Int(longest.seconds)) s to compare it with the sound",
                    "speak towards the camera, one person alone, for at least ten seconds")
            }
            let isFar = abs(offset.milliseconds) > 120
            say(
                isFar ? .doubtful : .good, "sync", String(format: "sound %+.0f ms against the picture, to about 40 ms", offset.milliseconds),
                isFar ? "who speaks will be hard to tell; another microphone or camera, or one that buffers less" : "")
        } catch {
            say(.bad, "sync", "\(error)", "see the findings above")
        }
    }

    private static func broker(_ settings: AgentConfiguration, _ say: Say) {
        guard let mqtt = settings.mqttSettings else {
            return say(.doubtful, "broker", "mqtt.host is not set: events go nowhere", "name the broker in agent.yaml: mqtt: {host: …}")
        }
        do {
            let report = try MQTTProbe.run(mqtt, node: settings.node, within: .seconds(8))
            if let failure = report.failure {
                say(.bad, "broker", "\(failure)", "`fwoc-agent mqtt test` shows every step")
            } else {
                say(.good, "broker", report.lines.last ?? mqtt.broker, "")
            }
        } catch {
            say(.bad, "broker", "\(error)", "choose another node:")
        }
    }

    private static func outbox(_ settings: AgentConfiguration, _ say: Say) {
        let folder = (settings.outbox.path as NSString).deletingLastPathComponent
        if unsafe access(folder.isEmpty ? "." : folder, W_OK) == 0 {
            say(.good, "outbox", settings.outbox.path, "")
        } else {
            say(.bad, "outbox", "\(folder) cannot be written: \(unsafe String(cString: strerror(errno)))", "make the folder, or set outbox.path; as a service StateDirectory=fwoc makes it")
        }
    }
}
