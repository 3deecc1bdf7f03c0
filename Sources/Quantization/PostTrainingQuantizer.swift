public import ModelBundle
public import Tensors

/// Makes an eight-bit network of a float one without training: weights by channel, activations by calibration, written as pairs of QuantizeLinear and
/// DequantizeLinear (QDQ), which every ONNX runtime understands and `Inference` may fuse.
///
/// - Weights of Conv and Gemm (with constant weights) and of MatMul: signed, symmetric, −127…127, a scale for each output channel.
/// - What flows into them, and into Add, Concat, AveragePool and GlobalAveragePool between them: unsigned, affine, a scale for each value.
/// - Biases: 32 bits with the product of both scales.
///
/// Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: A whitepaper", 2018; Nagel et al., "A White Paper on Neural
/// Network Quantization", 2021.
public struct PostTrainingQuantizer: Sendable {
    public var method: CalibrationMethod = .meanSquaredError
    /// Names of nodes that stay float (a node without a name goes by its first output).
    public var excluded: Set<String> = []

    public init() {}

    /// Operations that are exact or nearly so on eight bits and whose inputs are quantized between quantized layers.
    static let carriers: Set<String> = ["Add", "Concat", "AveragePool", "GlobalAveragePool"]

    /// Calibrates, writes and measures in one go.
    ///
    /// - Parameters:
    ///   - graph: float; batch norms are folded first.
    ///   - samples: one dictionary a run: every input of the graph by name, of types and shapes that it takes.
    ///   - probes: samples that the report is measured on; `nil`: the same. Better others than those that calibrated.
    ///   - progress: is told how many runs of how many are done.
    public func quantize(
        _ graph: Graph, samples: [[String: Tensor]], probes: [[String: Tensor]]? = nil, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(QuantizationError) -> (graph: Graph, report: QuantizationReport) {
        let probes = probes ?? samples
        let total = 2 * samples.count + 2 * probes.count
        let network = try calibrate(graph, samples: samples) { done, _ in progress(done, total) }
        return try network.measured(on: probes) { done, _ in progress(2 * samples.count + done, total) }
    }

    /// Folds batch norms, chooses what becomes eight bits, and finds the ranges of what flows into it.
    ///
    /// - Parameters: those of ``quantize(_:samples:probes:progress:)``.
    public func calibrate(
        _ graph: Graph, samples: [[String: Tensor]], progress: (Int, Int) -> Void = { _, _ in }
    ) throws(QuantizationError) -> CalibratedNetwork {
        guard !samples.isEmpty else { throw QuantizationError(.calibration, "no calibration sample; give some dozens that look like what will come") }
        let folded = graph.foldingBatchNorms()
        let (layers, left) = layersOf(folded)
        guard !layers.isEmpty else {
            throw QuantizationError(
                .network, "'\(graph.name)' holds no Conv, Gemm or MatMul with constant weights that may be quantized" + (left.isEmpty ? "" : "; left: \(left.keys.sorted().joined(separator: ", "))"))
        }
        let quantizedLayers = Set(layers.map(\.outputs[0]))
        let carriers = folded.nodes.filter { node in
            node.domain.isEmpty && Self.carriers.contains(node.operation) && !excluded.contains(node.label)
                && feeds(node, quantizedLayers, in: folded)
        }
        var values: [String] = []
        for node in layers { values.append(node.inputs[0]) }
        for node in carriers { values += node.inputs.filter { folded.initializers[$0] == nil } }
        values = values.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }

        let observed = GraphRunner(folded, outputs: values)
        var histograms = [ActivationHistogram](repeating: ActivationHistogram(), count: values.count)
        for pass in 0..<2 {
            for (place, sample) in samples.enumerated() {
                try observed.run(sample) { index, output in
                    if pass == 0 { histograms[index].widen(output) } else { histograms[index].count(output) }
                }
                progress(pass * samples.count + place + 1, 2 * samples.count)
            }
        }
        for (name, histogram) in zip(values, histograms) where histogram.strange > 0 {
            throw QuantizationError(.calibration, "value '\(name)' was not finite \(histogram.strange) times in calibration; the network or its samples are broken")
        }
        let quantizations = Dictionary(uniqueKeysWithValues: zip(values, histograms.map { $0.quantization(method) }))
        let clipped = Dictionary(uniqueKeysWithValues: zip(values, zip(histograms, values).map { $0.share(outside: quantizations[$1]!) }))
        return CalibratedNetwork(
            reference: folded, graph: folded, layers: layers, carriers: carriers, quantizations: quantizations, clipped: clipped, left: left,
            method: method.description, sampleCount: samples.count)
    }

    /// The nodes that multiply with constant weights, and those that do but stay float.
    private func layersOf(_ graph: Graph) -> (layers: [Node], left: [String: String]) {
        var layers: [Node] = []
        var left: [String: String] = [:]
        for node in graph.nodes where node.domain.isEmpty && ["Conv", "Gemm", "MatMul"].contains(node.operation) {
            guard node.inputs.count > 1, let weights = graph.initializers[node.inputs[1]], weights.elementType == .float32 else {
                left[node.label] = "its weights are not constant"
                continue
            }
            if excluded.contains(node.label) {
                left[node.label] = "excluded"
            } else if graph.initializers[node.inputs[0]] != nil {
                left[node.label] = "its input is constant"
            } else if node.operation == "MatMul", weights.shape.count != 2 {
                left[node.label] = "its weights have \(weights.shape.count) dimensions"
            } else if node.operation == "Gemm", node.int("transA", default: 0) != 0 || node.float("alpha", default: 1) != 1 || node.float("beta", default: 1) != 1 {
                left[node.label] = "a Gemm with transA, alpha or beta"
            } else {
                layers.append(node)
            }
        }
        return (layers, left)
    }

    /// Whether a node's output reaches a quantized layer or another carrier at once, so that eight bits pay.
    private func feeds(_ node: Node, _ layers: Set<String>, in graph: Graph) -> Bool {
        graph.nodes.contains { $0.inputs.contains(node.outputs[0]) && ($0.outputs.contains { layers.contains($0) } || Self.carriers.contains($0.operation)) }
    }
}

extension Node {
    /// What people call it.
    var label: String { name.isEmpty ? outputs.first ?? operation : name }
}

extension Graph {
    var weightBytes: Int { initializers.values.reduce(0) { $0 + $1.bytes.count } }
}

extension ActivationHistogram {
    /// Share of the values that a quantization cuts off, each at the middle of its bin.
    func share(outside quantization: AffineQuantization) -> Double {
        let total = counts.reduce(0, +)
        guard total > 0 else { return 0 }
        let least = quantization.dequantize(0) - quantization.scale / 2, most = quantization.dequantize(255) + quantization.scale / 2
        let width = (high - low) / Float(Self.bins)
        var outside = 0
        for bin in counts.indices {
            let x = low + (Float(bin) + 0.5) * width
            if x < least || x > most { outside += counts[bin] }
        }
        return Double(outside) / Double(total)
    }
}
