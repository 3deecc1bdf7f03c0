import Capture
import MediaTypes
import Publishing

/// The configuration as the parts of the agent want it.
extension AgentConfiguration {
    var cameraSettings: CameraSettings {
        CameraSettings(
            device: camera.device, width: camera.size.width, height: camera.size.height, rate: camera.rate,
            formats: camera.formats.compactMap { CameraFormat(rawValue: $0.rawValue) }, buffers: camera.buffers, thread: threads.camera.placement)
    }

    var microphoneSettings: MicrophoneSettings {
        MicrophoneSettings(
            source: microphone.source, server: microphone.server, latency: microphone.latency.span, thread: threads.microphone.placement)
    }

    /// `nil` where there is no broker.
    public var mqttSettings: MQTTSettings? {
        guard mqtt.isUsed, let host = mqtt.host else { return nil }
        return MQTTSettings(
            host: host, port: mqtt.port,
            tls: mqtt.usesTLS ? MQTTSettings.TLS(caFile: mqtt.tls.caFile, certFile: mqtt.tls.certificateFile, keyFile: mqtt.tls.keyFile) : nil,
            username: mqtt.username, password: mqtt.password?.revealed(), clientID: mqtt.clientID, keepAlive: Int(mqtt.keepAlive.span.seconds),
            protocolPreference: mqtt.version.map { $0 == .five ? .version5 : .version311 } ?? .automatic)
    }

    var outboxSettings: OutboxSettings { OutboxSettings(path: outbox.path, maxEvents: outbox.mostEvents, ttl: outbox.timeToLive.span) }
}

extension AgentConfiguration.Threads.Placement {
    var placement: ThreadPlacement { ThreadPlacement(processors: cpuMask, nice: nice, realtimePriority: realtime) }
}

extension Duration {
    var span: TimeSpan { TimeSpan(nanoseconds: components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000) }
}
