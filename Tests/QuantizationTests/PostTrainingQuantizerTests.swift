import Foundation
import Inference
import ModelBundle
import Quantization
import Tensors
import Testing

/// Small networks, their weights and samples from a seed.
private struct Sample {
    var state: UInt64 = 7

    /// About normal, mean 0, deviation 1.
    mutating func normal() -> Float {
        var sum: Float = 0
        for _ in 0..<12 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            sum += Float(state >> 40) / Float(1 << 24)
        }
        return sum - 6
    }

    mutating func tensor(_ shape: [Int], scale: Float = 1) -> Tensor {
        Tensor(shape: shape, values: (0..<Tensor.elementCount(shape)).map { _ in normal() * scale })
    }

    /// Conv, batch norm, Relu; depthwise Conv; Add with a shortcut; pooling; Gemm. Odd sizes.
    mutating func network() -> Graph {
        var values: [String: Tensor] = [
            "w1": tensor([9, 3, 3, 3], scale: 0.3), "b1": tensor([9]), "s": Tensor(shape: [9], values: (0..<9).map { 0.5 + Float($0) / 4 }),
            "o": tensor([9]), "m": tensor([9]), "v": Tensor(shape: [9], values: (0..<9).map { 0.2 + Float($0) / 9 }),
            "w2": tensor([9, 1, 3, 3], scale: 0.3), "w3": tensor([5, 9], scale: 0.3), "b3": tensor([5]),
        ]
        values["axes"] = Tensor(shape: [2], values: [Int64(-1), 9])
        let pads = Attribute.ints([1, 1, 1, 1])
        return Graph(
            name: "small", opset: 13,
            nodes: [
                Node(operation: "Conv", name: "first", inputs: ["x", "w1", "b1"], outputs: ["c1"], attributes: ["pads": pads]),
                Node(operation: "BatchNormalization", name: "norm", inputs: ["c1", "s", "o", "m", "v"], outputs: ["n1"], attributes: ["epsilon": .float(1e-3)]),
                Node(operation: "Relu", inputs: ["n1"], outputs: ["r1"]),
                Node(operation: "Conv", name: "second", inputs: ["r1", "w2"], outputs: ["c2"], attributes: ["pads": pads, "group": .int(9)]),
                Node(operation: "Add", name: "shortcut", inputs: ["c2", "r1"], outputs: ["a"]),
                Node(operation: "GlobalAveragePool", inputs: ["a"], outputs: ["p"]),
                Node(operation: "Reshape", inputs: ["p", "axes"], outputs: ["f"]),
                Node(operation: "Gemm", name: "last", inputs: ["f", "w3", "b3"], outputs: ["y"], attributes: ["transB": .int(1)]),
            ],
            inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .fixed(3), .fixed(11), .fixed(7)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, shape: [.fixed(1), .fixed(5)])], initializers: values)
    }
}

private func run(_ graph: Graph, _ x: Tensor) throws -> [Float] {
    let network = try Network(graph)
    try network.setInput(0, x)
    try network.run()
    return network.outputTensor(0).values()
}

