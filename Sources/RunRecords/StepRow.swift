/// One optimizer step: a line of `steps.csv`.
public struct StepRow: Sendable, Hashable {
    /// From one.
    public var epoch: Int
    /// Of the epoch, from one.
    public var batch: Int
    /// Of the run, from one.
    public var step: Int
    /// Of work since the run began.
    public var seconds: Double
    /// The weighted sum of the terms.
    public var loss: Double
    public var learningRate: Double
    /// The 2-norm over all parameters before clipping; absent where it was not taken.
    public var gradientNorm: Double?
    public var samplesPerSecond: Double
    /// Each loss before its weight.
    public var terms: [RunValue]

    public init(
        epoch: Int, batch: Int, step: Int, seconds: Double, loss: Double, learningRate: Double, gradientNorm: Double? = nil, samplesPerSecond: Double,
        terms: [RunValue] = []
    ) {
        self.epoch = epoch
        self.batch = batch
        self.step = step
        self.seconds = seconds
        self.loss = loss
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.samplesPerSecond = samplesPerSecond
        self.terms = terms
    }
}

extension StepRow: RunTableRow {
    static let fixedColumns = ["epoch", "batch", "step", "seconds", "loss", "learning_rate", "gradient_norm", "samples_per_second"]
    static let subject = "loss term"

    var fixedFields: [String] {
        ["\(epoch)", "\(batch)", "\(step)"] + [seconds, loss, learningRate, gradientNorm, samplesPerSecond].map(RunFieldReader.text)
    }
    var named: [RunValue] { terms }

    init(_ reader: inout RunFieldReader, named: [RunValue]) throws(RunRecordError) {
        epoch = try reader.integer()
        batch = try reader.integer()
        step = try reader.integer()
        seconds = try reader.number()
        loss = try reader.number()
        learningRate = try reader.number()
        gradientNorm = try reader.numberIfAny()
        samplesPerSecond = try reader.number()
        terms = named
    }
}
