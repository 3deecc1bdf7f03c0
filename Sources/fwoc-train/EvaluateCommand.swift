import ArgumentParser
import Biometrics
import Datasets
import Evaluation
import Foundation
import ModelBundle
import Reporting
import RunRecords
import Training

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measures a run or embeddings: verification, clustering, retrieval, identification, with intervals.",
        discussion: """
            Of a run's folder the people that it did not learn from are measured, under every condition: all modalities, each alone, one missing, blurred, \
            grainy, noisy, dropped midway; the result goes into the folder, for report and compare. With --root and --trials it is measured on files instead.

            Otherwise reads what fwoc-agent embed --json prints. A person's files lie in a folder of the person's name, or a CSV list (file,identity) says whose they \
            are. Without --trials as many pairs of one and of two people are drawn, by the seed. Intervals are 95 % bootstrap intervals over people.

            EXAMPLE
              fwoc-train evaluate runs/first --html report.html
              fwoc-train evaluate runs/first --root clips/ --trials list.csv
              fwoc-train evaluate reference --root clips/ --trials list.csv
              fwoc-agent embed people/*/*.jpg --role face --json > faces.jsonl
              fwoc-train evaluate faces.jsonl --condition blurred=blurred.jsonl --html report.html
            """)

    @Argument(help: ArgumentHelp("A run's folder; with --root a run or a bundle; or files of embeddings, whose condition is their role.", valueName: "run|bundle|embeddings"))
    var files: [String] = []

    @Option(help: ArgumentHelp("A file of embeddings under a condition of that name; may be given again.", valueName: "name=file"))
    var condition: [String] = []

    @Option(help: ArgumentHelp("CSV list of pairs to compare: a,b,label with file names as in the embeddings, label 1 for one person.", valueName: "list.csv"))
    var trials: String?

    @Option(help: ArgumentHelp("CSV list file,identity instead of folders.", valueName: "list.csv"))
    var identities: String?

    @Option(help: ArgumentHelp("Folder in which the files of --trials lie, for a run.", valueName: "dir"))
    var root: String?

    @Option(help: "People of a run that are measured: test, validation, train or heldOut.")
    var subset = "test"

    @Option(help: ArgumentHelp("Also measure a logistic regression over pairs of this modality's embeddings, as a control.", valueName: "modality"))
    var control: String?

    @Option(help: "Samples of each person of a run, at most.")
    var samples = 20

    @Option(name: .customShort("c"), help: ArgumentHelp("Set a key of the run's recipe, for example where its shards are now.", valueName: "key=value"))
    var set: [String] = []

    @Option(help: ArgumentHelp("Measure this model in place of one of a run's networks (a modality's, fuser, a task's), for example its eight-bit one; may be given again. The run's folder keeps its own result.", valueName: "name=model.onnx"))
    var network: [String] = []

    @Option(help: ArgumentHelp("Folder of the public ONNX files that the reference bundle names, for --root (or FWOC_REFERENCE_MODELS).", valueName: "dir"))
    var referenceModels: String?

    @Option(help: "Seed of drawn pairs, splits and intervals.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Also write one self-contained page.", valueName: "report.html"))
    var html: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !files.isEmpty || !condition.isEmpty else { throw ValidationError("name a run's folder or a file of embeddings") }
        guard Split.Subset(rawValue: subset) != nil else { throw ValidationError("--subset is '\(subset)', expected \(Split.Subset.allCases.map(\.rawValue).joined(separator: ", "))") }
        guard samples >= 2 else { throw ValidationError("--samples is \(samples), expected 2 or more") }
        for entry in set where entry.firstIndex(of: "=") == nil { throw ValidationError("-c \(entry): expected key=value") }
        guard root == nil || trials != nil else { throw ValidationError("--root needs --trials: the list of files to compare") }
        guard condition.allSatisfy({ $0.split(separator: "=", maxSplits: 1).count == 2 }) else { throw ValidationError("--condition: expected name=file") }
    }

    func run() throws {
        if files.count == 1, condition.isEmpty, RunFolder(files[0]).holdsRun { return try measureRun(RunFolder(files[0])) }
        if let root, let name = files.first {
            let locations = BundleLocations(
                environment: ProcessInfo.processInfo.environment, workingDirectory: URL(fileURLWithPath: FileManager.default.currentDirectoryPath), referenceModels: referenceModels)
            return try measureBundle(try ModelBundle.Bundle.load(name, locations: locations), root: root)
        }
        var isFolder: ObjCBool = false
        if let first = files.first, unsafe FileManager.default.fileExists(atPath: first, isDirectory: &isFolder), isFolder.boolValue {
            throw FitError(.noInput, "\(first): a folder, but not of a run (it has no run.json); expected what fwoc-train fit has made, or a file of embeddings")
        }
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
        try show(try EvaluationReport(table, trials: list, settings: EvaluationProtocol(seed: seed), model: models.first ?? ""))
    }

    /// What --network names.
    private func networks() throws -> [String: Graph] {
        var found: [String: Graph] = [:]
        for entry in network {
            guard let equals = entry.firstIndex(of: "=") else { throw FitError(.configuration, "--network \(entry): expected name=model.onnx") }
            let path = String(entry[entry.index(after: equals)...])
            guard FileManager.default.fileExists(atPath: path) else { throw FitError(.noInput, "--network \(entry): \(path): no such file") }
            found[String(entry[..<equals])] = try Graph(onnxFile: URL(fileURLWithPath: path))
        }
        return found
    }

    /// A task's run has measures of its own.
    private func measureTask(_ folder: RunFolder, _ overrides: [(key: String, value: String)]) throws {
        guard root == nil, trials == nil, control == nil, html == nil else {
            throw FitError(.configuration, "\(folder.path): the run of a task; it is measured on its own shards, without --root, --trials, --control and --html")
        }
        var line = ProgressLine(label: "evaluate")
        let instead = try networks()
        let values = try TrainedTask(folder, overrides: overrides).measured(Split.Subset(rawValue: subset) ?? .heldOut, instead: instead) { done, total in
            line.advance(done: done, total: total, before: 0, unit: "samples") { _ in "" }
        }
        line.finish()
        let width = values.map(\.name.count).max() ?? 0
        for value in values {
            let text = value.value.map { String(format: "%.4f", $0) }
            Console.line(json ? "{\"measure\":\"\(value.name)\",\"value\":\(text ?? "null")}" : "\(value.name.padding(toLength: width, withPad: " ", startingAt: 0)) \(text ?? "not measured: too few samples")")
        }
    }

    private func measureRun(_ folder: RunFolder) throws {
        let overrides = set.compactMap { entry in entry.firstIndex(of: "=").map { (key: String(entry[..<$0]), value: String(entry[entry.index(after: $0)...])) } }
        if TrainedTask.isOne(folder) { return try measureTask(folder, overrides) }
        let instead = try networks()
        let list = try trials.map { try TrialList(contentsOf: URL(fileURLWithPath: $0)) }
        let settings = EvaluationProtocol(seed: seed)
        var line = ProgressLine(label: "evaluate")
        let table: EmbeddingTable
        var controls: [EvaluationReport.Section] = [], contradictions: [RunEvaluation.Contradictions] = []
        if let root, let list {
            let files = try TrialFiles(list, root: root, referenceModels: referenceModels)
            defer { files.remove() }
            let run = try TrainedRun(folder, overrides: overrides + [(key: "data", value: files.recipe)])
            var evaluation = try RunEvaluation(run.model, run.data, instead: instead)
            (evaluation.seed, evaluation.samplesPerIdentity) = (seed, samples)
            table = try files.renamed(try evaluation.table(Array(run.data.samples.indices)) { what, done, total in
                line.advance(done: done, total: total, before: 0, unit: "samples") { _ in ", \(what)" }
            })
        } else {
            let run = try TrainedRun(folder, overrides: overrides)
            var evaluation = try RunEvaluation(run.model, run.data, instead: instead)
            (evaluation.seed, evaluation.samplesPerIdentity) = (seed, samples)
            if let control {
                var measurement = try LogisticRegressionControl(run.model, run.data, modality: control)
                (measurement.seed, measurement.samplesPerIdentity) = (seed, samples)
                controls.append(try measurement.section(Split.Subset(rawValue: subset) ?? .test, settings: settings))
            }
            table = try evaluation.table(Split.Subset(rawValue: subset) ?? .test) { what, done, total in
                line.advance(done: done, total: total, before: 0, unit: "samples") { _ in ", \(what)" }
            }
            contradictions = try evaluation.contradictions(Split.Subset(rawValue: subset) ?? .test)
        }
        line.finish()
        var report = try EvaluationReport(table, trials: list, settings: settings, model: try folder.record().name)
        if let both = report.sections.firstIndex(where: { $0.condition == .both }) {
            report.sections[both].metrics += contradictions.map {
                EvaluationReport.Metric(
                    name: "eer(\($0.name))", value: OperatingCurve($0.trials).equalErrorRate.rate, note: "\($0.trials.sameCount) people, of whom one modality is exchanged", isHigherBetter: false)
            }
        }
        report.sections += controls
        // The folder's is of its own networks.
        if root == nil, network.isEmpty { try folder.write(report, to: folder.evaluation) }
        try show(report)
    }

    private func measureBundle(_ bundle: ModelBundle.Bundle, root: String) throws {
        let list = try TrialList(contentsOf: URL(fileURLWithPath: trials ?? ""))
        let files = try TrialFiles(list, root: root, referenceModels: referenceModels)
        defer { files.remove() }
        var measurement = BundleMeasurement(bundle, files)
        measurement.seed = seed
        var line = ProgressLine(label: "evaluate")
        let report = try measurement.report(list, settings: EvaluationProtocol(seed: seed)) { what, done, total in
            line.advance(done: done, total: total, before: 0, unit: "samples") { _ in ", \(what)" }
        }
        line.finish()
        try show(report)
    }

    private func show(_ report: EvaluationReport) throws {
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
