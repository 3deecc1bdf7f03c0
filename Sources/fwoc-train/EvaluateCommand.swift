import ArgumentParser
import Evaluation
import Foundation
import Reporting

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measures embeddings: verification, clustering, retrieval, identification, with intervals.",
        discussion: """
            Reads what fwoc-agent embed --json prints. A person's files lie in a folder of the person's name, or a CSV list (file,identity) says whose they \
            are. Without --trials as many pairs of one and of two people are drawn, by the seed. Intervals are 95 % bootstrap intervals over people.

            EXAMPLE
              fwoc-agent embed people/*/*.jpg --role face --json > faces.jsonl
              fwoc-train evaluate faces.jsonl --condition blurred=blurred.jsonl --html report.html
            """)

    @Argument(help: ArgumentHelp("Files of embeddings; their condition is their role.", valueName: "embeddings"))
    var files: [String] = []

    @Option(help: ArgumentHelp("A file of embeddings under a condition of that name; may be given again.", valueName: "name=file"))
    var condition: [String] = []

    @Option(help: ArgumentHelp("CSV list of pairs to compare: a,b,label with file names as in the embeddings, label 1 for one person.", valueName: "list.csv"))
    var trials: String?

    @Option(help: ArgumentHelp("CSV list file,identity instead of folders.", valueName: "list.csv"))
    var identities: String?

    @Option(help: "Seed of drawn pairs, splits and intervals.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Also write one self-contained page.", valueName: "report.html"))
    var html: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !files.isEmpty || !condition.isEmpty else { throw ValidationError("name a file of embeddings") }
        guard condition.allSatisfy({ $0.split(separator: "=", maxSplits: 1).count == 2 }) else { throw ValidationError("--condition: expected name=file") }
    }

    func run() throws {
        var lines = EmbeddingLines()
        if let identities { lines.identities = try Self.list(identities) }
        var table = EmbeddingTable()
        var models: Set<String> = []
        for file in files { models.formUnion(try lines.read(file, condition: nil, into: &table)) }
        for entry in condition {
            let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
            models.formUnion(try lines.read(parts[1], condition: Condition(rawValue: parts[0]), into: &table))
        }
        guard models.count <= 1 else {
            throw EvaluationError(.badData, "embeddings of several models: \(models.sorted().joined(separator: ", ")); they cannot be compared")
        }
        let list = try trials.map { try TrialList(contentsOf: URL(fileURLWithPath: $0)) }
        let report = try EvaluationReport(table, trials: list, settings: EvaluationProtocol(seed: seed), model: models.first ?? "")
        if let html {
            do {
                try Data(EvaluationPage(report).page.html.utf8).write(to: URL(fileURLWithPath: html), options: .atomic)
            } catch {
                throw EvaluationError(.unreadable, "\(html): cannot be written: \(error.localizedDescription)")
            }
        }
        if json { Console.line(try report.json()) } else { Console.line(report.table) }
    }

    /// `file,identity`; a first line of just these words is a heading.
    private static func list(_ path: String) throws(EvaluationError) -> [String: String] {
        var found: [String: String] = [:]
        for record in try CSVRecords(contentsOf: URL(fileURLWithPath: path)).records {
            guard record.fields.count == 2 else { throw EvaluationError(.badData, "\(path):\(record.line): got \(record.fields.count) fields, expected file,identity") }
            if record.fields == ["file", "identity"] { continue }
            if let other = found.updateValue(record.fields[1], forKey: record.fields[0]), other != record.fields[1] {
                throw EvaluationError(.badData, "\(path):\(record.line): \(record.fields[0]) is ‘\(other)’ above and ‘\(record.fields[1])’ here")
            }
        }
        return found
    }
}
