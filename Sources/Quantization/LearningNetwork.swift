public import ModelBundle
public import Tensors

/// A calibrated network whose chosen layers go on learning while everything in it is rounded as it will be in the end: quantization-aware training.
///
/// Weights w of a learning layer are float, and rounded anew in every run with scales that follow them, for each channel c
///
///     w′ = s · clamp(round(w / s), −128, 127)      s_c = max |w_c| / 127
///
/// which ``graph`` says in plain ONNX (Abs, ReduceMax, Div, QuantizeLinear, DequantizeLinear); a trainer that passes gradients straight through the pair
/// learns them. All other layers hold their final eight bits, and scales of activations are calibration's. Jacob et al., "Quantization and Training of
/// Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 3.
///
/// What learns is not w but w / s⁰, the weight in steps of its first scale: one learning rate then means the same to a channel of tiny weights and to one
/// of large ones, as folded batch norms leave them (Esser et al., "Learned Step Size Quantization", ICLR 2020, scale gradients to the same end). Biases
/// are counted in the change that one step of a weight makes at a quarter of the input's range, s⁰ · 64 s_x, and are not rounded meanwhile: their steps
/// are of 32 bits.
public struct LearningNetwork: Sendable {
    /// With the inputs and outputs of the float network.
    public let graph: Graph
    /// Names of the learning layers, in the graph's order.
    public let layers: [String]
    let calibrated: CalibratedNetwork
    let learners: [QDQWriter.Learner]

    /// Names of the initialisers that learn; nothing else may.
    public var weights: Set<String> { Set(learners.map(\.steps)) }

    /// The network with what was learnt, its layers rounded for good.
    ///
    /// - Parameter state: values of ``weights`` by name, as ``graph`` holds them; others are passed over.
    /// - Throws: ``QuantizationError`` where one is missing, of another shape or not finite.
    public func learned(_ state: [String: Tensor]) throws(QuantizationError) -> CalibratedNetwork {
        var result = calibrated
        for learner in learners {
            guard let steps = state[learner.steps], let old = calibrated.graph.initializers[learner.name], steps.shape == old.shape, steps.elementType == .float32 else {
                throw QuantizationError(.network, "no float32 value of the shape of '\(learner.name)' for '\(learner.steps)' of '\(graph.name)'")
            }
            let inner = old.shape.dropFirst(learner.axis + 1).reduce(1, *)
            let values = steps.values(as: Float.self).enumerated().map { $1 * learner.units[$0 / inner % learner.units.count] }
            guard values.allSatisfy(\.isFinite) else {
                throw QuantizationError(.network, "weight '\(learner.name)' of '\(graph.name)' is not finite after fine-tuning; take a smaller rate")
            }
            result.graph.initializers[learner.name] = Tensor(shape: old.shape, values: values)
        }
        return result
    }
}

extension CalibratedNetwork {
    /// Prepares fine-tuning.
    ///
    /// Weights that a chosen layer shares with one that is not chosen become its own, so that nothing else changes.
    /// - Parameter names: of the layers that learn, from ``layerNames``.
    /// - Throws: ``QuantizationError`` that names the unknown layer.
    public func learning(_ names: Set<String>) throws(QuantizationError) -> LearningNetwork {
        try check(names)
        var own = self
        let chosen = Set(layers.filter { names.contains($0.label) }.map(\.outputs[0]))
        var readElsewhere = Set(graph.outputs.map(\.name))
        for node in graph.nodes {
            let isChosen = chosen.contains(node.outputs.first ?? "")
            for (place, name) in node.inputsOfNestedGraphsToo.enumerated() where !isChosen || place == 0 { readElsewhere.insert(name) }
        }
        var learning: Set<String> = []
        for (index, node) in graph.nodes.enumerated() where chosen.contains(node.outputs.first ?? "") {
            for place in 1..<node.inputs.count {
                var name = node.inputs[place]
                guard let tensor = graph.initializers[name] else { continue }
                if readElsewhere.contains(name) {
                    name = "\(node.outputs[0]) own \(name)"
                    own.graph.nodes[index].inputs[place] = name
                    own.graph.initializers[name] = tensor
                }
                learning.insert(name)
            }
        }
        let written = Dictionary(grouping: own.graph.nodes) { $0.outputs.first ?? "" }
        own.layers = layers.map { written[$0.outputs[0]]?.first ?? $0 }
        let writer = QDQWriter(own.graph, layers: own.layers, carriers: carriers, quantizations: quantizations, learning: learning)
        return LearningNetwork(graph: writer.graph, layers: own.layers.map(\.label).filter(names.contains), calibrated: own, learners: writer.learners)
    }

    /// - Throws: ``QuantizationError`` that names the first layer which is not among ``layerNames``, and why.
    public func check(_ names: Set<String>) throws(QuantizationError) {
        for name in names.sorted() where !layerNames.contains(name) {
            if let why = left[name] { throw QuantizationError(.network, "layer '\(name)' of '\(graph.name)' stays float: \(why); it cannot be fine-tuned for eight bits") }
            throw QuantizationError(.network, "'\(graph.name)' has no quantized layer '\(name)'; it has \(layerNames.joined(separator: ", "))")
        }
    }
}
