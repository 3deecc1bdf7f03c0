public import Foundation

/// Somebody began or stopped to speak: schema `fwoc.speaking/1`. On request only, QoS 0: a lost one is not made good.
public struct SpeakingPayload: Payload {
    public static let schemaName = "fwoc.speaking/1"

    public struct Person: Encodable, Hashable, Sendable {
        public var id: String
        public var name: String

        public init(id: String, name: String) {
            self.id = id
            self.name = name
        }
    }

    public private(set) var schema = schemaName
    public var node: String
    public var ts: String
    public var track: Int
    /// Encoded as null where the speaker is not identified.
    public var person: Person?
    public var speaking: Bool
    /// 0 to 1.
    public var confidence: Double

    public init(node: String, time: Date, track: Int, person: Person?, speaking: Bool, confidence: Double) {
        self.node = node
        ts = timestamp(time)
        self.track = track
        self.person = person
        self.speaking = speaking
        self.confidence = rounded(confidence) ?? 0
    }

    private enum CodingKeys: CodingKey { case schema, node, ts, track, person, speaking, confidence }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(schema, forKey: .schema)
        try container.encode(node, forKey: .node)
        try container.encode(ts, forKey: .ts)
        try container.encode(track, forKey: .track)
        try container.encode(person, forKey: .person)
        try container.encode(speaking, forKey: .speaking)
        try container.encode(confidence, forKey: .confidence)
    }
}
