import Foundation
import Inference
import ModelBundle
import Quantization
import Tensors
import Testing
import Training

/// A network that eight bits hurt: channels of its activations differ by a factor of hundreds, and one scale serves all of them.
private struct Hurt {
    var state: UInt64 = 11

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

    mutating func sample() -> [String: Tensor] { ["x": tensor([1, 3, 9, 7])] }
    mutating func samples(_ count: Int) -> [[String: Tensor]] { (0..<count).map { _ in sample() } }

    /// Conv, batch norm, Relu; depthwise Conv, PRelu; Add with a shortcut; pooling; Gemm. Odd sizes.
    mutating func network(opset: Int = 13) -> Graph {
        let sizes: [Float] = [1, 0.02, 0.3, 0.008, 1.5, 0.05, 0.01, 0.7, 0.004]
        let first = tensor([9, 3, 3, 3], scale: 0.3), depthwise = tensor([9, 1, 3, 3], scale: 0.5)
        var values: [String: Tensor] = [
            "w1": first, "s": Tensor(shape: [9], values: sizes), "o": Tensor(shape: [9], values: sizes.map { $0 * 0.3 }), "m": tensor([9], scale: 0.1),
            "v": Tensor(shape: [9], values: (0..<9).map { 0.5 + Float($0) / 9 }),
            // What made the channels small is undone here: all of them count.
            "w2": Tensor(shape: [9, 1, 3, 3], values: depthwise.values(as: Float.self).enumerated().map { $1 / sizes[$0 / 9] }), "b2": tensor([9], scale: 0.1),
            "slope": Tensor(shape: [9, 1, 1], values: (0..<9).map { Float($0) / 30 }), "w3": tensor([7, 9, 1, 1], scale: 0.3), "b3": tensor([7], scale: 0.1),
            "w4": tensor([5, 7], scale: 0.3), "b4": tensor([5], scale: 0.1),
        ]
        values["axes"] = Tensor(shape: [2], values: [Int64(-1), 7])
        let pads = Attribute.ints([1, 1, 1, 1])
        return Graph(
            name: "hurt", opset: opset,
            nodes: [
                Node(operation: "Conv", name: "first", inputs: ["x", "w1"], outputs: ["c1"], attributes: ["pads": pads]),
                Node(operation: "BatchNormalization", name: "norm", inputs: ["c1", "s", "o", "m", "v"], outputs: ["n1"]),
                Node(operation: "Relu", inputs: ["n1"], outputs: ["r1"]),
                Node(operation: "Conv", name: "depthwise", inputs: ["r1", "w2", "b2"], outputs: ["c2"], attributes: ["pads": pads, "group": .int(9)]),
                Node(operation: "PRelu", inputs: ["c2", "slope"], outputs: ["p2"]),
                Node(operation: "Add", name: "shortcut", inputs: ["p2", "r1"], outputs: ["a"]),
                Node(operation: "Conv", name: "mix", inputs: ["a", "w3", "b3"], outputs: ["c3"]),
                Node(operation: "GlobalAveragePool", inputs: ["c3"], outputs: ["g"]),
                Node(operation: "Reshape", inputs: ["g", "axes"], outputs: ["f"]),
                Node(operation: "Gemm", name: "last", inputs: ["f", "w4", "b4"], outputs: ["y"], attributes: ["transB": .int(1)]),
            ],
            inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.free("batch"), .fixed(3), .fixed(9), .fixed(7)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, shape: [.free("batch"), .fixed(5)])], initializers: values)
    }
}

private func run(_ graph: Graph, _ sample: [String: Tensor]) throws -> [Float] {
    let network = try Network(graph, inputs: sample.mapValues { .shape($0.shape) })
    for index in network.inputs.indices { try network.setInput(index, sample[network.inputs[index].name]!) }
    try network.run()
    return network.outputTensor(0).values()
}

private func said(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "nothing"
    } catch { return "\(error)" }
}

@Suite struct QuantizationAwareTunerTests {
    /// Calibrated on 40 samples; 20 probes.
    private struct Case {
        var network: CalibratedNetwork
        var samples: [[String: Tensor]]
        var probes: [[String: Tensor]]

