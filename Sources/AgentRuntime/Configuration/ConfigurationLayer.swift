import Foundation
import Yams

/// One source of configuration as it was given: a file, a profile or an option of the command line; a tree whose every value
/// knows where it stands. Nothing in it has been compared with the known keys yet.
public struct ConfigurationLayer: Hashable, Sendable {
    /// How messages name it.
    public var name: String
    public var entries: [GivenValue.Entry]

    /// The longest file in bytes; far more than anybody writes.
    static let longestFile = 1 << 18
    /// The most values of a file after its aliases are unfolded, so that a few lines cannot become gigabytes.
    static let mostValues = 10_000

    init(name: String, entries: [GivenValue.Entry]) {
        self.name = name
        self.entries = entries
    }

    /// Reads a YAML document.
    ///
    /// - Parameters:
    ///   - yaml: its text; nothing but comments is an empty layer.
    ///   - file: how messages name it.
    ///   - profile: the name of the firmware profile that it is, if it is one.
    /// - Throws: `AgentError` with file and line.
    public init(yaml: String, file: String, profile: String? = nil) throws(AgentError) {
        name = file
        entries = []
        func origin(_ line: Int) -> ConfigurationOrigin { profile.map { .profile($0, file: file, line: line) } ?? .file(file, line: line) }
        guard yaml.utf8.count <= Self.longestFile else {
            throw AgentError(.configuration, "\(file): longer than \(Self.longestFile) bytes; this is no configuration")
        }
        let root: Yams.Node?
        do { root = try Yams.compose(yaml: yaml) } catch { throw Self.syntaxError(error, file: file) }
        guard let root else { return }
        var remaining = Self.mostValues
        let value = try Self.value(root, line: 1, remaining: &remaining, file: file, origin: origin)
        switch value.content {
        case .mapping(let entries): self.entries = entries
        case .nothing: break
        default:
            throw AgentError(.configuration, "\(value.origin): got \(value.shown), expected keys with values such as ‘node: hall’")
        }
    }

    /// Reads `key=value` of the command line. A value that begins with `[`, `{` or a quotation mark is read as YAML, everything else is
    /// taken as it stands.
    ///
    /// - Parameter option: how messages name the option; `-c key=value` by default.
    /// - Throws: `AgentError` that names the option.
    public init(assignment: String, option: String? = nil) throws(AgentError) {
        // A password has no place here, and none in the message that says so.
        let rest = assignment.lowercased().replacingOccurrences(of: "password_file", with: "")
        let isSecret = ["passw", "pasw", "://"].contains { rest.contains($0) }
        let name = option ?? "-c \(isSecret ? assignment.prefix { $0 != "=" } + "=" + Secret.mask : assignment[...])"
        guard let equals = assignment.firstIndex(of: "="), equals > assignment.startIndex else {
            throw AgentError(.configuration, "\(name): expected key=value, such as -c camera.rate=15")
        }
        let path = assignment[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let text = String(assignment[assignment.index(after: equals)...])
        guard !path.contains("") else { throw AgentError(.configuration, "\(name): a part of the key is empty; expected one such as camera.rate") }
        let origin = ConfigurationOrigin.commandLine(name)
        var value: GivenValue
        if let first = text.first, "[{\"'".contains(first) {
            do {
                guard let node = try Yams.compose(yaml: text) else { throw AgentError(.configuration, "\(name): the value is empty") }
                var remaining = Self.mostValues
                value = try Self.value(node, line: 1, remaining: &remaining, file: name) { _ in origin }
            } catch {
                throw (error as? AgentError) ?? AgentError(.configuration, "\(name): the value is no YAML: \(Self.problem(error).text)")
            }
        } else {
            value = GivenValue(content: Self.isNothing(text) ? .nothing : .scalar(text, isQuoted: false), origin: origin)
        }
        for key in path.dropFirst().reversed() {
            value = GivenValue(content: .mapping([GivenValue.Entry(key: key, origin: origin, value: value)]), origin: origin)
        }
        self.name = name
        entries = [GivenValue.Entry(key: path[0], origin: origin, value: value)]
    }

    // MARK: - YAML

    private static func isNothing(_ text: String) -> Bool { ["", "~", "null", "Null", "NULL"].contains(text) }

    private static func value(
        _ node: Yams.Node, line: Int, remaining: inout Int, file: String, origin: (Int) -> ConfigurationOrigin
    ) throws(AgentError) -> GivenValue {
        remaining -= 1
        guard remaining > 0 else {
            throw AgentError(.configuration, "\(file): more than \(mostValues) values after unfolding its aliases; this is no configuration")
        }
        let line = node.mark?.line ?? line
        let content: GivenValue.Content
        switch node {
        case .scalar(let scalar):
            let isQuoted = switch scalar.style { case .any, .plain: false; default: true }
            content = !isQuoted && isNothing(scalar.string) ? .nothing : .scalar(scalar.string, isQuoted: isQuoted)
        case .sequence(let sequence):
            var elements: [GivenValue] = []
            for element in sequence { elements.append(try value(element, line: line, remaining: &remaining, file: file, origin: origin)) }
            content = .list(elements)
        case .mapping(let mapping):
            var entries: [GivenValue.Entry] = []
            for (key, element) in mapping {
                let keyLine = key.mark?.line ?? line
                guard case .scalar(let scalar) = key else {
                    throw AgentError(.configuration, "\(origin(keyLine)): a key must be plain text")
                }
                entries.append(
                    GivenValue.Entry(
                        key: scalar.string, origin: origin(keyLine),
                        value: try value(element, line: keyLine, remaining: &remaining, file: file, origin: origin)))
            }
            content = .mapping(entries)
        case .alias:
            throw AgentError(.configuration, "\(origin(line)): an alias without its anchor")
        }
        return GivenValue(content: content, origin: origin(line))
    }

    private static func syntaxError(_ error: any Error, file: String) -> AgentError {
        let (line, text) = problem(error)
        return AgentError(.configuration, "\(file):\(line): \(text)")
    }

    private static func problem(_ error: any Error) -> (line: Int, text: String) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            // A tab is what people meet first.
            let hint = problem.contains("cannot start any token") ? " (YAML is indented with spaces, never tabs)" : ""
            return (mark.line, "not valid YAML: \(problem)\(hint)")
        case .reader(let problem, let offset, _, let yaml):
            return (1 + yaml.utf8.prefix(offset ?? 0).count { $0 == UInt8(ascii: "\n") }, "not valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            return (context.mark.line, "given twice: \(duplicates.sorted().joined(separator: ", "))")
        default:
            return (1, "not valid YAML: \(error)")
        }
    }
}
