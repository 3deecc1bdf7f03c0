/// One pass over the data with the validation after it: a line of `epochs.csv`.
public struct EpochRow: Sendable, Hashable {
    /// From one.
    public var epoch: Int
    /// Steps of the run that are done at its end.
    public var step: Int
    /// Of work since the run began.
    public var seconds: Double
    /// Mean over the epoch's steps.
    public var trainingLoss: Double
    public var metrics: [RunValue]

    public init(epoch: Int, step: Int, seconds: Double, trainingLoss: Double, metrics: [RunValue] = []) {
        self.epoch = epoch
        self.step = step
        self.seconds = seconds
        self.trainingLoss = trainingLoss
        self.metrics = metrics
    }
}

extension EpochRow: RunTableRow {
    static let fixedColumns = ["epoch", "step", "seconds", "training_loss"]
    static let subject = "metric"

    var fixedFields: [String] { ["\(epoch)", "\(step)"] + [seconds, trainingLoss].map(RunFieldReader.text) }
    var named: [RunValue] { metrics }

    init(_ reader: inout RunFieldReader, named: [RunValue]) throws(RunRecordError) {
        epoch = try reader.integer()
        step = try reader.integer()
        seconds = try reader.number()
        trainingLoss = try reader.number()
        metrics = named
    }
}
