import Foundation

/// The agent's state in Prometheus' text format, version 0.0.4.
enum MetricsText {
    static func text(_ status: AgentStatus) -> String {
        var lines: [String] = []
        let node = "node=\"\(escaped(status.node))\""
        func metric(_ name: String, _ kind: String, _ help: String, _ samples: [(labels: String, value: Double?)]) {
            let known = samples.compactMap { sample in sample.value.map { (sample.labels, $0) } }
            guard !known.isEmpty else { return }
            lines.append("# HELP fwoc_\(name) \(help)")
            lines.append("# TYPE fwoc_\(name) \(kind)")
            for (labels, value) in known {
                lines.append("fwoc_\(name){\(node)\(labels.isEmpty ? "" : "," + labels)} \(number(value))")
            }
        }
        func gauge(_ name: String, _ help: String, _ value: Double?) { metric(name, "gauge", help, [("", value)]) }
        func counter(_ name: String, _ help: String, _ value: Int?) { metric(name, "counter", help, [("", value.map(Double.init))]) }

        metric("info", "gauge", "Version, bundle and mode.", [
            ("version=\"\(escaped(status.version))\",bundle=\"\(escaped(status.bundle))\",mode=\"\(status.mode)\"", 1)
        ])
        gauge("uptime_seconds", "Time since the agent started.", status.uptimeS)
        gauge("degraded", "Things that do not work as they should.", Double(status.degraded.count))
        let devices = [("camera", status.camera?.state), ("microphone", status.microphone?.state)]
        metric("device_online", "gauge", "1 while a device delivers what it should.", devices.map { device in
            ("device=\"\(device.0)\"", device.1.map { $0 == "online" ? 1 : 0 })
        })
        metric("device_reconnects_total", "counter", "Times that a device came back.", [
            ("device=\"camera\"", status.camera.map { Double($0.reconnects) }), ("device=\"microphone\"", status.microphone.map { Double($0.reconnects) }),
        ])
        metric("device_stream_restarts_total", "counter", "Times that a device's stream was started again in place.", [
            ("device=\"camera\"", status.camera.map { Double($0.streamRestarts) }),
            ("device=\"microphone\"", status.microphone.map { Double($0.streamRestarts) }),
        ])
        counter("video_frames_total", "Frames captured.", status.camera?.frames)
        metric("video_dropped_frames_total", "counter", "Frames lost, by where.", [
            ("by=\"ring\"", status.camera.map { Double($0.droppedByRing) }), ("by=\"driver\"", status.camera.map { Double($0.droppedByDriver) }),
            ("by=\"shedding\"", status.camera.map { Double($0.shed) }), ("by=\"decoder\"", status.camera.map { Double($0.decodeErrors) }),
            ("by=\"damage\"", status.camera.map { Double($0.damagedBuffers) }), ("by=\"stale\"", status.camera.map { Double($0.staleFrames) }),
        ])
        gauge("video_frames_per_second", "Frames a second that were looked at.", status.camera?.fps)
        counter("audio_samples_total", "Samples heard, 16 kHz.", status.microphone?.samples)
        metric("audio_lost_samples_total", "counter", "Samples lost, by where.", [
            ("by=\"ring\"", status.microphone.map { Double($0.droppedByRing) }), ("by=\"overlap\"", Double(status.recognition.repeatedSamples)),
        ])
        counter("audio_overflows_total", "Times that the sound server's buffer ran over.", status.microphone?.overflows)
        gauge("audio_drift_ppm", "By how much the sound device's clock runs fast.", status.microphone?.driftPpm)
        gauge("audio_level_dbfs", "Level of the last tenths of a second.", status.microphone?.levelDbfs)
        gauge("av_offset_seconds", "Sound later than picture.", status.recognition.avOffsetMs.map { $0 / 1000 })
        gauge("faces", "Faces in view.", Double(status.recognition.faces))
        gauge("people", "People identified now.", Double(status.people.count))
        gauge("unknown", "Appearances of nobody who is enrolled.", Double(status.unknown))
        counter("appearances_total", "Appearances followed.", status.recognition.appearances)
        gauge("inference_load", "Share of one processor that recognition takes.", status.recognition.load)
        gauge("shedding_level", "Step of load shedding, 0 at full rate.", Double(status.recognition.sheddingLevel))
        gauge("lip_and_voice_fusion", "1 while enough frames are looked at to see from lips who speaks.", status.recognition.lipAndVoiceFusion ? 1 : 0)
        metric("stage_seconds", "gauge", "Mean time of a call, by stage.", status.recognition.stageMs.sorted { $0.key < $1.key }.map { stage in
            ("stage=\"\(escaped(stage.key))\"", stage.value / 1000)
        })
        counter("events_total", "Identity events kept for publishing.", status.events)
        metric("events_lost_total", "counter", "Identity events lost, by why.", [
            ("by=\"disk\"", Double(status.lostEvents)), ("by=\"age\"", Double(status.mqtt.droppedByAge)), ("by=\"count\"", Double(status.mqtt.droppedByCount)),
            ("by=\"queue\"", Double(status.recognition.lostDecisions)),
        ])
        metric("event_latency_seconds", "summary", "From the driver's timestamp to the publisher.", [
            ("quantile=\"0.5\"", status.latency.p50Ms.map { $0 / 1000 }), ("quantile=\"0.95\"", status.latency.p95Ms.map { $0 / 1000 }),
            ("quantile=\"0.99\"", status.latency.p99Ms.map { $0 / 1000 }),
        ])
        gauge("mqtt_connected", "1 while the broker is connected.", status.mqtt.connected ? 1 : 0)
        gauge("outbox_events", "Events that wait for the broker.", Double(status.mqtt.queued))
        counter("mqtt_acknowledged_total", "Events that the broker confirmed.", status.mqtt.acknowledged)
        counter("mqtt_reconnects_total", "Connections after the first.", status.mqtt.reconnects)
        gauge("gallery_people", "People enrolled.", Double(status.gallery.people))
        gauge("gallery_revision", "Revision of the gallery in use.", Double(status.gallery.revision))
        counter("inference_stalls_total", "Times that the inference thread stood still for too long.", status.process.stalls)
        gauge("process_resident_bytes", "Memory in use.", status.process.residentMib.map { $0 * 1_048_576 })
        gauge("process_threads", "Threads.", status.process.threads.map(Double.init))
        gauge("process_open_files", "Open file descriptors.", status.process.files.map(Double.init))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
