import Foundation

/// Where a value of the configuration comes from, as messages and `config show` say it.
public enum ConfigurationOrigin: Hashable, Sendable, CustomStringConvertible {
    /// The program's own default.
    case builtIn
    /// A line of a firmware profile.
    case profile(String, file: String, line: Int)
    case file(String, line: Int)
    /// What stood behind `-c`, or another option that sets a key.
    case commandLine(String)
    /// What the machine says about itself, for a firmware profile that was found.
    case machine(String)
    /// A credential that systemd handed over.
    case credential(String)

    public var description: String {
        switch self {
        case .builtIn: "default"
        case .profile(let name, let file, let line): "profile \(name) (\(file):\(line))"
        case .file(let file, let line): "\(file):\(line)"
        case .commandLine(let option): option
        case .machine(let evidence): "found by \(evidence)"
        case .credential(let name): "credential \(name)"
        }
    }

    /// From where a relative path counts: the folder of the file that gives it, the working directory for the command line.
    var folder: URL? {
        switch self {
        case .profile(_, let file, _), .file(let file, _): URL(fileURLWithPath: file).deletingLastPathComponent()
        case .commandLine: URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
        case .builtIn, .machine, .credential: nil
        }
    }
}

/// One value as somebody wrote it, not yet understood: the text and where it stands.
public struct GivenValue: Hashable, Sendable {
    public indirect enum Content: Hashable, Sendable {
        /// `null`, `~`, or nothing behind the colon.
        case nothing
        /// Plain text may be a number or a flag, quoted text is text.
        case scalar(String, isQuoted: Bool)
        case list([GivenValue])
        case mapping([Entry])
    }

    public struct Entry: Hashable, Sendable {
        public var key: String
        /// Where the key stands; its value may begin on a later line.
        public var origin: ConfigurationOrigin
        public var value: GivenValue
    }

    public var content: Content
    public var origin: ConfigurationOrigin

    /// The text of a scalar.
    var text: String? { if case .scalar(let text, _) = content { text } else { nil } }

    /// The text of a scalar that is not quoted, for everything that is not text.
    var plainText: String? { if case .scalar(let text, isQuoted: false) = content { text } else { nil } }

    /// How a message says what was given.
    var shown: String {
        switch content {
        case .nothing: "nothing"
        case .scalar(let text, let isQuoted): "\(isQuoted ? "the quoted text " : "")‘\(Self.withoutCredentials(text).prefix(80))’"
        case .list(let elements): elements.isEmpty ? "an empty list" : "a list of \(elements.count)"
        case .mapping(let entries): entries.isEmpty ? "an empty mapping" : "keys with values (\(entries.prefix(4).map(\.key).joined(separator: ", ")))"
        }
    }

    /// A URL without the user name and password that it may carry.
    private static func withoutCredentials(_ text: String) -> String {
        text.replacingOccurrences(of: "://[^/]*@", with: "://\(Secret.mask)@", options: .regularExpression)
    }
}
