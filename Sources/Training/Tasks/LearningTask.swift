import Datasets
import ModelBundle
import RunRecords
import Tensors

/// Something else than who somebody is that networks learn: what a step is made of, what it costs, and how the result is measured.
///
/// ``TaskFit`` does the rest: weights, schedule, checkpoints, record. A recipe names its task by `task:`; what it may say besides is read by the task. Thread-bound.
protocol LearningTask: AnyObject {
    /// As recipes name it.
    static var name: String { get }

    /// By the names that their files get.
    var networks: [(name: String, graph: TrainableGraph)] { get }
    /// For the record.
    var modalities: [RunRecord.Modality] { get }
    var subsets: [RunRecord.Subset] { get }
    /// What the weights depend on besides the recipe.
    var dataDigest: String { get }
    var notes: [String] { get }
    var stepsPerEpoch: Int { get }
    var samplesPerStep: Int { get }
    /// Name of the measure that the best weights are chosen by, the first of ``measure()``.
    var metric: (name: String, isHigherBetter: Bool) { get }

    /// What a step costs; everything drawn follows from the seed.
    /// - Parameter next: the following step's seed, so that its samples can be made meanwhile; `nil` at the end.
    func loss(seed: UInt64, next: UInt64?) throws -> TorchTensor
    /// The networks as they are.
    /// - Parameters:
    ///   - subset: whose people.
    ///   - isQuick: whether a few samples of each are enough.
    ///   - advance: samples done, of so many.
    func measure(_ subset: Split.Subset, isQuick: Bool, advance: (Int, Int) -> Void) throws -> [RunValue]
}