@Suite struct PostTrainingQuantizerTests {
    @Test func `Folding batch norms changes nothing but rounding`() throws {
        var sample = Sample()
        let graph = sample.network(), folded = graph.foldingBatchNorms()
        #expect(!folded.nodes.contains { $0.operation == "BatchNormalization" })
        #expect(folded.initializers["s"] == nil && folded.initializers["w1"] == nil)
        let x = sample.tensor([1, 3, 11, 7])
        for (a, b) in zip(try run(graph, x), try run(folded, x)) { #expect(abs(a - b) < 1e-4 * max(1, abs(a))) }
    }

    @Test func `A batch norm whose convolution is used elsewhere stays`() throws {
        var sample = Sample()
        var graph = sample.network()
        graph.outputs.append(ValueInfo(name: "c1", elementType: .float32, shape: nil))
        #expect(graph.foldingBatchNorms().nodes.contains { $0.operation == "BatchNormalization" })
    }

    @Test(arguments: [CalibrationMethod.minMax, .percentile(99.9), .meanSquaredError])
    func `Eight bits say nearly the same`(_ method: CalibrationMethod) throws {
        var sample = Sample()
        let graph = sample.network()
        let samples = (0..<6).map { _ in ["x": sample.tensor([1, 3, 11, 7])] }, probes = (0..<3).map { _ in ["x": sample.tensor([1, 3, 11, 7])] }
        var quantizer = PostTrainingQuantizer()
        quantizer.method = method
        var last = (0, 0)
        let (quantized, report) = try quantizer.quantize(graph, samples: samples, probes: probes) { last = ($0, $1) }
        #expect(last == (18, 18))
        #expect(report.layers.map(\.node) == ["first", "second", "last"])
        #expect(report.left.isEmpty)
        for layer in report.layers { #expect(layer.signalToNoise > 20 && layer.weightSignalToNoise > 35, "\(layer)") }
        #expect(report.outputs[0].leastCosine > 0.995, "\(report.text)")
        #expect(Double(report.quantizedBytes) < 0.5 * Double(report.floatBytes))
        // What the report says is what the written graph does.
        var signal = 0.0, noise = 0.0
        for probe in probes {
            for (a, b) in zip(try run(graph, probe["x"]!), try run(quantized, probe["x"]!)) {
                signal += Double(a * a)
                noise += Double((a - b) * (a - b))
            }
        }
        let ratio = 10 * log10(signal / noise)
        #expect(abs(ratio - report.outputs[0].signalToNoise) < 0.1)
        // Every weight is eight bits with a scale for each channel, and no float weight is left.
        for (name, channels, axis) in [("n1 weights", 9, 0), ("w2", 9, 0), ("w3", 5, 0)] {
            #expect(quantized.initializers["\(name) quantized"]?.elementType == .int8)
            #expect(quantized.initializers["\(name) scale"]?.shape == [channels])
            #expect(quantized.initializers[name] == nil)
            #expect(quantized.nodes.contains { $0.operation == "DequantizeLinear" && $0.inputs[0] == "\(name) quantized" && $0.attributes["axis"] == .int(axis) })
        }
        // A value that two nodes read is quantized once.
        #expect(quantized.nodes.filter { $0.operation == "QuantizeLinear" && $0.inputs[0] == "r1" }.count == 1)
        let json = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(QuantizationReport.self, from: json) == report)
    }

    @Test func `An outlier costs min-max more than the others`() throws {
        // Without the outlier 255 steps serve −4…4; with it −4…100.
        var sample = Sample()
        var histogram = ActivationHistogram()
        var values = (0..<20_000).map { _ in sample.normal() }
        values[77] = 100
        histogram.widen(values.span)
        histogram.count(values.span)
        func error(_ method: CalibrationMethod) -> Double {
            let quantization = histogram.quantization(method)
            return values.reduce(0) { $0 + ($1 > 50 ? 0 : Double(abs($1 - quantization.dequantize(quantization.quantize($1))))) }
        }
        #expect(error(.percentile(99.9)) < 0.2 * error(.minMax))
        #expect(error(.meanSquaredError) <= error(.minMax))
    }

    @Test func `A quantization is the one of ONNX`() {
        // By hand: −1…3 in 255 steps; zero is 63.75 steps up, which is 64.
        let quantization = AffineQuantization(low: -1, high: 3)
        #expect(quantization.zeroPoint == 64)
        #expect(abs(quantization.scale - 4.0 / 255) < 1e-9)
        #expect(quantization.quantize(0) == 64 && quantization.dequantize(64) == 0)
        #expect(quantization.quantize(99) == 255 && quantization.quantize(-99) == 0 && quantization.quantize(.nan) == 64)
        // Half to even.
        let whole = AffineQuantization(scale: 1, zeroPoint: 0)
        #expect(whole.quantize(2.5) == 2 && whole.quantize(3.5) == 4)
        #expect(AffineQuantization(low: 2, high: 3) == AffineQuantization(low: 0, high: 3))
        #expect(AffineQuantization(low: 0, high: 0) == AffineQuantization(scale: 1, zeroPoint: 0))
    }

    @Test func `Excluded layers stay float, and the report says so`() throws {
        var sample = Sample()
        var quantizer = PostTrainingQuantizer()
        quantizer.excluded = ["last"]
        let (graph, report) = try quantizer.quantize(sample.network(), samples: [["x": sample.tensor([1, 3, 11, 7])]])
        #expect(report.layers.map(\.node) == ["first", "second"])
        #expect(report.left == ["last": "excluded"])
        #expect(graph.initializers["w3"]?.elementType == .float32)
    }

    @Test func `What cannot be quantized says why`() throws {
        var sample = Sample()
        let graph = sample.network()
        func cause(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "nothing"
            } catch { return "\(error)" }
        }
        #expect(cause { _ = try PostTrainingQuantizer().quantize(graph, samples: []) }.contains("no calibration sample"))
        #expect(cause { _ = try PostTrainingQuantizer().quantize(graph, samples: [["z": sample.tensor([1])]]) }.contains("without input 'x'"))
        #expect(cause { _ = try PostTrainingQuantizer().quantize(graph, samples: [["x": sample.tensor([1, 4, 11, 7])]]) }.contains("small"))
        var all = PostTrainingQuantizer()
        all.excluded = ["first", "second", "last"]
        #expect(cause { _ = try all.quantize(graph, samples: [["x": sample.tensor([1, 3, 11, 7])]]) }.contains("holds no Conv"))
        var broken = sample.tensor([1, 3, 11, 7]).values(as: Float.self)
        broken[5] = .nan
        #expect(cause { _ = try PostTrainingQuantizer().quantize(graph, samples: [["x": Tensor(shape: [1, 3, 11, 7], values: broken)]]) }.contains("not finite"))
        #expect(CalibrationMethod("percentile:99.9") == .percentile(99.9) && CalibrationMethod("percentile:20") == nil && CalibrationMethod("mse") == .meanSquaredError)
    }
}
