import ModelBundle
import Tensors

/// Writes a float graph anew with QuantizeLinear and DequantizeLinear around what is quantized.
struct QDQWriter {
    private(set) var graph: Graph
    /// By the layer's output, in dB.
    private(set) var weightSignalToNoise: [String: Double] = [:]
    private(set) var learners: [Learner] = []
    private let learning: Set<String>

    /// An initialiser that learns: `steps · units` is what `name` was.
    struct Learner: Sendable {
        let name: String
        let steps: String
        /// The axis along which each place has a unit of its own.
        let axis: Int
        let units: [Float]
    }

    /// - Parameters:
    ///   - layers: multiply with constant weights.
    ///   - carriers: other nodes that read quantized values.
    ///   - quantizations: of every value that they read.
    ///   - learning: weights and biases of layers that are written as float initialisers which are rounded in every run.
    init(_ float: Graph, layers: [Node], carriers: [Node], quantizations: [String: AffineQuantization], learning: Set<String> = []) {
        graph = float
        self.learning = learning
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
        if learning.contains(name) { return roundWhileLearning(&node, tensor, axis, quantized.units, inputScale) }
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

    private mutating func roundWhileLearning(_ node: inout Node, _ tensor: Tensor, _ axis: Int, _ units: [Float], _ inputScale: Float) {
        let name = node.inputs[1], dequantized = name + " dequantized"
        if !graph.nodes.contains(where: { $0.outputs == [dequantized] }) {
            let learnt = learner(name, tensor, axis, units)
            let axes = tensor.shape.indices.filter { $0 != axis }
            graph.initializers[name + " most"] = Tensor(scalar: Float(127))
            graph.initializers[name + " least"] = Tensor(scalar: Float.leastNormalMagnitude)
            graph.initializers[name + " zero"] = Tensor(shape: [units.count], values: [Int8](repeating: 0, count: units.count))
            var largest = Node(
                operation: "ReduceMax", name: name + " largest", inputs: [name + " size"], outputs: [name + " largest"], attributes: ["keepdims": .int(0)])
            // Axes became an input with operator set 18.
            if graph.opset >= 18 {
                graph.initializers[name + " axes"] = Tensor(shape: [axes.count], values: axes.map(Int64.init))
                largest.inputs.append(name + " axes")
            } else {
                largest.attributes["axes"] = .ints(axes)
            }
            let parameters = [name + " scale", name + " zero"]
            graph.nodes += [
                Node(operation: "Abs", name: name + " size", inputs: [learnt], outputs: [name + " size"]), largest,
                Node(operation: "Div", name: name + " share", inputs: [name + " largest", name + " most"], outputs: [name + " share"]),
                Node(operation: "Max", name: name + " scale", inputs: [name + " share", name + " least"], outputs: [name + " scale"]),
                Node(
                    operation: "QuantizeLinear", name: name + " quantize", inputs: [learnt] + parameters, outputs: [name + " quantized"],
                    attributes: ["axis": .int(axis)]),
                Node(
                    operation: "DequantizeLinear", name: name + " dequantize", inputs: [name + " quantized"] + parameters, outputs: [dequantized],
                    attributes: ["axis": .int(axis)]),
            ]
        }
        node.inputs[1] = dequantized
        guard node.inputs.count > 2, learning.contains(node.inputs[2]), let bias = graph.initializers[node.inputs[2]], bias.elementType == .float32,
            bias.count == units.count, let channels = bias.shape.firstIndex(of: units.count) ?? (units.count == 1 ? 0 : nil)
        else { return }
        let biasName = node.inputs[2] + " learning"
        // Another layer may have it too.
        if !graph.nodes.contains(where: { $0.outputs == [biasName] }) {
            _ = learner(node.inputs[2], bias, channels, units.map { max($0 * 64 * inputScale, .leastNormalMagnitude) })
        }
        node.inputs[2] = biasName
    }

    /// The value of an initialiser that is learnt in units.
    private mutating func learner(_ name: String, _ tensor: Tensor, _ axis: Int, _ units: [Float]) -> String {
        let inner = tensor.shape.dropFirst(axis + 1).reduce(1, *)
        let steps = tensor.values(as: Float.self).enumerated().map { $1 / units[$0 / inner % units.count] }
        let placed = tensor.shape.indices.map { $0 == axis ? units.count : 1 }
        graph.initializers[name + " steps"] = Tensor(shape: tensor.shape, values: steps)
        graph.initializers[name + " unit"] = Tensor(shape: placed, values: units)
        graph.nodes.append(Node(operation: "Mul", name: name + " learning", inputs: [name + " steps", name + " unit"], outputs: [name + " learning"]))
        learners.append(Learner(name: name, steps: name + " steps", axis: axis, units: units))
        return name + " learning"
    }
}

/// Weights of eight bits, a scale for each channel: q = clamp(round(w / scale), −127…127), scale = max |w| / 127.
struct SymmetricWeights {
    let values: [Int8]
    /// One for each place along the axis; 1 where all weights are zero.
    let scales: [Float]
    /// The same, but next to nothing where all weights are zero.
    let units: [Float]
    /// 10 · log₁₀(Σ w² / Σ (w − w′)²).
    let signalToNoise: Double

    init(_ tensor: Tensor, axis: Int) {
        let weights = tensor.values(as: Float.self)
        let channels = tensor.shape[axis], inner = tensor.shape.dropFirst(axis + 1).reduce(1, *)
        var largest = [Float](repeating: 0, count: channels)
        for index in weights.indices { largest[index / inner % channels] = max(largest[index / inner % channels], abs(weights[index])) }
        scales = largest.map { $0 > 0 ? max($0 / 127, .leastNormalMagnitude) : 1 }
        units = largest.map { max($0 / 127, .leastNormalMagnitude) }
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
