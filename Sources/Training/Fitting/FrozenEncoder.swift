import Inference
import ModelBundle
import Synchronization
import Tensors

/// An encoder that does not learn, run by the agent's own executor: several times as fast as with gradients at hand. One per thread.
final class FrozenEncoder: Sendable {
    private let network: Mutex<Network>
    private let size: Int

    /// - Parameters:
    ///   - inputShape: without the batch.
    ///   - size: of the embedding.
    init(_ graph: Graph, inputShape: [Int], size: Int) throws {
        let name = graph.inputs.first?.name ?? ""
        do { network = Mutex(try Network(graph, inputs: [name: .shape([1] + inputShape)])) } catch {
            throw FitError(.badData, "encoder '\(graph.name)': \(error)")
        }
        let found = network.withLock { $0.outputs.first?.count ?? 0 }
        guard found == size else { throw FitError(.badData, "encoder '\(graph.name)': its embeddings have \(found) numbers, expected \(size)") }
        self.size = size
    }

    /// The mean of unit-length embeddings of all pieces, brought to length 1.
    /// - Parameter values: `[pieces] + inputShape`.
    func embedding(_ values: [Float]) throws -> [Float] {
        try network.withLock { network in
            let count = network.inputs[0].count
            var sum = [Float](repeating: 0, count: size)
            for start in stride(from: 0, to: values.count, by: count) {
                network.withInput(0, as: Float.self) { span in for index in 0..<count { span[index] = values[start + index] } }
                try network.run()
                let piece = network.withOutput(0, as: Float.self) { span in span.indices.map { span[$0] } }
                for (index, value) in Self.unit(piece).enumerated() { sum[index] += value }
            }
            return values.count > count ? Self.unit(sum) : sum
        }
    }

    private static func unit(_ vector: [Float]) -> [Float] {
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return vector.map { $0 / max(length, 1e-12) }
    }
}
