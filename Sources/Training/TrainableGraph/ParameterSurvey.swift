import ModelBundle
import Tensors

/// Which initialisers of a graph are weights to be learnt, which are running statistics, and which are plain constants.
///
/// A weight is a floating-point initialiser that reaches, directly or through nodes that only rearrange it, a place where a layer keeps its weights:
/// convolutions, matrix products, normalisations' scales and biases, recurrent layers, PReLU slopes, embeddings; or a sum or product, where it has
/// more than one element. Operands of `Sub` and `Div`, bounds, pads, amounts and quantization parameters are constants: means and deviations that
/// normalise an input do not move.
struct ParameterSurvey {
    private(set) var weights: Set<String> = []
    private(set) var statistics: Set<String> = []

    private static let places: [String: Set<Int>] = [
        "Conv": [1, 2], "ConvTranspose": [1, 2], "Gemm": [0, 1, 2], "MatMul": [0, 1], "PRelu": [1], "BatchNormalization": [1, 2], "LayerNormalization": [1, 2],
        "InstanceNormalization": [1, 2], "GroupNormalization": [1, 2], "LSTM": [1, 2, 3, 7], "GRU": [1, 2, 3], "RNN": [1, 2, 3], "Gather": [0],
    ]
    private static let sums: Set<String> = ["Add", "Mul"]
    private static let rearrangements: Set<String> = [
        "Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Expand", "Concat", "Slice", "Split", "Flatten", "QuantizeLinear", "DequantizeLinear",
    ]

    init(_ graph: Graph) {
        var consumers: [String: [(node: Int, input: Int)]] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for (input, name) in node.inputs.enumerated() { consumers[name, default: []].append((index, input)) }
        }
        func isWeight(_ name: String, isSingle: Bool, depth: Int) -> Bool {
            (consumers[name] ?? []).contains { consumer in
                let node = graph.nodes[consumer.node]
                if Self.places[node.operation]?.contains(consumer.input) == true { return true }
                if Self.sums.contains(node.operation) { return !isSingle }
                let moves = Self.rearrangements.contains(node.operation) && (consumer.input == 0 || node.operation == "Concat")
                return moves && depth < 16 && node.outputs.contains { isWeight($0, isSingle: isSingle, depth: depth + 1) }
            }
        }
        for node in graph.nodes where node.operation == "BatchNormalization" {
            for name in node.inputs.dropFirst(3).prefix(2) where graph.initializers[name] != nil { statistics.insert(name) }
        }
        for (name, tensor) in graph.initializers where tensor.elementType == .float32 || tensor.elementType == .float64 {
            if !statistics.contains(name), isWeight(name, isSingle: tensor.count == 1, depth: 0) { weights.insert(name) }
        }
    }
}
