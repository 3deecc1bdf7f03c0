import Biometrics
import Datasets
import Evaluation
import Foundation
import ModelBundle
import Recognition
import Training

/// The files of a trial list as shards for one evaluation, made as `prepare` makes them and removed afterwards.
struct TrialFiles {
    private let folder: String
    private let items: [String]

    /// - Parameter root: where the list's names begin.
    init(_ list: TrialList, root: String, referenceModels: String?) throws {
        items = list.items
        let missing = items.filter { !FileManager.default.fileExists(atPath: root + "/" + $0) }
        guard missing.isEmpty else {
            throw EvaluationError(.unreadable, "\(root): \(missing.count) of \(items.count) files of the list are not there, the first is \(missing[0]); say with --root where the list's names begin")
        }
        folder = NSTemporaryDirectory() + "/fwoc-trials-\(UUID().uuidString.prefix(8))"
        let locations = BundleLocations(
            environment: ProcessInfo.processInfo.environment, workingDirectory: URL(fileURLWithPath: FileManager.default.currentDirectoryPath), referenceModels: referenceModels)
        var options = Preparation.Options()
        options.settings.subject = .speaking
        options.settings.mouths = []
        // Each file counts as a person: whose it is, the list knows.
        let sources = items.map { SourceItem(path: root + "/" + $0, name: $0, identity: $0) }
        let preparation = try Preparation(items: sources, sources: [root], into: folder, bundle: try RecognitionBundle("reference", locations: locations), options: options)
        var line = ProgressLine(label: "prepare")
        _ = try preparation.run { state in line.advance(done: state.filesDone, total: state.filesInAll, before: 0, unit: "files") }
        line.finish()
    }

    /// What takes the place of the recipe's data.
    var recipe: String { "{shards: ['\(folder)'], least_samples: 1, split: {validation: 0, test: 0}}" }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// One embedding a file: the mean of its rows', under the list's name. A file without one is a refusal.
    func renamed(_ table: EmbeddingTable) throws -> EmbeddingTable {
        var result = EmbeddingTable()
        for condition in table.conditions {
            for role in table.roles(condition) {
                let selection = try table.selection(condition, role)
                var sums: [String: [Float]] = [:]
                for (row, identity) in selection.identities.enumerated() {
                    let embedding = selection.embeddings[row]
                    sums[identity] = sums[identity].map { zip($0, embedding).map { $0 + $1 } } ?? embedding
                }
                for item in items {
                    let person = (item as NSString).deletingLastPathComponent
                    let row = EmbeddingTable.Row(item: item, identity: person.isEmpty ? item : person, condition: condition, role: role)
                    if let sum = sums[item], sum.contains(where: { $0 != 0 }) { try result.append(row, sum) } else { try result.refuse(row, reason: "no face or voice in it") }
                }
            }
        }
        return result
    }
}
