import Datasets
import Foundation

/// Everything besides weights that a run needs to go on as if it had never stopped.
struct FitState: Codable, Equatable {
    /// Where the sampler stands: the next batch.
    var position: BatchSampler.Position
    /// Batches done.
    var step = 0
    /// Of these, how many moved the weights: a batch in which nobody has what the losses look at moves none.
    var updates = 0
    /// Seconds of training so far, over all pieces of the run.
    var seconds = 0.0
    /// Sum of the losses of the epoch's batches so far, and how many had one.
    var epochLoss = 0.0
    var epochBatches = 0
    var bestValue: Double?
    var bestEpoch: Int?
    /// Measurements since the best one.
    var sinceBest = 0
    /// Labels of memory banks, by loss.
    var bankLabels: [String: [Int]] = [:]
    /// What must be the same for the weights to mean the same.
    var fingerprint = ""
}
