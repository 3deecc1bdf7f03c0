import Inference
import ModelBundle
import Tensors

/// Runs a graph on samples whose shapes may differ, and shows named values of each run. Thread-bound.
final class GraphRunner {
    private let graph: Graph
    private let outputs: [String]
    private var networks: [[String: [Int]]: Network] = [:]
    private var first: Network?

    init(_ graph: Graph, outputs: [String]) {
        self.graph = graph
        self.outputs = outputs
    }

    /// Calls `show` with the place in the outputs and the values, row-major.
    func run(_ sample: [String: Tensor], show: (Int, Span<Float>) -> Void) throws(QuantizationError) {
        for input in graph.inputs where sample[input.name] == nil {
            throw QuantizationError(.calibration, "a sample without input '\(input.name)'; got \(sample.keys.sorted())")
        }
        let network = try wrapped { () throws(InferenceError) in try self.network(sample.mapValues(\.shape)) }
        for output in network.outputs where output.elementType != .float32 {
            throw QuantizationError(.network, "value '\(output.name)' is of type \(output.elementType), not float32")
        }
        try wrapped { () throws(InferenceError) in
            for index in network.inputs.indices {
                guard let value = sample[network.inputs[index].name] else { continue }
                try network.setInput(index, value)
            }
            try network.run()
        }
        for index in network.outputs.indices { network.withOutput(index, as: Float.self) { show(index, $0) } }
    }

    private func wrapped<R>(_ body: () throws(InferenceError) -> R) throws(QuantizationError) -> R {
        do {
            return try body()
        } catch {
            throw QuantizationError(.inference, "'\(graph.name)': \(error)")
        }
    }

    private func network(_ shapes: [String: [Int]]) throws(InferenceError) -> Network {
        if let network = networks[shapes] { return network }
        let bindings = shapes.filter { entry in graph.inputs.contains { $0.name == entry.key } }.mapValues { InputBinding.shape($0) }
        let network = if let first { try first.replanned(inputs: bindings) } else { try Network(graph, inputs: bindings, outputs: outputs) }
        // Samples of many lengths: a few plans are kept.
        if networks.count >= 8 { networks.removeAll() }
        networks[shapes] = network
        first = first ?? network
        return network
    }
}
