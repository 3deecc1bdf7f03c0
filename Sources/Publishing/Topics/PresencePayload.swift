public import Foundation

/// Who is here now: schema `fwoc.presence/1`.
public struct PresencePayload: Payload {
    public static let schemaName = "fwoc.presence/1"

    public struct Person: Encodable, Hashable, Sendable {
        public var id: String
        public var name: String
        /// RFC 3339.
        public var since: String
        /// Of the newest decision, 0 to 1.
        public var score: Double?
        /// `both`, `face` or `voice`.
        public var modality: String?

        public init(id: String, name: String, since: Date, score: Double? = nil, modality: String? = nil) {
            self.id = id
            self.name = name
            self.since = timestamp(since)
            self.score = score.flatMap(rounded)
            self.modality = modality
        }
    }

    public private(set) var schema = schemaName
    public var node: String
    public var ts: String
    /// `people.count`
    public var count: Int
    public var people: [Person]
    /// Appearances that are nobody in the gallery.
    public var unknown: Int

    public init(node: String, time: Date, people: [Person] = [], unknown: Int = 0) {
        self.node = node
        ts = timestamp(time)
        self.people = people
        count = people.count
        self.unknown = unknown
    }
}
