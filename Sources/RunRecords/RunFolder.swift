public import Evaluation
import Foundation

/// The folder of one training run: where everything lies in it, for who writes it and who reads it.
public struct RunFolder: Sendable, Hashable {
    public let path: String

    public init(_ path: String) { self.path = path }

    public var run: String { file("run.json") }
    public var steps: String { file("steps.csv") }
    public var epochs: String { file("epochs.csv") }
    public var recipe: String { file("recipe.yaml") }
    /// Of the epoch with the best validation.
    public var bestCheckpoint: String { file("best.checkpoint") }
    /// The best weights as they were learnt, where an embedding has been whitened since.
    public var learntCheckpoint: String { file("learnt.checkpoint") }
    /// What the run is resumed from.
    public var lastCheckpoint: String { file("last.checkpoint") }
    /// An `EvaluationReport`.
    public var evaluation: String { file("evaluation.json") }
    /// A `QuantizationReport`.
    public var quantization: String { file("quantization.json") }
    /// The folder's name.
    public var name: String { URL(fileURLWithPath: path).lastPathComponent }

    /// Another file in the folder.
    public func file(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

    /// TensorBoard's event files, in the order in which they were begun.
    public var events: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0.hasPrefix(TensorBoardWriter.prefix) }.sorted().map(file)
    }

    /// Whether a run has been recorded here.
    public var holdsRun: Bool { RecordFile.exists(run) }

    /// What was recorded; the rows of a run that has not come so far are empty.
    public struct Contents: Sendable {
        public var folder: RunFolder
        public var record: RunRecord
        public var steps: [StepRow]
        public var epochs: [EpochRow]
        /// Absent where the run has not been evaluated.
        public var evaluation: EvaluationReport?
    }

    /// - Throws: ``RunRecordError`` where this is no run's folder, or a file in it is damaged: then with byte offset or line.
    public func load() throws(RunRecordError) -> Contents {
        Contents(
            folder: self, record: try record(), steps: try RunTable<StepRow>(path: steps)?.rows ?? [], epochs: try RunTable<EpochRow>(path: epochs)?.rows ?? [],
            evaluation: try decoded(EvaluationReport.self, from: evaluation))
    }

    /// `run.json` alone.
    public func record() throws(RunRecordError) -> RunRecord {
        struct Head: Decodable { var schema: String }
        guard let data = try RecordFile.contents(run) else {
            let what = RecordFile.exists(path) ? "no run.json in this folder" : "no such folder"
            throw RunRecordError(.noInput, "\(path): \(what); expected the folder of a run, which fwoc-train fit fills")
        }
        let head = try RecordJSON.decode(Head.self, from: data, path: run)
        guard head.schema == RunRecord.schema else {
            throw RunRecordError(.badData, "\(run): schema is ‘\(head.schema)’, expected \(RunRecord.schema); it was written by another version of fwoc-train")
        }
        return try RecordJSON.decode(RunRecord.self, from: data, path: run)
    }

    /// Any JSON file of the folder.
    /// - Returns: `nil` where the file is not there.
    public func decoded<Value: Decodable>(_ type: Value.Type, from path: String) throws(RunRecordError) -> Value? {
        guard let data = try RecordFile.contents(path) else { return nil }
        return try RecordJSON.decode(type, from: data, path: path)
    }

    /// Writes a JSON file of the folder, ``evaluation`` for example: wholly or not at all.
    public func write(_ value: some Encodable, to path: String) throws(RunRecordError) {
        let data: Data
        do { data = try RecordJSON.encode(value) } catch { throw RunRecordError(.badData, "\(path): cannot be written as JSON: \(error)") }
        try RecordFile.replace(path, with: [UInt8](data))
    }

    /// Removes what a run's record consists of, and leaves checkpoints and everything else.
    func removeRecord() throws(RunRecordError) {
        for path in [run, steps, epochs, recipe, evaluation, quantization] + events where RecordFile.exists(path) {
            do { try FileManager.default.removeItem(atPath: path) } catch {
                throw RunRecordError(.inputOutput, "\(path): cannot be removed: \(error.localizedDescription)")
            }
        }
    }
}
