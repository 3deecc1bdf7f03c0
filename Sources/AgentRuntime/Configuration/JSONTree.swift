import Foundation

/// A JSON value whose members keep the order in which they are declared, so that what is written reads like what it describes.
public indirect enum JSONTree: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public var name: String
        public var value: JSONTree
    }

    case null
    case flag(Bool)
    case whole(Int)
    case number(Double)
    case text(String)
    case list([JSONTree])
    case object([Member])

    static func object(_ members: KeyValuePairs<String, JSONTree>) -> JSONTree { .object(members.map { Member(name: $0.key, value: $0.value) }) }

    /// This object with members added, one of the same name replaced; anything else as it is.
    func adding(_ added: KeyValuePairs<String, JSONTree>) -> JSONTree {
        guard case .object(var members) = self else { return self }
        for (name, value) in added {
            members.removeAll { $0.name == name }
            members.append(Member(name: name, value: value))
        }
        return .object(members)
    }

    /// On one line, as YAML reads it too.
    public var text: String { written(indent: nil) }

    /// Indented by two spaces, with a line break at the end.
    public var document: String { written(indent: 0) + "\n" }

    private func written(indent: Int?) -> String {
        switch self {
        case .null: return "null"
        case .flag(let flag): return flag ? "true" : "false"
        case .whole(let number): return "\(number)"
        case .number(let number): return Self.shortest(number)
        case .text(let text): return Self.quoted(text)
        case .list(let elements):
            // Lists of plain values stay on one line.
            let isPlain = !elements.contains { if case .object = $0 { true } else { false } }
            return Self.bracketed(elements.map { $0.written(indent: isPlain ? nil : indent.map { $0 + 1 }) }, "[", "]", indent: isPlain ? nil : indent)
        case .object(let members):
            return Self.bracketed(
                members.map { "\(Self.quoted($0.name)): \($0.value.written(indent: indent.map { $0 + 1 }))" }, "{", "}", indent: indent)
        }
    }

    /// Without `.0` where there is nothing behind the point.
    static func shortest(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }

    private static func bracketed(_ parts: [String], _ open: String, _ close: String, indent: Int?) -> String {
        guard let indent, !parts.isEmpty else { return open + parts.joined(separator: ", ") + close }
        let outer = String(repeating: "  ", count: indent)
        return "\(open)\n" + parts.map { "\(outer)  \($0)" }.joined(separator: ",\n") + "\n\(outer)\(close)"
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    result += String(format: "\\u%04x", scalar.value)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
