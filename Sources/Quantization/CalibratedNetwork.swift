public import ModelBundle
public import Tensors

/// A float network with what calibration found out about it: which layers become eight bits, and with which scales. It can be written in eight bits,
/// measured, and prepared for fine-tuning (``learning(_:)``).
public struct CalibratedNetwork: Sendable {
    /// What went in, batch norms folded: what a report compares with.
    public let reference: Graph
    /// The same with the weights as they are now; float. Another one than ``reference`` after fine-tuning.
    public internal(set) var graph: Graph
    var layers: [Node]
    let carriers: [Node]
    /// Of each value that a layer or carrier reads.
    let quantizations: [String: AffineQuantization]
    /// Shares that calibration cut off.
    let clipped: [String: Double]
    /// Layers that stay float, and why.
    public let left: [String: String]
    let method: String
    let sampleCount: Int

    /// Names of the layers that become eight bits, in the graph's order.
    public var layerNames: [String] { layers.map(\.label) }

    /// In eight bits: QuantizeLinear and DequantizeLinear around what is quantized.
    public var quantized: Graph { writer.graph }

    private var writer: QDQWriter { QDQWriter(graph, layers: layers, carriers: carriers, quantizations: quantizations) }

    /// In eight bits, and what that costs: its layers and outputs against those of ``reference``, both run by `Inference`.
    ///
    /// - Parameter progress: is told how many runs of how many are done.
    public func measured(
        on probes: [[String: Tensor]], progress: (Int, Int) -> Void = { _, _ in }
    ) throws(QuantizationError) -> (graph: Graph, report: QuantizationReport) {
        let writer = writer
        let quantized = writer.graph
        var done = 0
        let sums = try compare(reference, quantized, outputs: layers.map(\.outputs[0]) + reference.outputs.map(\.name), probes) {
            done += 2
            progress(done, 2 * probes.count)
        }
        var report = QuantizationReport(
            method: method, samples: sampleCount, layers: [], outputs: [], left: left, floatBytes: reference.weightBytes, quantizedBytes: quantized.weightBytes)
        for (index, node) in layers.enumerated() {
            report.layers.append(
                QuantizationReport.Layer(
                    node: node.label, operation: node.operation, value: node.outputs[0],
                    signalToNoise: QuantizationReport.decibels(signal: sums[index].signal, noise: sums[index].noise),
                    weightSignalToNoise: writer.weightSignalToNoise[node.outputs[0]] ?? 0, inputScale: quantizations[node.inputs[0]]!.scale,
                    clipped: clipped[node.inputs[0]] ?? 0))
        }
        for (output, sum) in zip(reference.outputs, sums.dropFirst(layers.count)) {
            report.outputs.append(QuantizationReport.Output(name: output.name, signal: sum.signal, noise: sum.noise, cosines: sum.cosines))
        }
        return (quantized, report)
    }

    private struct Comparison {
        var signal = 0.0, noise = 0.0
        var cosines: [Double] = []
    }

    private func compare(
        _ float: Graph, _ quantized: Graph, outputs: [String], _ samples: [[String: Tensor]], progress: () -> Void
    ) throws(QuantizationError) -> [Comparison] {
        let exact = GraphRunner(float, outputs: outputs), rounded = GraphRunner(quantized, outputs: outputs)
        var result = [Comparison](repeating: Comparison(), count: outputs.count)
        var kept = [[Float]](repeating: [], count: outputs.count)
        for sample in samples {
            try exact.run(sample) { index, output in kept[index] = output.indices.map { output[$0] } }
            try rounded.run(sample) { index, output in
                var signal = 0.0, noise = 0.0, product = 0.0, power = 0.0
                for place in output.indices {
                    let x = Double(kept[index][place]), y = Double(output[place])
                    signal += x * x
                    noise += (x - y) * (x - y)
                    product += x * y
                    power += y * y
                }
                result[index].signal += signal
                result[index].noise += noise
                result[index].cosines.append(signal > 0 && power > 0 ? product / (signal * power).squareRoot() : 1)
            }
            progress()
        }
        return result
    }
}
