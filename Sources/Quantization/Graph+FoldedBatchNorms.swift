public import ModelBundle
import Tensors

/// Batch norms as part of the convolution or product before them, so that what is quantized is what runs.
///
/// conv(x) · f + o = conv′(x) with weights · f and bias · f + o, f = scale / √(variance + ε), o = bias − mean · f.
extension Graph {
    /// This graph with every BatchNormalization that alone follows a Conv or Gemm with constant weights folded into it, and constants that nodes
    /// make (`Constant`) among the initialisers.
    public func foldingBatchNorms() -> Graph {
        var graph = self
        graph.nodes = []
        for node in nodes {
            if node.operation == "Constant", node.domain.isEmpty, case .tensor(let value)? = node.attributes["value"] {
                graph.initializers[node.outputs[0]] = value
            } else {
                graph.nodes.append(node)
            }
        }
        var uses: [String: Int] = [:]
        for node in graph.nodes { for name in node.inputsOfNestedGraphsToo { uses[name, default: 0] += 1 } }
        for output in graph.outputs { uses[output.name, default: 0] += 1 }
        var producer: [String: Int] = [:]
        var kept: [Node] = []
        for node in graph.nodes {
            if node.operation == "BatchNormalization", node.domain.isEmpty, uses[node.inputs[0]] == 1, let index = producer[node.inputs[0]],
                graph.fold(node, into: &kept[index], uses: uses)
            {
                producer[node.outputs[0]] = index
                continue
            }
            for output in node.outputs { producer[output] = kept.count }
            kept.append(node)
        }
        graph.nodes = kept
        let used = Set(graph.nodes.flatMap(\.inputsOfNestedGraphsToo)).union(graph.outputs.map(\.name))
        graph.initializers = graph.initializers.filter { used.contains($0.key) }
        return graph
    }

    /// Whether it could be.
    private mutating func fold(_ norm: Node, into product: inout Node, uses: [String: Int]) -> Bool {
        guard norm.outputs.filter({ !$0.isEmpty }).count == 1, norm.inputs.count == 5, let axis = product.outputAxisOfWeights, product.inputs.count >= 2,
            uses[product.inputs[1]] == 1, let weights = floats(product.inputs[1]), let scale = floats(norm.inputs[1]), let offset = floats(norm.inputs[2]),
            let mean = floats(norm.inputs[3]), let variance = floats(norm.inputs[4]), let shape = initializers[product.inputs[1]]?.shape,
            shape[axis] == scale.count
        else { return false }
        let hasBias = product.inputs.count > 2 && !product.inputs[2].isEmpty
        var bias = [Float](repeating: 0, count: scale.count)
        if hasBias {
            guard let given = floats(product.inputs[2]), given.count == scale.count else { return false }
            bias = given
        }
        if product.operation == "Gemm", product.float("alpha", default: 1) != 1 || product.float("beta", default: 1) != 1 { return false }
        let epsilon = norm.float("epsilon", default: 1e-5)
        let factor = zip(scale, variance).map { $0 / ($1 + epsilon).squareRoot() }
        let inner = shape.dropFirst(axis + 1).reduce(1, *)
        let folded = weights.indices.map { weights[$0] * factor[$0 / inner % factor.count] }
        let name = norm.outputs[0]
        initializers["\(name) weights"] = Tensor(shape: shape, values: folded)
        initializers["\(name) bias"] = Tensor(shape: [factor.count], values: factor.indices.map { (bias[$0] - mean[$0]) * factor[$0] + offset[$0] })
        product.inputs = [product.inputs[0], "\(name) weights", "\(name) bias"]
        product.outputs = norm.outputs.filter { !$0.isEmpty }
        return true
    }

    func floats(_ name: String) -> [Float]? {
        guard let tensor = initializers[name], tensor.elementType == .float32 else { return nil }
        return tensor.values(as: Float.self)
    }
}

extension Node {
    /// The axis of input 1 that belongs to the outputs' channels, for what multiplies with weights.
    var outputAxisOfWeights: Int? {
        guard domain.isEmpty else { return nil }
        switch operation {
        case "Conv": return 0
        case "Gemm": return int("transB", default: 0) == 1 ? 0 : 1
        default: return nil
        }
    }

    /// Values that the node reads, those that its nested graphs take from outside included.
    var inputsOfNestedGraphsToo: [String] {
        inputs.filter { !$0.isEmpty } + attributes.values.flatMap { attribute -> [String] in
            guard case .graph(let graph) = attribute else { return [] }
            return graph.nodes.flatMap(\.inputsOfNestedGraphsToo) + graph.outputs.map(\.name)
        }
    }

    func int(_ name: String, default value: Int) -> Int {
        if case .int(let given)? = attributes[name] { given } else { value }
    }

    func float(_ name: String, default value: Float) -> Float {
        if case .float(let given)? = attributes[name] { given } else { value }
    }
}
