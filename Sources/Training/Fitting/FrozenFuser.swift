import Inference
import ModelBundle
import Synchronization
import Tensors

/// A fuser that does not learn, run by the agent's own executor: what its file gives, in eight bits where it has them. One per thread.
final class FrozenFuser: Sendable {
    private let network: Mutex<Network>
    private let modalities: [(name: String, size: Int)]

    /// - Parameters:
    ///   - graph: inputs of the modalities' names, and `weights` where it asks what is there.
    ///   - modalities: in the recipe's order, with the sizes of their embeddings.
    init(_ graph: Graph, modalities: [(name: String, size: Int)]) throws {
        for input in graph.inputs where input.name != "weights" && !modalities.contains(where: { $0.name == input.name }) {
            throw FitError(.badData, "fuser '\(graph.name)': its input '\(input.name)' is none of \(modalities.map(\.name).joined(separator: ", ")), weights")
        }
        self.modalities = modalities
        let shapes = modalities.reduce(into: ["weights": InputBinding.shape([1, modalities.count])]) { $0[$1.name] = .shape([1, $1.size]) }
        do { network = Mutex(try Network(graph, inputs: shapes)) } catch { throw FitError(.badData, "fuser '\(graph.name)': \(error)") }
    }

    /// What a sample gives the graph, by input.
    /// - Parameters: as of ``embedding(_:weights:)``.
    static func inputs(_ embeddings: [[Float]?], weights: [Float], modalities: [(name: String, size: Int)]) -> [String: Tensor] {
        zip(modalities, embeddings).reduce(into: ["weights": Tensor(shape: [1, modalities.count], values: weights)]) { inputs, part in
            let (modality, embedding) = part
            inputs[modality.name] = Tensor(shape: [1, modality.size], values: embedding ?? [Float](repeating: 0, count: modality.size))
        }
    }

    /// - Parameters:
    ///   - embeddings: by modality, of length 1; `nil` where one is missing.
    ///   - weights: of the modalities, 0 where one is missing.
    /// - Returns: of length 1.
    func embedding(_ embeddings: [[Float]?], weights: [Float]) throws -> [Float] {
        let values = Self.inputs(embeddings, weights: weights, modalities: modalities)
        return try network.withLock { network in
            for (name, tensor) in values { if let index = network.inputIndex(name) { try network.setInput(index, tensor) } }
            try network.run()
            return network.outputTensor(0).values(as: Float.self)
        }
    }
}
