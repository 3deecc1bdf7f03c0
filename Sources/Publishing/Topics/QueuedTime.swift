import Foundation

/// Writes how long an event waited into its `queued_ms`.
enum QueuedTime {
    private static let key = Data("\"queued_ms\":".utf8)

    /// The JSON with the number behind `"queued_ms":` replaced; as it was where it has none.
    ///
    /// Only a key can read so: within a string the quotation marks would be escaped.
    static func write(_ milliseconds: Int64, into json: Data) -> Data {
        guard let found = json.range(of: key, options: .backwards) else { return json }
        let digits = json[found.upperBound...].prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty else { return json }
        var result = json
        result.replaceSubrange(digits.startIndex..<digits.endIndex, with: Data("\(max(0, milliseconds))".utf8))
        return result
    }

    /// The value of `event_id`; nil where there is none.
    static func eventID(of json: Data) -> String? {
        struct Event: Decodable { var event_id: String }
        return try? JSONDecoder().decode(Event.self, from: json).event_id
    }
}
