import Capture
import MediaTypes

extension AgentStatus.Camera {
    init(_ status: CameraStatus, device: String, fps: Double?, now: Instant) {
        let connection = status.connection
        self.init(
            state: status.state.rawValue, reason: status.reason, device: device, node: connection?.node, card: connection?.identity.card,
            format: connection?.format.rawValue, width: connection?.width, height: connection?.height, askedRate: connection?.askedRate,
            negotiatedRate: connection?.negotiatedRate, fps: fps, frames: status.frames, droppedByRing: status.droppedByRing,
            droppedByDriver: status.droppedByDriver, shed: status.shedFrames, decodeErrors: status.decodeErrors,
            damagedBuffers: status.damagedBuffers, inputErrors: status.inputErrors,
            staleFrames: status.staleFrames, timestampFaults: status.timestampFaults.values.reduce(0, +),
            streamRestarts: status.streamRestarts, reconnects: status.reconnects,
            age: status.lastFrame.map { (now - $0).seconds })
    }
}

extension AgentStatus.Microphone {
    init(_ status: MicrophoneStatus, now: Instant) {
        self.init(
            state: status.state.rawValue, reason: status.reason, server: status.server, source: status.source,
            format: status.sourceFormat.map { "\($0)" }, latencyMs: status.latency?.milliseconds, samples: status.samples,
            droppedByRing: status.droppedByRing, overflows: status.overflows, discontinuities: status.discontinuities, driftPpm: status.driftPPM,
            correctedSamples: status.correctedSamples, streamRestarts: status.streamRestarts, reconnects: status.reconnects, levelDbfs: status.levelDBFS,
            age: status.lastBlock.map { (now - $0).seconds })
    }
}
