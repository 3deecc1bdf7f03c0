import Foundation
import Inference
import ModelBundle
import Tensors
import Testing

/// A stream gives what the whole clip gives.
@Suite struct StreamingTests {
    /// Two branches over time at different rates and with different delays, a residual, a pool over time, 2-D and 3-D.
    private static func graph() -> Graph {
        var builder = GraphBuilder()
        builder.graph.inputs = [
            ValueInfo(name: "frames", elementType: .float32, shape: [.fixed(1), .free("t"), .fixed(6), .fixed(5)]),
            ValueInfo(name: "sound", elementType: .float32, shape: [.fixed(1), .free("t2"), .fixed(7)]),
        ]
        func conv(_ x: String, _ weights: [Int], _ pads: [Int], strides: [Int]? = nil, seed: Int) -> String {
            var attributes: [String: Attribute] = ["pads": .ints(pads)]
            if let strides { attributes["strides"] = .ints(strides) }
            return builder.node("Conv", [x, builder.weight(noise(weights, seed: seed, scale: 0.4)), builder.weight(noise([weights[0]], seed: seed + 40))], attributes)
        }
        // Pictures: [1, t, 6, 5] → [1, 1, t, 6, 5].
        var video = builder.node("Unsqueeze", ["frames", builder.ints([1])])
        video = builder.node("Relu", [conv(video, [6, 1, 1, 3, 3], [0, 1, 1, 0, 1, 1], seed: 1)])
        let short = video
        video = builder.node("Relu", [conv(video, [6, 6, 5, 1, 1], [2, 0, 0, 2, 0, 0], seed: 2)])
        video = builder.node("Add", [conv(video, [6, 6, 3, 3, 3], [1, 1, 1, 1, 1, 1], seed: 3), short])
        video = builder.node("Relu", [video])
        video = builder.node("ReduceMean", [video], ["axes": .ints([3, 4]), "keepdims": .int(0)])
        // Sound, two frames for each picture: [1, 2t, 7] → [1, 1, 7, 2t].
        var sound = builder.node("Transpose", [builder.node("Unsqueeze", ["sound", builder.ints([1])])], ["perm": .ints([0, 1, 3, 2])])
        sound = builder.node("Relu", [conv(sound, [5, 1, 3, 5], [1, 2, 1, 2], seed: 4)])
        sound = builder.node("MaxPool", [sound], ["kernel_shape": .ints([1, 3]), "strides": .ints([1, 2]), "pads": .ints([0, 1, 0, 1])])
        sound = conv(sound, [4, 5, 3, 3], [1, 1, 1, 1], seed: 5)
        sound = builder.node("ReduceMean", [sound], ["axes": .ints([2]), "keepdims": .int(0)])
        builder.output(builder.node("Concat", [video, sound], ["axis": .int(1)], name: "both"))
        builder.output(builder.node("Sigmoid", [sound], name: "heard"))
        return builder.graph
    }

    private static let inputs = ["frames": TimeInput(shape: [1, 1, 6, 5], axis: 1), "sound": TimeInput(shape: [1, 2, 7], axis: 1)]

