public import Foundation
public import MediaTypes

/// Measurements of the last half minute: schema `fwoc.telemetry/1`. What was not measured is absent.
public struct TelemetryPayload: Payload {
    public static let schemaName = "fwoc.telemetry/1"

    /// From capture to event.
    public struct Latency: Encodable, Hashable, Sendable {
        public var p50: Double?
        public var p95: Double?
    }

    /// Counts since the agent started.
    public struct Dropped: Encodable, Hashable, Sendable {
        public var video: Int
        public var audio: Int
        /// Events that outlived their time or found the outbox full.
        public var events: Int
    }

    public private(set) var schema = schemaName
    public var node: String
    public var ts: String
    public var uptimeS: Int
    /// Frames per second that were analysed.
    public var fps: Double?
    public var latencyMs: Latency
    /// Of one processor; four busy ones are 400.
    public var cpuPercent: Double?
    /// Resident, in MiB.
    public var memoryMb: Double?
    public var temperatureC: Double?
    public var dropped: Dropped
    /// Events that wait.
    public var queued: Int

    public init(
        node: String, time: Date, uptime: TimeSpan, fps: Double? = nil, latencyP50: TimeSpan? = nil, latencyP95: TimeSpan? = nil,
        cpuPercent: Double? = nil, memoryMiB: Double? = nil, temperature: Double? = nil, droppedVideo: Int = 0, droppedAudio: Int = 0,
        droppedEvents: Int = 0, queued: Int = 0
    ) {
        self.node = node
        ts = timestamp(time)
        uptimeS = Int(uptime.seconds)
        self.fps = fps.flatMap(rounded)
        latencyMs = Latency(p50: latencyP50.flatMap { rounded($0.milliseconds) }, p95: latencyP95.flatMap { rounded($0.milliseconds) })
        self.cpuPercent = cpuPercent.flatMap(rounded)
        memoryMb = memoryMiB.flatMap(rounded)
        temperatureC = temperature.flatMap(rounded)
        dropped = Dropped(video: droppedVideo, audio: droppedAudio, events: droppedEvents)
        self.queued = queued
    }
}
