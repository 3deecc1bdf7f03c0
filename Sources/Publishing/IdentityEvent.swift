public import Foundation
import Gallery
public import MediaTypes
public import Recognition

/// One statement about one appearance, as subscribers get it: schema `fwoc.identity/1`
/// (`Sources/Publishing/Schemas/fwoc.identity-1.schema.json`).
///
/// Numbers are rounded to what they are worth, so that the same decision always gives the same bytes. No embedding and no
/// picture is in it.
public struct IdentityEvent: Encodable, Sendable {
    public static let schemaName = "fwoc.identity/1"

    public struct Person: Encodable, Sendable {
        public var id: String
        public var name: String
    }

    public struct RunnerUp: Encodable, Sendable {
        public var id: String
        public var score: Double
    }

    public struct Face: Encodable, Sendable {
        public var score: Double?
        public var px: Int
        public var quality: Double
        public var yawDeg: Int
    }

    public struct Voice: Encodable, Sendable {
        public var score: Double?
        public var speechMs: Int
        public var snrDb: Int?
    }

    public struct Speaking: Encodable, Sendable {
        public var state: Bool
        public var confidence: Double
    }

    public struct Latency: Encodable, Sendable {
        /// On the media's own time line: how old the newest evidence was when the decision fell. Waiting for lips and sound to be
        /// compared is in it, computing time is not, so that a replay can repeat it.
        public var evidenceToEvent: Int
        /// With live devices: from the driver's timestamp of the frame or sound that decided to this event. Absent in a replay, which has no
        /// such time.
        public var captureToEvent: Int?
    }

    public var schema = schemaName
    public var eventId: String
    public var type: String
    public var ts: String
    public var node: String
    public var track: Int
    public var decision: String
    /// Encoded as null unless somebody is identified.
    public var person: Person?
    public var score: Double?
    public var threshold: Double
    public var margin: Double?
    /// See ``IdentityDecision/falseAcceptEstimate``; two significant digits, rounded up.
    public var falseAcceptEstimate: Double?
    public var runnerUp: RunnerUp?
    public var modality: String?
    public var face: Face?
    public var voice: Voice?
    public var speaking: Speaking?
    public var bbox: [Double]?
    public var latencyMs: Latency
    public var model: String
    public var galleryRevision: Int
    public var replay: Bool
    public var queuedMs = 0

    /// - Parameters:
    ///   - eventID: see ``EventIdentifierSequence``.
    ///   - time: wall-clock time of the decision's instant.
    ///   - model: the bundle's name and fingerprint.
    ///   - captureToEvent: see ``Latency/captureToEvent``.
    public init(
        _ decision: IdentityDecision, eventID: String, time: Date, node: String, model: String, galleryRevision: Int, replay: Bool,
        captureToEvent: TimeSpan? = nil
    ) {
        eventId = eventID
        type = decision.stage.rawValue
        ts = Self.timestamp(time)
        self.node = node
        track = decision.track.value
        self.decision = decision.verdict.rawValue
        person = decision.person.map { Person(id: $0.id.rawValue, name: $0.name) }
        score = decision.score.map { Self.rounded($0) }
        threshold = Self.rounded(decision.threshold)
        margin = decision.margin.map { Self.rounded($0) }
        falseAcceptEstimate = decision.falseAcceptEstimate.map { Self.roundedUp($0) }
        runnerUp = decision.runnerUp.map { RunnerUp(id: $0.0.id.rawValue, score: Self.rounded($0.1)) }
        modality = decision.modality?.rawValue
        face = decision.face.map {
            Face(score: $0.score.map { Self.rounded($0) }, px: $0.pixels, quality: Self.rounded($0.quality), yawDeg: Int($0.yaw.rounded()))
        }
        voice = decision.voice.map {
            Voice(
                score: $0.score.map { Self.rounded($0) }, speechMs: Int($0.speech.milliseconds.rounded()),
                snrDb: $0.signalToNoise.map { Int($0.rounded()) })
        }
        speaking = decision.speaking.map { Speaking(state: $0.state, confidence: Self.rounded($0.confidence)) }
        bbox = decision.box.map { [Self.rounded($0.x), Self.rounded($0.y), Self.rounded($0.width), Self.rounded($0.height)] }
        latencyMs = Latency(
            evidenceToEvent: Int(decision.evidenceAge.milliseconds.rounded()), captureToEvent: captureToEvent.map { Int($0.milliseconds.rounded()) })
        self.model = model
        self.galleryRevision = galleryRevision
        self.replay = replay
    }

    /// The event as one line of JSON without its line end, keys in alphabetical order.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(schema, forKey: .schema)
        try container.encode(eventId, forKey: .eventId)
        try container.encode(type, forKey: .type)
        try container.encode(ts, forKey: .ts)
        try container.encode(node, forKey: .node)
        try container.encode(track, forKey: .track)
        try container.encode(decision, forKey: .decision)
        // Null, not absent: "nobody" is an answer.
        try container.encode(person, forKey: .person)
        try container.encodeIfPresent(score, forKey: .score)
        try container.encode(threshold, forKey: .threshold)
        try container.encodeIfPresent(margin, forKey: .margin)
        try container.encodeIfPresent(falseAcceptEstimate, forKey: .falseAcceptEstimate)
        try container.encodeIfPresent(runnerUp, forKey: .runnerUp)
        try container.encodeIfPresent(modality, forKey: .modality)
        try container.encodeIfPresent(face, forKey: .face)
        try container.encodeIfPresent(voice, forKey: .voice)
        try container.encodeIfPresent(speaking, forKey: .speaking)
        try container.encodeIfPresent(bbox, forKey: .bbox)
        try container.encode(latencyMs, forKey: .latencyMs)
        try container.encode(model, forKey: .model)
        try container.encode(galleryRevision, forKey: .galleryRevision)
        try container.encode(replay, forKey: .replay)
        try container.encode(queuedMs, forKey: .queuedMs)
    }

    private enum CodingKeys: CodingKey {
        case schema, eventId, type, ts, node, track, decision, person, score, threshold, margin, falseAcceptEstimate, runnerUp, modality, face, voice
        case speaking, bbox, latencyMs, model, galleryRevision, replay, queuedMs
    }

    /// RFC 3339 in UTC with milliseconds.
    static func timestamp(_ date: Date) -> String {
        // The format cuts digits off; a quarter of a millisecond above the rounded one it cuts to what the identifier says too.
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        return Date(timeIntervalSince1970: (milliseconds + 0.25) / 1000).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Two significant digits, never less than the value: a probability of error is not made smaller by writing it down.
    private static func roundedUp(_ value: Double) -> Double {
        guard value > 0, value < 1 else { return min(max(value, 0), 1) }
        // A decimal exponent and an integer mantissa give the nearest double of the decimal text, on every processor.
        let exponent = Int(log10(value).rounded(.down)) - 1
        let power = pow(10, Double(-exponent))
        return (value * power - 1e-9).rounded(.up) / power
    }

    /// Four decimals: finer differences are noise, and would differ between processors.
    private static func rounded(_ value: Float) -> Double { (Double(value) * 10_000).rounded() / 10_000 }
}
