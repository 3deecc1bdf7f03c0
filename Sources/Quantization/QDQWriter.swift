import ModelBundle
import Tensors

/// Writes a float graph anew with QuantizeLinear and DequantizeLinear around what is quantized.
struct QDQWriter {
    private(set) var graph: Graph
    /// By the layer's output, in dB.
    private(set) var weightSignalToNoise: [String: Double] = [:]

    /// - Parameters:
    ///   - layers: multiply with constant weights.
    ///   - carriers: other nodes that read quantized values.
    ///   - quantizations: of every value that they read.
    init(_ float: Graph, layers: [Node], carriers: [Node], quantizations: [String: AffineQuantization]) {
        graph = float
        // DequantizeLinear with an axis.
        graph.opset = max(float.opset, 13)
        graph.nodes = []
        let layerOutputs = Set(layers.map(\.outputs[0])), carrierOutputs = Set(carriers.map(\.outputs[0]))
        var pairs: Set<String> = []
        for var node in float.nodes {
            let output = node.outputs.first ?? ""
            if layerOutputs.contains(output), node.inputs.count > 1 {
                let x = node.inputs[0]
                node.inputs[0] = pair(x, quantizations[x]!, &pairs)
                quantizeWeights(of: &node, inputScale: quantizations[x]!.scale)
            } else if carrierOutputs.contains(output) {
                node.inputs = node.inputs.map { name in quantizations[name].map { pair(name, $0, &pairs) } ?? name }
            }
            graph.nodes.append(node)
        }
        let used = Set(graph.nodes.flatMap(\.inputsOfNestedGraphsToo)).union(graph.outputs.map(\.name))
        graph.initializers = graph.initializers.filter { used.contains($0.key) }
    }

    /// The value after a quantization and its undoing, which are written where they are not there yet.
    private mutating func pair(_ name: String, _ quantization: AffineQuantization, _ written: inout Set<String>) -> String {
        let dequantized = name + " dequantized"
        guard written.insert(name).inserted else { return dequantized }
        graph.initializers[name + " scale"] = Tensor(scalar: quantization.scale)
        graph.initializers[name + " zero"] = Tensor(scalar: quantization.zeroPoint)
        let parameters = [name + " scale", name + " zero"]
        graph.nodes.append(Node(operation: "QuantizeLinear", name: name + " quantize", inputs: [name] + parameters, outputs: [name + " quantized"]))
        graph.nodes.append(
            Node(operation: "DequantizeLinear", name: name + " dequantize", inputs: [name + " quantized"] + parameters, outputs: [dequantized]))
        return dequantized
    }

    private mutating func quantizeWeights(of node: inout Node, inputScale: Float) {
        let name = node.inputs[1]
        guard let tensor = graph.initializers[name] else { return }
        let axis = node.outputAxisOfWeights ?? 1
        let quantized = SymmetricWeights(tensor, axis: axis)
        weightSignalToNoise[node.outputs[0]] = quantized.signalToNoise
        graph.initializers[name + " quantized"] = Tensor(shape: tensor.shape, values: quantized.values)
        graph.initializers[name + " scale"] = Tensor(shape: [quantized.scales.count], values: quantized.scales)
        graph.initializers[name + " zero"] = Tensor(shape: [quantized.scales.count], values: [Int8](repeating: 0, count: quantized.scales.count))
        // Weights that two layers share are written once.
        if !graph.nodes.contains(where: { $0.outputs == [name + " dequantized"] }) {
            graph.nodes.append(
                Node(
                    operation: "DequantizeLinear", name: name + " dequantize", inputs: [name + " quantized", name + " scale", name + " zero"],
                    outputs: [name + " dequantized"], attributes: ["axis": .int(axis)]))
        }
        node.inputs[1] = name + " dequantized"
        guard node.inputs.count > 2, let bias = graph.floats(node.inputs[2]), bias.count == quantized.scales.count else { return }
        let biasName = node.outputs[0] + " bias"
        let scales = quantized.scales.map { max($0 * inputScale, .leastNormalMagnitude) }
        let values = zip(bias, scales).map { b, scale in
            Int32(min(max((Double(b) / Double(scale)).rounded(.toNearestOrEven), Double(Int32.min)), Double(Int32.max)))
        }
        let shape = graph.initializers[node.inputs[2]]!.shape
        // One dimension, as DequantizeLinear's axis wants it; Gemm's may be [1, n], which broadcasts alike.
        guard shape.filter({ $0 != 1 }).count <= 1 else { return }
        graph.initializers[biasName + " quantized"] = Tensor(shape: [values.count], values: values)
        graph.initializers[biasName + " scale"] = Tensor(shape: [values.count], values: scales)
        graph.nodes.append(
            Node(
                operation: "DequantizeLinear", name: biasName + " dequantize", inputs: [biasName + " quantized", biasName + " scale"],
                outputs: [biasName + " dequantized"], attributes: ["axis": .int(0)]))
        node.inputs[2] = biasName + " dequantized"
    }
}

/// Weights of eight bits, a scale for each channel: q = clamp(round(w / scale), −127…127), scale = max |w| / 127.
struct SymmetricWeights {
    let values: [Int8]
    /// One for each place along the axis; 1 where all weights are zero.
    let scales: [Float]
    /// 10 · log₁₀(Σ w² / Σ (w − w′)²).
    let signalToNoise: Double

    init(_ tensor: Tensor, axis: Int) {
        let weights = tensor.values(as: Float.self)
        let channels = tensor.shape[axis], inner = tensor.shape.dropFirst(axis + 1).reduce(1, *)
        var largest = [Float](repeating: 0, count: channels)
        for index in weights.indices { largest[index / inner % channels] = max(largest[index / inner % channels], abs(weights[index])) }
        scales = largest.map { $0 > 0 ? max($0 / 127, .leastNormalMagnitude) : 1 }
        var signal = 0.0, noise = 0.0
        var quantized = [Int8](repeating: 0, count: weights.count)
        for index in weights.indices {
            let scale = scales[index / inner % channels]
            let q = min(max((weights[index] / scale).rounded(.toNearestOrEven), -127), 127)
            quantized[index] = Int8(q)
            signal += Double(weights[index] * weights[index])
            let error = Double(weights[index] - q * scale)
            noise += error * error
        }
        values = quantized
        signalToNoise = QuantizationReport.decibels(signal: signal, noise: noise)
    }
}
