public import Foundation

/// A JSON payload: keys in snake case and alphabetical order, so that the same values give the same bytes.
public protocol Payload: Encodable, Sendable {
    /// `fwoc.<name>/<version>`; its JSON Schema is `Sources/Publishing/Schemas/fwoc.<name>-<version>.schema.json`.
    static var schemaName: String { get }
}

extension Payload {
    /// One line without its line end.
    public func json() -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        // A number that is not finite is the only thing in these types that JSON cannot say.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return (try? encoder.encode(self)) ?? Data("{}".utf8)
    }
}

/// RFC 3339 in UTC with milliseconds.
func timestamp(_ date: Date) -> String {
    // The format cuts digits off; a quarter of a millisecond above the rounded one it cuts to the rounded one.
    let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
    return Date(timeIntervalSince1970: (milliseconds + 0.25) / 1000).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
}

/// Three decimals; nothing where the number is not finite.
func rounded(_ value: Double) -> Double? { value.isFinite ? (value * 1000).rounded() / 1000 : nil }