        init(_ graph: Graph? = nil, excluded: Set<String> = []) throws {
            var hurt = Hurt()
            let made = hurt.network()
            samples = hurt.samples(40)
            probes = hurt.samples(20)
            var quantizer = PostTrainingQuantizer()
            quantizer.excluded = excluded
            network = try quantizer.calibrate(graph ?? made, samples: samples)
        }

        func tuned(_ layers: LayerChoice, steps: Int = 120, rate: Double = 0.05, seed: UInt64 = 1) throws -> (graph: Graph, report: QuantizationReport) {
            var tuner = QuantizationAwareTuner()
            (tuner.layers, tuner.steps, tuner.rate, tuner.seed, tuner.batch) = (layers, steps, rate, seed, 10)
            return try tuner.tune(network, samples: samples, probes: probes)
        }
    }

    @Test func `Fine-tuning brings back what rounding took, measured by Inference on other samples`() throws {
        let hurt = try Case()
        let plain = try hurt.network.measured(on: hurt.probes)
        let (graph, report) = try hurt.tuned(.all)
        let tuning = try #require(report.tunings?.first)
        #expect(tuning.isKept && tuning.layers == ["first", "depthwise", "mix", "last"] && tuning.samples == 30 && tuning.seed == 1)
        #expect(tuning.before == plain.report.outputs && tuning.after == report.outputs)
        #expect(tuning.layersBefore == Dictionary(uniqueKeysWithValues: plain.report.layers.map { ($0.value, $0.signalToNoise) }))
        let before = plain.report.outputs[0], after = report.outputs[0]
        #expect(after.signalToNoise > before.signalToNoise + 3, "\(report.text)")
        #expect(1 - after.meanCosine < 0.6 * (1 - before.meanCosine), "\(report.text)")
        // What the report says is what the graph does, against the float network that went in.
        var signal = 0.0, noise = 0.0
        for probe in hurt.probes {
            for (a, b) in zip(try run(hurt.network.reference, probe), try run(graph, probe)) {
                signal += Double(a * a)
                noise += Double((a - b) * (a - b))
            }
        }
        #expect(abs(10 * log10(signal / noise) - after.signalToNoise) < 0.1)
        // Ordinary eight bits: the same nodes as without fine-tuning, and no float weight.
        #expect(graph.nodes == plain.graph.nodes)
        #expect(Set(graph.initializers.keys) == Set(plain.graph.initializers.keys))
        #expect(graph.initializers["w3 quantized"]?.elementType == .int8 && graph.initializers["w3"] == nil)
        #expect(report.quantizedBytes == plain.report.quantizedBytes)
        #expect(report.text.contains("fine-tuned: first, depthwise, mix, last (120 steps, 30 samples, seed 1); better, and kept"))
        #expect(try JSONDecoder().decode(QuantizationReport.self, from: JSONEncoder().encode(report)) == report)
    }

    @Test func `Only the listed layers change`() throws {
        let hurt = try Case()
        let plain = hurt.network.quantized
        let (graph, report) = try hurt.tuned(.named(["mix"]), steps: 60)
        try #require(report.tunings?.first?.isKept == true, "\(report.text)")
        let changed = Set(plain.initializers.keys.filter { plain.initializers[$0] != graph.initializers[$0] })
        #expect(changed.contains("w3 quantized") && changed.isSubset(of: ["w3 quantized", "w3 scale", "c3 bias quantized", "c3 bias scale"]), "\(changed.sorted())")
    }

    @Test func `The layers with the least signal to noise are chosen by number`() throws {
        let hurt = try Case()
        let watched = try hurt.network.measured(on: Array(hurt.samples.suffix(10))).report
        let worst = watched.layers.sorted { $0.signalToNoise < $1.signalToNoise }.prefix(2).map(\.node)
        let report = try hurt.tuned(.worst(2), steps: 1).report
        #expect(Set(report.tunings?.first?.layers ?? []) == Set(worst))
    }

