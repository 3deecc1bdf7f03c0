import Evaluation
import Foundation

/// Lines of `fwoc-agent embed --json`, as rows of a table.
///
/// Whose embedding it is says the folder that the file lies in, `people/anna/1.jpg` is Anna's, unless a list of identities says otherwise.
struct EmbeddingLines {
    /// By file, as the lines name it; `nil`: by folder.
    var identities: [String: String]?

    private struct Part: Decodable {
        var embedding: [Float]?
        var reason: String?
        var encoder: String?
    }

    private struct Line: Decodable {
        var file: String
        var role: String
        var model: String
        var embedding: [Float]?
        var reason: String?
        var face: Part?
        var voice: Part?
    }

    /// Reads a file into a table.
    /// - Parameter condition: of its rows; `nil`: the role's name.
    /// - Returns: the models that made them.
    func read(_ path: String, condition: Condition?, into table: inout EmbeddingTable) throws(EvaluationError) -> Set<String> {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw EvaluationError(.unreadable, "\(path): cannot be read; expected what fwoc-agent embed --json prints")
        }
        var models: Set<String> = []
        for (index, bytes) in data.split(separator: 0x0A).enumerated() {
            let line: Line
            do {
                line = try JSONDecoder().decode(Line.self, from: Data(bytes))
            } catch {
                throw EvaluationError(.badData, "\(path):\(index + 1): not a line of fwoc-agent embed --json")
            }
            models.insert(line.model)
            let identity = try identity(of: line.file, path, index + 1)
            func add(_ role: EmbeddingRole, _ embedding: [Float]?, _ reason: String?) throws(EvaluationError) {
                let row = EmbeddingTable.Row(item: line.file, identity: identity, condition: condition ?? Condition(rawValue: line.role), role: role)
                if let embedding { try table.append(row, embedding) } else { try table.refuse(row, reason: reason ?? "no embedding") }
            }
            switch line.role {
            case "face": try add(.face, line.embedding, line.reason)
            case "voice": try add(.voice, line.embedding, line.reason)
            case "both":
                if let face = line.face { try add(.face, face.embedding, face.reason) }
                if let voice = line.voice { try add(.voice, voice.embedding, voice.reason) }
            default: throw EvaluationError(.badData, "\(path):\(index + 1): role: got ‘\(line.role)’, expected face, voice or both")
            }
        }
        return models
    }

    private func identity(of file: String, _ path: String, _ line: Int) throws(EvaluationError) -> String {
        if let identities {
            guard let identity = identities[file] else { throw EvaluationError(.badData, "\(path):\(line): \(file) is not in the list of identities") }
            return identity
        }
        let folder = (file as NSString).deletingLastPathComponent
        guard !folder.isEmpty, folder != "/", folder != "." else {
            throw EvaluationError(.badData, "\(path):\(line): \(file) lies in no person's folder; name a list with --identities")
        }
        return (folder as NSString).lastPathComponent
    }
}
