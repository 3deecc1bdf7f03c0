import Foundation

/// A running agent at one moment, as `/status` serves it and `fwoc-agent status` shows it. No embedding, no picture, no secret.
public struct AgentStatus: Codable, Sendable {
    public struct Gallery: Codable, Sendable {
        public var path: String
        public var revision: Int
        public var people: Int
        /// Why it cannot be used; absent while it can.
        public var problem: String?
    }

    public struct Camera: Codable, Sendable {
        public var state: String
        public var reason: String
        public var device: String
        public var node: String?
        public var card: String?
        public var format: String?
        public var width: Int?
        public var height: Int?
        public var askedRate: Double?
        public var negotiatedRate: Double?
        /// Measured over the last seconds.
        public var fps: Double?
        public var frames: Int
        public var droppedByRing: Int
        public var droppedByDriver: Int
        public var shed: Int
        public var decodeErrors: Int
        public var damagedBuffers: Int
        public var inputErrors: Int
        /// From before the opening, and therefore not used.
        public var staleFrames: Int
        public var timestampFaults: Int
        /// Times that the stream was stopped and started in place, after errors.
        public var streamRestarts: Int
        public var reconnects: Int
        /// Seconds since the newest frame was captured.
        public var age: Double?
    }

    public struct Microphone: Codable, Sendable {
        public var state: String
        public var reason: String
        public var server: String?
        public var source: String?
        public var format: String?
        public var latencyMs: Double?
        public var samples: Int
        public var droppedByRing: Int
        public var overflows: Int
        public var discontinuities: Int
        public var driftPpm: Double?
        public var correctedSamples: Int
        /// Times that the stream was made anew in place, because it delivered exact zeros.
        public var streamRestarts: Int
        public var reconnects: Int
        public var levelDbfs: Double?
        public var age: Double?
    }

    public struct Recognition: Codable, Sendable {
        public var video: String
        public var audio: String
        public var faces: Int
        public var appearances: Int
        public var searchedFrames: Int
        public var droppedDetections: Int
        public var repeatedSamples: Int
        /// Step of load shedding, 0 at full rate.
        public var sheddingLevel: Int
        /// Whether as many frames are looked at as it takes to see from lips who speaks; false at the last step of load shedding.
        public var lipAndVoiceFusion: Bool
        /// Share of one processor that recognition takes, 0…1.
        public var load: Double?
        /// Mean milliseconds of a call, by stage.
        public var stageMs: [String: Double]
        /// Sound later than picture by so much, in ms; absent until enough speech was seen and heard.
        public var avOffsetMs: Double?
        public var lostDecisions: Int
    }

    public struct Latency: Codable, Sendable {
        public var count: Int
        public var p50Ms: Double?
        public var p95Ms: Double?
        public var p99Ms: Double?
        public var largestMs: Double?
    }

    public struct Broker: Codable, Sendable {
        public var broker: String?
        public var connected: Bool
        public var version: String?
        public var tls: String?
        public var problem: String?
        public var queued: Int
        public var published: Int
        public var acknowledged: Int
        public var droppedByAge: Int
        public var droppedByCount: Int
        public var droppedTransient: Int
        public var reconnects: Int
        public var exactlyOnce: Bool
        public var lastPublishMs: Double?
    }

    public struct Process: Codable, Sendable {
        public var pid: Int
        /// Of one processor.
        public var cpuPercent: Double?
        public var residentMib: Double?
        public var peakMib: Double?
        public var threads: Int?
        public var files: Int?
        public var stalls: Int
    }

    public struct Person: Codable, Sendable {
        public var id: String
        public var name: String
        public var since: String
        public var modality: String?
        public var score: Double?
    }

    public var schema = "fwoc.agent-status/1"
    public var node: String
    public var version: String
    /// Name and fingerprint.
    public var bundle: String
    public var profile: String?
    /// starting, live, paused, stopping
    public var mode: String
    public var uptimeS: Double
    /// What does not work as it should; empty: all is well.
    public var degraded: [String]
    public var gallery: Gallery
    public var camera: Camera?
    public var microphone: Microphone?
    public var recognition: Recognition
    /// From the driver's timestamp to the publisher, of events that begin or change an appearance.
    public var latency: Latency
    public var mqtt: Broker
    public var people: [Person]
    public var unknown: Int
    public var events: Int
    public var lostEvents: Int
    /// The newest events as lines, newest last.
    public var newest: [String]
    public var process: Process

    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(self)
    }

    public init(json: Data) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(AgentStatus.self, from: json)
    }

    init(
        node: String, version: String, bundle: String, profile: String?, mode: String, uptimeS: Double, degraded: [String], gallery: Gallery,
        camera: Camera?, microphone: Microphone?, recognition: Recognition, latency: Latency, mqtt: Broker, people: [Person], unknown: Int,
        events: Int, lostEvents: Int, newest: [String], process: Process
    ) {
        self.node = node
        self.version = version
        self.bundle = bundle
        self.profile = profile
        self.mode = mode
        self.uptimeS = uptimeS
        self.degraded = degraded
        self.gallery = gallery
        self.camera = camera
        self.microphone = microphone
        self.recognition = recognition
        self.latency = latency
        self.mqtt = mqtt
        self.people = people
        self.unknown = unknown
        self.events = events
        self.lostEvents = lostEvents
        self.newest = newest
        self.process = process
    }
}
