import Foundation

/// Writes the record of a run while it runs: whoever reads the folder meanwhile sees whole files and whole lines. Thread-bound.
///
/// A process that is killed leaves everything that was appended. Resumed after the step of its last checkpoint, the record goes on as if
/// nothing had happened, and equals that of an uninterrupted run but for times.
public final class RunRecorder {
    public let folder: RunFolder
    /// As it was written last.
    public private(set) var record: RunRecord
    private var steps: RunTableWriter<StepRow>
    private var epochs: RunTableWriter<EpochRow>
    private let events: TensorBoardWriter?

    /// Begins a record. Makes the folder where it is not there, and writes `run.json` and `recipe.yaml`.
    /// - Parameters:
    ///   - replacing: removes the record of a run that is there, but not its checkpoints.
    ///   - tensorBoard: writes an event file too.
    /// - Throws: ``RunRecordError`` where the folder holds a run, or cannot be written.
    public init(_ folder: RunFolder, record: RunRecord, replacing: Bool = false, tensorBoard: Bool = true) throws(RunRecordError) {
        self.folder = folder
        self.record = record
        do { try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true) } catch {
            throw RunRecordError(.inputOutput, "\(folder.path): cannot be made: \(error.localizedDescription)")
        }
        if folder.holdsRun, !replacing {
            throw RunRecordError(.inputOutput, "\(folder.path): holds the record of a run; resume that one, or name another folder")
        }
        try folder.removeRecord()
        // Last, as a folder with it counts as a run's.
        try RecordFile.replace(folder.recipe, with: Array(record.recipe.utf8))
        steps = try RunTableWriter(path: folder.steps, after: nil)
        epochs = try RunTableWriter(path: folder.epochs, after: nil)
        events = try tensorBoard ? TensorBoardWriter(folder: folder.path) : nil
        try folder.write(record, to: folder.run)
    }

    /// Goes on with the record of a run that was interrupted; its status becomes `running`.
    /// - Parameter step: the last checkpoint's; rows of later steps are removed.
    /// - Throws: ``RunRecordError`` where there is none, or it is damaged.
    public init(resuming folder: RunFolder, afterStep step: Int, tensorBoard: Bool = true) throws(RunRecordError) {
        self.folder = folder
        record = try folder.record()
        steps = try RunTableWriter(path: folder.steps, after: step)
        epochs = try RunTableWriter(path: folder.epochs, after: step)
        events = try tensorBoard ? TensorBoardWriter(folder: folder.path, resumedAfterStep: step) : nil
        try update { record in
            record.status = .running
            record.reason = nil
            record.ended = nil
        }
    }

    /// Changes `run.json`.
    public func update(_ change: (inout RunRecord) -> Void) throws(RunRecordError) {
        var changed = record
        change(&changed)
        try folder.write(changed, to: folder.run)
        record = changed
    }

    /// Appends a step; the first row's loss terms are the columns of all.
    public func append(_ row: StepRow) throws(RunRecordError) {
        try steps.append(row)
        try events?.append(
            [RunValue("train/loss", row.loss), RunValue("train/learning_rate", row.learningRate), RunValue("train/gradient_norm", row.gradientNorm), RunValue("train/samples_per_second", row.samplesPerSecond)]
                + row.terms.map { RunValue("loss/\($0.name)", $0.value) }, step: row.step)
    }

    /// Appends an epoch; the first row's metrics are the columns of all.
    public func append(_ row: EpochRow) throws(RunRecordError) {
        try epochs.append(row)
        try events?.append([RunValue("epoch/training_loss", row.trainingLoss)] + row.metrics.map { RunValue("validation/\($0.name)", $0.value) }, step: row.step)
    }

    /// Removes the rows of later steps, as where training falls back to a checkpoint.
    public func truncate(afterStep step: Int) throws(RunRecordError) {
        steps = try RunTableWriter(path: folder.steps, after: step)
        epochs = try RunTableWriter(path: folder.epochs, after: step)
        try events?.restart(afterStep: step)
    }

    /// Returns when everything is on the disk: before a checkpoint that counts on these rows.
    public func synchronise() throws(RunRecordError) {
        try steps.synchronise()
        try epochs.synchronise()
    }
}
