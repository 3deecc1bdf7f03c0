import Foundation

/// A JSON document as it is, numbers and truth values apart.
enum JSONValue: Decodable, Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    init(_ text: String) throws { self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) }

    subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var value: Double? { if case .number(let value) = self { value } else { nil } }
}

/// The published schema of identity events, and what a document lacks to conform to it.
///
/// Knows the keywords of JSON Schema 2020-12 that this schema uses; another one is a complaint, never silently passed.
struct EventSchema {
    private static let annotations: Set<String> = ["$schema", "$id", "title", "description"]
    private let root: JSONValue

    /// Reads `Sources/Publishing/Schemas/fwoc.identity-1.schema.json`.
    init() throws {
        let file = TestData.package.appending(path: "Sources/Publishing/Schemas/fwoc.identity-1.schema.json")
        root = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
    }

    /// What is wrong with one line of events; empty where it conforms.
    func complaints(_ line: String) -> [String] {
        guard let event = try? JSONValue(line) else { return ["no JSON: \(line)"] }
        return complaints(event, root, at: "event")
    }

    private func complaints(_ value: JSONValue, _ schema: JSONValue, at path: String) -> [String] {
        guard case .object(let keywords) = schema else { return ["\(path): its schema is no object"] }
        return keywords.flatMap { keyword, argument in complaints(value, keyword, argument, keywords, at: path) }.sorted()
    }

    private func complaints(
        _ value: JSONValue, _ keyword: String, _ argument: JSONValue, _ siblings: [String: JSONValue], at path: String
    ) -> [String] {
        func unless(_ isMet: Bool) -> [String] { isMet ? [] : ["\(path): \(value) fails \(keyword) \(argument)"] }
        switch (keyword, argument, value) {
        case ("type", .string, _): return unless(Self.has(value, type: argument))
        case ("type", .array(let types), _): return unless(types.contains { Self.has(value, type: $0) })
        case ("const", _, _): return unless(value == argument)
        case ("enum", .array(let values), _): return unless(values.contains(value))
        case ("pattern", .string(let pattern), .string(let text)):
            guard let expression = try? Regex(pattern) else { return ["\(path): the pattern \(pattern) is none"] }
            return unless(text.firstMatch(of: expression) != nil)
        case ("minLength", .number(let least), .string(let text)): return unless(Double(text.count) >= least)
        case ("minimum", .number(let least), .number(let number)): return unless(number >= least)
        case ("maximum", .number(let most), .number(let number)): return unless(number <= most)
        case ("minItems", .number(let least), .array(let items)): return unless(Double(items.count) >= least)
        case ("maxItems", .number(let most), .array(let items)): return unless(Double(items.count) <= most)
        case ("items", _, .array(let items)):
            return items.enumerated().flatMap { complaints($0.element, argument, at: "\(path)[\($0.offset)]") }
        case ("required", .array(let keys), .object(let members)):
            return keys.compactMap(\.text).filter { members[$0] == nil }.map { "\(path): \($0) is missing" }
        case ("properties", .object(let properties), .object(let members)):
            return members.flatMap { key, member in properties[key].map { complaints(member, $0, at: "\(path).\(key)") } ?? [] }
        case ("additionalProperties", .bool(false), .object(let members)):
            guard case .object(let properties)? = siblings["properties"] else { return ["\(path): its schema has no properties"] }
            return members.keys.filter { properties[$0] == nil }.map { "\(path): \($0) is not in the schema" }
        case ("pattern", _, _), ("minLength", _, _), ("minimum", _, _), ("maximum", _, _), ("minItems", _, _), ("maxItems", _, _),
            ("items", _, _), ("required", _, _), ("properties", _, _), ("additionalProperties", .bool(false), _):
            // A keyword for another type of value asks nothing of this one.
            return []
        default: return Self.annotations.contains(keyword) ? [] : ["\(path): the keyword \(keyword) is not known here"]
        }
    }

    private static func has(_ value: JSONValue, type: JSONValue) -> Bool {
        switch (type.text, value) {
        case ("null", .null), ("boolean", .bool), ("number", .number), ("string", .string), ("array", .array), ("object", .object): true
        case ("integer", .number(let number)): number == number.rounded()
        default: false
        }
    }
}
