import Evaluation
public import Quantization
public import RunRecords

/// A run with everything that its folder holds about it.
public struct ReportedRun: Sendable {
    public var folder: RunFolder
    public var record: RunRecord
    public var steps: [StepRow]
    public var epochs: [EpochRow]
    /// Absent where it was not evaluated.
    public var evaluation: EvaluationPage?
    /// Absent where it was not quantized.
    public var quantization: QuantizationReport?

    /// - Throws: ``RunRecordError`` where the folder is no run's, or a file in it is damaged.
    public init(_ folder: RunFolder) throws(RunRecordError) {
        let contents = try folder.load()
        self.folder = folder
        record = contents.record
        steps = contents.steps
        epochs = contents.epochs
        evaluation = contents.evaluation.map { EvaluationPage($0) }
        quantization = try folder.decoded(QuantizationReport.self, from: folder.quantization)
    }

    /// The runs' names, each of which is one run's: where several have one name, with their folders' or else their numbers.
    static func labels(_ runs: [ReportedRun]) -> [String] {
        func distinct(_ labels: [String], _ more: (Int) -> String) -> [String] {
            labels.enumerated().map { index, label in labels.count { $0 == label } > 1 ? "\(label) (\(more(index)))" : label }
        }
        let named = distinct(runs.map { $0.record.name.isEmpty ? $0.folder.name : $0.record.name }) { runs[$0].folder.name }
        return distinct(named) { "\($0 + 1)" }
    }

    var modalityNames: String { record.modalities.map(\.name).joined(separator: " + ") }
    /// Without repetitions.
    var lossNames: String {
        var names: [String] = []
        for loss in record.losses where !names.contains(loss.name) { names.append(loss.name) }
        return names.isEmpty ? "no loss" : names.joined(separator: " + ")
    }

    /// What a section measures, alike for runs that can be compared: the condition for a run's own embedding, whether fused or of the only modality, and
    /// the section's title for any other.
    func circumstance(_ section: EvaluationReport.Section) -> String {
        let own = record.fuser != nil ? EmbeddingRole.fused.rawValue : record.modalities.count == 1 ? record.modalities[0].name : nil
        return section.against == nil && section.role.rawValue == own ? section.condition.rawValue : section.title
    }

    func section(_ circumstance: String) -> EvaluationReport.Section? { evaluation?.report.sections.first { self.circumstance($0) == circumstance } }

    var parameters: Int { record.modalities.reduce(record.fuser?.parameters ?? 0) { $0 + $1.parameters } }

    /// Of all parts together; `nil` where one of them is not known.
    var multiplyAccumulates: Int? {
        let parts = record.modalities.map(\.multiplyAccumulates) + (record.fuser.map { [$0.multiplyAccumulates] } ?? [])
        let known = parts.compactMap { $0 }
        return known.count == parts.count && !known.isEmpty ? known.reduce(0, +) : nil
    }
    var milliseconds: Double? {
        let parts = record.modalities.map(\.milliseconds) + (record.fuser.map { [$0.milliseconds] } ?? [])
        let known = parts.compactMap { $0 }
        return known.count == parts.count && !known.isEmpty ? known.reduce(0, +) : nil
    }
}