    /// Layers in eight bits, with frames kept between them: a sound network of the bundle, and its speech detector, which looks back further than forward.
    @Test(arguments: [("sync-audio", "embedding", 4, 128), ("voice-activity", "probability", 2, 1)], [1, 3])
    func aStreamInEightBitsEqualsTheClip(_ network: (name: String, output: String, frames: Int, dimension: Int), _ chunk: Int) throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let graph = try Graph(onnxFile: package.appendingPathComponent("models/edge/\(network.name).onnx"))
        try Self.expectSame(graph, output: network.output, frames: network.frames, filters: 80, dimension: network.dimension, chunk: chunk)
    }

    /// Frames are kept before they are rounded, and rounded before they are rearranged: both at one place.
    @Test(arguments: [1, 3]) func framesThatAreRearrangedAndRoundedAreKept(_ chunk: Int) throws {
        var builder = GraphBuilder()
        builder.graph.inputs = [ValueInfo(name: "frames", elementType: .float32, shape: [.fixed(1), .free("t"), .fixed(6)])]
        let parameters = [builder.weight(Tensor(scalar: Float(0.0311))), builder.weight(Tensor(scalar: UInt8(117)))]
        let rearranged = builder.node("Transpose", ["frames"], ["perm": .ints([0, 2, 1])])
        let steps = builder.node("DequantizeLinear", [builder.node("QuantizeLinear", [rearranged] + parameters)] + parameters)
        let weights = builder.node(
            "DequantizeLinear",
            [
                builder.weight(Tensor(shape: [5, 6, 3], values: noise(90, seed: 2).map { Int8($0 * 127) })), builder.weight(Tensor(scalar: Float(0.01))),
                builder.weight(Tensor(scalar: Int8(0))),
            ])
        let layer = builder.node("Conv", [steps, weights], ["pads": .ints([1, 1])])
        builder.output(builder.node("Transpose", [layer], ["perm": .ints([0, 2, 1])], name: "both"))
        try Self.expectSame(builder.graph, output: "both", frames: 1, filters: 6, dimension: 5, chunk: chunk)
    }

    private static func expectSame(_ graph: Graph, output: String, frames: Int, filters: Int, dimension: Int, chunk: Int) throws {
        let length = 20, unit = frames * filters
        let sound = noise(length * unit, seed: 4, scale: 3)
        let whole = try Network(graph, inputs: ["frames": .shape([1, length * frames, filters])])
        try whole.setInput(0, Tensor(shape: [1, length * frames, filters], values: sound))
        try whole.run()
        let expected = whole.outputTensor(0).values(as: Float.self)
        let stream = try StreamingNetwork(graph, inputs: ["frames": TimeInput(shape: [1, frames, filters], axis: 1)], outputs: [output], chunk: chunk)
        let kinds = Set(stream.profile.steps.map(\.operation))
        #expect(kinds.contains("fwoc.QuantizedConv") && kinds.isDisjoint(with: ["fwoc.Conv", "Conv"]), "\(kinds)")
        let state = stream.makeState()
        var fed = 0, seen = 0
        while !stream.isDrained(state) {
            let units = min(chunk, length - fed)
            stream.withInput(0, as: Float.self) { x in
                for index in x.indices { x[index] = index < units * unit ? sound[fed * unit + index] : 1e3 }
            }
            fed += units
            let step = try stream.run(state, units: units)
            let got = stream.outputTensor(0).values(as: Float.self)
            for t in step.range {
                for place in 0..<dimension {
                    let own = got[(t - step.range.lowerBound + step.offset) * dimension + place]
                    #expect(abs(own - expected[t * dimension + place]) < 1e-6, "frame \(t)")
                }
            }
            seen += step.range.count
        }
        #expect(seen == length)
    }

    /// Columns of a `[1, channels, t]` output by frame.
    private static func columns(_ values: [Float], channels: Int, count: Int) -> [[Float]] {
        (0..<count).map { t in (0..<channels).map { values[$0 * count + t] } }
    }

    @Test(arguments: [1, 2, 3, 7], [1, 4, 11, 20]) func aStreamEqualsTheClip(_ chunk: Int, _ length: Int) throws {
        let graph = Self.graph()
        let frames = noise(length * 30, seed: 11), sound = noise(length * 14, seed: 12)
        let whole = try Network(graph, inputs: ["frames": .shape([1, length, 6, 5]), "sound": .shape([1, 2 * length, 7])])
        try whole.setInput(0, Tensor(shape: [1, length, 6, 5], values: frames))
        try whole.setInput(1, Tensor(shape: [1, 2 * length, 7], values: sound))
        try whole.run()
        let expected = [
            Self.columns(whole.outputTensor(0).values(as: Float.self), channels: 10, count: length),
            Self.columns(whole.outputTensor(1).values(as: Float.self), channels: 4, count: length),
        ]
        for instructionSet in InstructionSet.available {
            var options = NetworkOptions()
            options.instructionSet = instructionSet
            let network = try StreamingNetwork(graph, inputs: Self.inputs, outputs: ["both", "heard"], chunk: chunk, options: options)
            // Pictures: 2 + 1 frames. Sound: 2 of 2t, the pool's one more, then 1 of t: ⌈(2 + 3 − 1 − 1 − 1) / 2⌉ + 1 = 2.
            #expect(network.delay == 3)
            #expect(network.outputAxes == [2, 2])
            let state = network.makeState()
            for round in 0..<2 {
                if round > 0 { state.reset() }
                var fed = 0, seen = 0
                while !network.isDrained(state) {
                    let units = min(chunk, length - fed)
                    // What lies behind the end of the stream must not matter.
                    network.withInput(0, as: Float.self) { x in
                        for index in x.indices { x[index] = index < units * 30 ? frames[fed * 30 + index] : 1e3 }
                    }
                    network.withInput(1, as: Float.self) { x in
                        for index in x.indices { x[index] = index < units * 14 ? sound[fed * 14 + index] : -1e3 }
                    }
                    fed += units
                    let step = try network.run(state, units: units)
                    #expect(step.range.lowerBound == seen)
                    for (output, channels) in [(0, 10), (1, 4)] {
                        let got = Self.columns(network.outputTensor(output).values(as: Float.self), channels: channels, count: chunk)
                        for t in step.range {
                            let column = got[t - step.range.lowerBound + step.offset]
                            for (a, b) in zip(column, expected[output][t]) { #expect(abs(a - b) < 1e-5, "\(instructionSet) output \(output) frame \(t)") }
                        }
                    }
                    seen += step.range.count
                }
                #expect(seen == length)
            }
        }
    }

    @Test func streamsDoNotDisturbEachOther() throws {
        let network = try StreamingNetwork(Self.graph(), inputs: Self.inputs, outputs: ["both"], chunk: 1)
        func feed(_ state: StreamState, seed: Int) throws -> Tensor {
            network.withInput(0, as: Float.self) { x in for (index, value) in noise(30, seed: seed).enumerated() { x[index] = value } }
            network.withInput(1, as: Float.self) { x in for (index, value) in noise(14, seed: seed + 1).enumerated() { x[index] = value } }
            _ = try network.run(state)
            return network.outputTensor(0)
        }
        let alone = network.makeState()
        let expected = try (0..<9).map { try feed(alone, seed: 100 + 2 * $0) }
        let first = network.makeState(), second = network.makeState()
        for step in 0..<9 {
            let got = try feed(first, seed: 100 + 2 * step)
            #expect(got == expected[step])
            _ = try feed(second, seed: 300 + 5 * step)
        }
    }

    @Test func layersThatNeedTheWholeClipAreRefusedByName() {
        var builder = GraphBuilder()
        builder.graph.inputs = [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .fixed(4), .free("t")])]
        builder.output(builder.node("ReduceMean", ["x"], ["axes": .ints([2])], name: "mean"))
        do {
            _ = try StreamingNetwork(builder.graph, inputs: ["x": TimeInput(shape: [1, 4, 1], axis: 2)], outputs: ["mean"], chunk: 1)
            Issue.record("a mean over time was accepted")
        } catch {
            #expect(error.cause == .unsupported && error.description.contains("mean"))
        }
    }
}
