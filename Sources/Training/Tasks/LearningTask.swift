import Datasets
import Inference
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
    /// Name of the measure that the best weights are chosen by, the first of ``validate()``.
    var metric: (name: String, isHigherBetter: Bool) { get }

    /// What a step costs; everything drawn follows from the seed.
    /// - Parameter next: the following step's seed, so that its samples can be made meanwhile; `nil` at the end.
    func loss(seed: UInt64, next: UInt64?) throws -> TorchTensor
    /// How good the networks are as they learn, on a few samples of validation.
    func validate() throws -> [RunValue]
    /// How good networks are as `Inference` runs them, whose weights they are: exported, or made eight-bit.
    /// - Parameters:
    ///   - subset: whose samples.
    ///   - graphs: by name, all of ``networks``.
    ///   - advance: samples done, of so many.
    func measure(_ subset: Split.Subset, _ graphs: [String: Graph], advance: (Int, Int) -> Void) throws -> [RunValue]
    /// Inputs of a network as it reads them, spread over a subset's samples, each for a run of its own: for quantization.
    func examples(of network: String, _ subset: Split.Subset, count: Int) throws -> [[String: Tensor]]
}

/// A network of one input and one output, run by `Inference` on inputs of any length.
final class MeasuredNetwork {
    private let graph: Graph
    private var network: Network?
    private var shape: [Int] = []

    init(_ graph: Graph) { self.graph = graph }

    func callAsFunction(_ values: [Float], shape wanted: [Int]) throws -> [Float] {
        let input = graph.inputs[0].name
        if wanted != shape {
            network = try network?.replanned(inputs: [input: .shape(wanted)]) ?? Network(graph, inputs: [input: .shape(wanted)])
            shape = wanted
        }
        guard let network else { return [] }
        try network.setInput(0, Tensor(shape: wanted, values: values))
        try network.run()
        return network.outputTensor(0).values(as: Float.self)
    }
}