    @Test func `Weights shared with a layer that does not learn become the learner's own`() throws {
        var hurt = Hurt()
        let shared = hurt.tensor([3, 3, 3, 3], scale: 0.3), bias = hurt.tensor([3], scale: 0.1)
        let pads = Attribute.ints([1, 1, 1, 1])
        let graph = Graph(
            name: "twins", opset: 13,
            nodes: [
                Node(operation: "Conv", name: "one", inputs: ["x", "w", "b"], outputs: ["c1"], attributes: ["pads": pads]),
                Node(operation: "Relu", inputs: ["c1"], outputs: ["r1"]),
                Node(operation: "Conv", name: "two", inputs: ["r1", "w", "b"], outputs: ["y"], attributes: ["pads": pads]),
            ],
            inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .fixed(3), .fixed(9), .fixed(7)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, shape: nil)], initializers: ["w": shared, "b": bias])
        let twins = try Case(graph)
        let plain = twins.network.quantized
        let learning = try twins.network.learning(["two"])
        #expect(learning.layers == ["two"] && learning.weights == ["y own w steps", "y own b steps"])
        // Twice as large, whatever was learnt.
        var state: [String: Tensor] = [:]
        for name in learning.weights {
            let old = try #require(learning.graph.initializers[name])
            state[name] = Tensor(shape: old.shape, values: old.values(as: Float.self).map { $0 * 2 })
        }
        let after = try learning.learned(state).quantized
        #expect(after.initializers["w quantized"] == plain.initializers["w quantized"] && after.initializers["w scale"] == plain.initializers["w scale"])
        #expect(after.initializers["c1 bias quantized"] == plain.initializers["c1 bias quantized"])
        let scales = try #require(plain.initializers["w scale"]).values(as: Float.self), doubled = try #require(after.initializers["y own w scale"]).values(as: Float.self)
        for (a, b) in zip(scales, doubled) { #expect(abs(b - 2 * a) < 1e-5 * a) }
        // Both learn: they stay one.
        #expect(try twins.network.learning(["one", "two"]).weights == ["w steps", "b steps"])
    }

    /// Axes of reductions became inputs with operator set 18.
    @Test(arguments: [13, 18])
    func `What learns runs as what is written in the end`(opset: Int) throws {
        var hurt = Hurt()
        let graph = hurt.network(opset: opset)
        let samples = hurt.samples(8), probe = hurt.sample()
        let network = try PostTrainingQuantizer().calibrate(graph, samples: samples)
        let learning = try network.learning(Set(network.layerNames))
        let trainable = try TrainableGraph(learning.graph)
        let end = try run(network.quantized, probe)
        let simulated = try TorchRuntime.withoutGradients { try trainable.run(["x": TorchTensor(probe["x"]!)])["y"]!.tensor().values(as: Float.self) }
        let size = end.map(abs).max() ?? 0, exact = try run(network.reference, probe)
        let rounding = zip(end, exact).map { abs($0 - $1) }.max() ?? 0
        // An activation at the edge of two steps may fall on either side: a small part of what rounding does at all.
        for (a, b) in zip(end, simulated) { #expect(abs(a - b) < max(0.02 * size, 0.2 * rounding), "\(a) \(b)") }
        #expect(rounding > 0 && simulated != exact)
    }

    @Test func `The same seed gives the same weights, another gives others`() throws {
        let hurt = try Case()
        let one = try hurt.tuned(.all, steps: 30), same = try hurt.tuned(.all, steps: 30), other = try hurt.tuned(.all, steps: 30, seed: 2)
        #expect(one.graph == same.graph && one.report == same.report)
        #expect(one.graph.initializers != other.graph.initializers)
        try #require(one.report.tunings?.first?.isKept == true, "\(one.report.text)")
    }

    @Test func `A network that takes one sample at a time is fine-tuned all the same`() throws {
        var hurt = Hurt()
        var graph = hurt.network()
        // Reshaped to one row whatever comes in.
        graph.initializers["axes"] = Tensor(shape: [2], values: [Int64(1), 7])
        graph.inputs[0] = ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .fixed(3), .fixed(9), .fixed(7)])
        graph.outputs[0] = ValueInfo(name: "y", elementType: .float32, shape: [.fixed(1), .fixed(5)])
        let report = try Case(graph).tuned(.all, steps: 40).report
        let tuning = try #require(report.tunings?.first)
        #expect(tuning.isKept && tuning.after[0].signalToNoise > tuning.before[0].signalToNoise, "\(report.text)")
    }

    @Test func `What comes out worse is thrown away, and the report says so`() throws {
        let hurt = try Case()
        let plain = try hurt.network.measured(on: hurt.probes)
        // A quarter of the range in each step.
        let (graph, report) = try hurt.tuned(.all, steps: 4, rate: 60)
        #expect(graph == plain.graph && report.outputs == plain.report.outputs && report.layers == plain.report.layers)
        #expect(report.tunings?.first?.isKept == false)
        #expect(report.text.contains("not better: what went in is kept"))
        // Better on what it was chosen by, worse on the probes: samples of another kind than the probes.
        var strange = hurt
        strange.samples = hurt.samples.map { $0.mapValues { Tensor(shape: $0.shape, values: $0.values(as: Float.self).map { $0 < 0 ? -8 : -9 }) } }
        let misled = try strange.tuned(.all, steps: 60, rate: 1)
        let tuning = try #require(misled.report.tunings?.first)
        #expect(!tuning.isKept && tuning.after[0].signalToNoise < tuning.before[0].signalToNoise, "\(misled.report.text)")
        #expect(misled.graph == plain.graph && misled.report.outputs == plain.report.outputs)
    }

    @Test func `What cannot be fine-tuned says why`() throws {
        let hurt = try Case(excluded: ["last"])
        #expect(said { _ = try hurt.tuned(.named(["mix", "mixx"])) } == "'hurt' has no quantized layer 'mixx'; it has first, depthwise, mix")
        #expect(said { _ = try hurt.tuned(.named(["last"])) }.contains("'last' of 'hurt' stays float: excluded"))
        var none = hurt
        none.samples = []
        #expect(said { _ = try none.tuned(.all) }.contains("0 samples to fine-tune 'hurt' with"))
        none = hurt
        none.probes = []
        #expect(said { _ = try none.tuned(.all) }.contains("no probe"))
        var other = hurt
        other.samples[3] = ["z": Tensor(scalar: Float(1))]
        #expect(said { _ = try other.tuned(.all) }.contains("a sample without input 'x'"))
        // The loss of whichever step meets it is no number; the message lists that step's samples.
        var broken = hurt
        var values = broken.samples[4]["x"]!.values(as: Float.self)
        values[17] = .nan
        broken.samples[4]["x"] = Tensor(shape: [1, 3, 9, 7], values: values)
        #expect(throws: FitError.self) { try broken.tuned(.all) }
        let message = said { _ = try broken.tuned(.all) }
        #expect(message.contains("fine-tuning 'hurt': the loss of step") && message.contains("nan, of samples") && (message.contains(" 5,") || message.contains(" 5 of")), "\(message)")
    }

    @Test func `Layers are named in three ways`() {
        #expect(LayerChoice("all") == .all && LayerChoice("worst:3") == .worst(3) && LayerChoice("a/b,c") == .named(["a/b", "c"]))
        for text in ["", "worst:", "worst:0", "worst:x", "a,,b", ","] { #expect(LayerChoice(text) == nil, "\(text)") }
        for choice in [LayerChoice.all, .worst(2), .named(["a", "b"])] { #expect(LayerChoice(choice.description) == choice) }
    }

    /// Made by Fixtures/tuned.py of the file that this test writes into FWOC_FIXTURES, where that is set.
    @Test func `onnxruntime says the same of a fine-tuned network`() throws {
        let hurt = try Case()
        let (graph, _) = try hurt.tuned(.all)
        if let folder = ProcessInfo.processInfo.environment["FWOC_FIXTURES"] { try graph.write(onnxFile: URL(fileURLWithPath: folder + "/tuned.onnx")) }
        func fixture(_ name: String) throws -> URL { try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil)) }
        let kept = try Graph(onnxFile: fixture("tuned.onnx"))
        // The same kind of file as is written today; weights may differ between processors.
        #expect(kept.nodes.map(\.operation) == graph.nodes.map(\.operation) && kept.initializers.mapValues(\.shape) == graph.initializers.mapValues(\.shape))
        let inputs = try Tensor(npyFile: fixture("tuned-inputs.npy")), outputs = try Tensor(npyFile: fixture("tuned-outputs.npy")).values(as: Float.self)
        #expect(inputs.shape == [16, 3, 9, 7] && outputs.count == 80)
        let own = try run(kept, ["x": inputs])
        // One step of the last layer's input moves an output by less than 255th part of the outputs' range, times its weights.
        let range = (outputs.max() ?? 0) - (outputs.min() ?? 0)
        let difference = zip(own, outputs).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference < 0.02 * range, "\(difference) of \(range)")
    }
}
