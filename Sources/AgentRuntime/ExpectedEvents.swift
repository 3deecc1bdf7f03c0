import Foundation

/// The events that a replay is expected to give, byte for byte.
public struct ExpectedEvents: Sendable {
    private let path: String
    private let lines: [String]

    public init(path: String) throws(AgentError) {
        self.path = path
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw AgentError(.noInput, "\(path): expected events cannot be read")
        }
        lines = text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    }

    /// `nil` where both are the same; else a listing in which `-` stands before what was expected and `+` before what came.
    public func difference(from got: [String]) -> String? {
        guard got != lines else { return nil }
        var text = ["--- \(path) (\(lines.count) events)", "+++ this replay (\(got.count) events)"]
        let changes = got.difference(from: lines)
        let removed = changes.removals.map { change in
            if case .remove(let offset, let line, _) = change { (offset, "-\(offset + 1): \(line)") } else { (0, "") }
        }
        let inserted = changes.insertions.map { change in
            if case .insert(let offset, let line, _) = change { (offset, "+\(offset + 1): \(line)") } else { (0, "") }
        }
        text += (removed + inserted).sorted { $0.0 < $1.0 }.map(\.1)
        return text.joined(separator: "\n")
    }
}
