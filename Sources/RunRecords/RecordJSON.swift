import Foundation

/// JSON as records are written in.
enum RecordJSON {
    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(value) + Data("\n".utf8)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from data: Data, path: String) throws(RunRecordError) -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do { return try decoder.decode(type, from: data) } catch { throw RunRecordError(.badData, "\(path): \(complaint(error, data))") }
    }

    private static func complaint(_ error: any Error, _ data: Data) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        func place(_ path: [any CodingKey], _ last: (any CodingKey)? = nil) -> String {
            let keys = (path + (last.map { [$0] } ?? [])).map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }
            return keys.isEmpty ? "at the top" : "at " + keys.joined(separator: ".").replacing(".[", with: "[")
        }
        switch error {
        case .dataCorrupted(let context):
            guard context.codingPath.isEmpty, let damage = damage(data) else { return "\(place(context.codingPath)): \(context.debugDescription)" }
            return damage
        case .keyNotFound(let key, let context): return "\(place(context.codingPath, key)): is missing"
        case .typeMismatch(_, let context): return "\(place(context.codingPath)): \(context.debugDescription)"
        case .valueNotFound(_, let context): return "\(place(context.codingPath)): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }

    /// Where bytes cease to be JSON; `JSONDecoder` does not say it here.
    private static func damage(_ data: Data) -> String? {
        if data.isEmpty { return "empty, expected JSON; the file is damaged" }
        do {
            _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
            return nil
        } catch {
            let detail = (error as NSError).userInfo["NSDebugDescription"] as? String ?? ""
            let digits = detail.split { !("0"..."9").contains($0) }.last
            return "not JSON, " + (digits.map { "byte \($0) of \(data.count)" } ?? "it ends too early, at byte \(data.count)") + "; the file is damaged"
        }
    }
}
