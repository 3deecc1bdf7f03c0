import Foundation

/// The state of a running agent as lines for a terminal.
public enum StatusText {
    public static func lines(_ status: AgentStatus, isColoured: Bool = false) -> [String] {
        func paint(_ text: String, _ code: String) -> String { isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
        func state(_ text: String) -> String {
            switch text {
            case "online", "live", "present": paint(text, "32")
            case "offline", "lost", "no_signal", "stopping": paint(text, "31")
            default: paint(text, "33")
            }
        }
        func row(_ label: String, _ parts: [String?]) -> String {
            label.padding(toLength: 12, withPad: " ", startingAt: 0) + parts.compactMap { $0 }.joined(separator: "  ")
        }
        func milliseconds(_ value: Double?) -> String { value.map { String(format: "%.0f ms", $0) } ?? "–" }

        var lines = [
            row("agent", [
                state(status.mode), status.node, "fwoc-agent \(status.version)", "up \(duration(status.uptimeS))",
                status.profile.map { "profile \($0)" }, "pid \(status.process.pid)",
            ]),
            row("bundle", [
                status.bundle, "gallery revision \(status.gallery.revision), \(status.gallery.people) people", status.gallery.problem.map { paint($0, "31") },
            ]),
        ]
        if let camera = status.camera {
            lines.append(row("camera", [
                state(camera.state), camera.node ?? camera.device, camera.card,
                camera.width.flatMap { width in camera.height.map { "\(camera.format ?? "?") \(width)x\($0)" } },
                camera.fps.map { String(format: "%.1f fps", $0) }, camera.state == "online" ? nil : camera.reason,
            ]))
            lines.append(row("", [
                "\(camera.frames) frames", dropped([
                    ("ring", camera.droppedByRing), ("driver", camera.droppedByDriver), ("shed", camera.shed), ("undecodable", camera.decodeErrors),
                    ("damaged", camera.damagedBuffers), ("from before the opening", camera.staleFrames), ("input errors", camera.inputErrors),
                ]), camera.timestampFaults > 0 ? "\(camera.timestampFaults) odd timestamps" : nil,
                camera.streamRestarts > 0 ? "stream restarted \(camera.streamRestarts) times" : nil,
                camera.reconnects > 0 ? "reconnected \(camera.reconnects) times" : nil,
            ]))
        }
        if let microphone = status.microphone {
            lines.append(row("microphone", [
                state(microphone.state), microphone.source, microphone.format, microphone.levelDbfs.map { String(format: "%.0f dBFS", $0) },
                microphone.latencyMs.map { "latency \(milliseconds($0))" }, microphone.state == "online" ? nil : microphone.reason,
            ]))
            lines.append(row("", [
                String(format: "%.1f s heard", Double(microphone.samples) / 16_000),
                dropped([("ring, samples", microphone.droppedByRing), ("overflows", microphone.overflows), ("discontinuities", microphone.discontinuities)]),
                microphone.driftPpm.map { String(format: "clock %+.0f ppm", $0) },
                microphone.correctedSamples > 0 ? "\(microphone.correctedSamples) samples corrected" : nil,
                microphone.streamRestarts > 0 ? "stream restarted \(microphone.streamRestarts) times" : nil,
                microphone.reconnects > 0 ? "reconnected \(microphone.reconnects) times" : nil,
            ]))
        }
        let recognition = status.recognition
        lines.append(row("recognition", [
            "video \(state(recognition.video))", "audio \(state(recognition.audio))", "\(recognition.faces) faces",
            recognition.load.map { String(format: "load %.0f %% of a processor", 100 * $0) },
            recognition.lipAndVoiceFusion ? nil : paint("no lip and voice fusion at this frame rate", "33"),
            recognition.avOffsetMs.map { String(format: "sound %+.0f ms against picture", $0) } ?? "sound against picture not known yet",
        ]))
        let stages = recognition.stageMs.sorted { $0.value > $1.value }.prefix(5).map { String(format: "%@ %.1f ms", $0.key, $0.value) }
        if !stages.isEmpty { lines.append(row("", stages)) }
        lines.append(row("latency", [
            "capture to event: median \(milliseconds(status.latency.p50Ms))", "99 % within \(milliseconds(status.latency.p99Ms))",
            "\(status.latency.count) events",
        ]))
        let mqtt = status.mqtt
        if let broker = mqtt.broker {
            lines.append(row("mqtt", [
                mqtt.connected ? paint("connected", "32") : paint("away", "31"), broker, mqtt.version.map { "MQTT \($0)" }, mqtt.tls,
                mqtt.problem.map { paint($0, "33") },
            ]))
            lines.append(row("", [
                "\(mqtt.acknowledged) events confirmed", "\(mqtt.queued) wait",
                dropped([("too old", mqtt.droppedByAge), ("too many", mqtt.droppedByCount), ("telemetry", mqtt.droppedTransient)]),
                mqtt.lastPublishMs.map { "last confirmed after \(milliseconds($0))" },
            ]))
        } else {
            lines.append(row("mqtt", ["no broker configured (mqtt.host): events go nowhere"]))
        }
        lines.append(row("process", [
            status.process.cpuPercent.map { String(format: "%.0f %% processor", $0) },
            status.process.residentMib.map { String(format: "%.0f MiB", $0) }, status.process.peakMib.map { String(format: "peak %.0f MiB", $0) },
            status.process.threads.map { "\($0) threads" }, status.process.files.map { "\($0) files" },
            status.process.stalls > 0 ? paint("\(status.process.stalls) stalls", "31") : nil,
        ]))
        let people = status.people.map { person in
            person.name + (person.modality.map { " (\($0 == "both" ? "face and voice" : $0))" } ?? "")
        }
        lines.append(row("here now", [people.isEmpty ? "nobody known" : people.joined(separator: ", "), status.unknown > 0 ? "\(status.unknown) unknown" : nil]))
        for line in status.newest.suffix(5) { lines.append(row("", [line])) }
        for problem in status.degraded { lines.append(row(paint("degraded".padding(toLength: 12, withPad: " ", startingAt: 0), "33"), [problem])) }
        return lines
    }

    /// Losses that happened, by where; one word where there were none.
    private static func dropped(_ counts: [(String, Int)]) -> String {
        let lost = counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
        return lost.isEmpty ? "nothing dropped" : "dropped: " + lost.joined(separator: ", ")
    }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds)
        if whole < 120 { return "\(whole) s" }
        if whole < 7200 { return "\(whole / 60) min" }
        if whole < 172_800 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
        return "\(whole / 86_400) days \(whole % 86_400 / 3600) h"
    }
}
