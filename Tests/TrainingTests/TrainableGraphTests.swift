import Foundation
import Inference
import ModelBundle
import NodeTestCases
import Tensors
import Testing
import Training

/// What the executor refuses, and how it says so; and the public reference models.
@Suite struct TrainableGraphTests {
    private static func graph(_ nodes: [Node], initializers: [String: Tensor] = [:]) -> Graph {
        Graph(
            name: "test", opset: 17, nodes: nodes, inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.free("n"), .fixed(4)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, shape: nil)], initializers: initializers)
    }

    @Test func namesWhatItLacks() throws {
        let error = try #require(throws: TrainableGraphError.self) {
            try TrainableGraph(Self.graph([Node(operation: "Einsum", name: "middle", inputs: ["x"], outputs: ["y"])]))
        }
        #expect(error.cause == .unsupportedOperator("Einsum"))
        #expect(error.description == "Einsum node 'middle': the trainer has no operator 'Einsum'")
        let foreign = try #require(throws: TrainableGraphError.self) {
            try TrainableGraph(Self.graph([Node(operation: "Relu", domain: "com.example", inputs: ["x"], outputs: ["y"])]))
        }
        #expect(foreign.description == "Relu node making 'y': the trainer has no operator 'com.example.Relu'")
        #expect(throws: TrainableGraphError.self) { try TrainableGraph(Self.graph([Node(operation: "fwoc.FakeQuantize", inputs: ["x"], outputs: ["y"])])) }
    }

    @Test func libtorchsMessageComesWithTheNode() throws {
        let weight = TestData.noise([5, 3], seed: 1)
        let graph = try TrainableGraph(Self.graph([Node(operation: "MatMul", name: "product", inputs: ["x", "w"], outputs: ["y"])], initializers: ["w": weight]))
        let error = try #require(throws: TrainableGraphError.self) { try graph.run(["x": TorchTensor(TestData.noise([2, 4], seed: 1))]) }
        #expect(error.cause == .torch)
        #expect(error.description.hasPrefix("MatMul node 'product' with inputs float32[2, 4], float32[5, 3]: "), "\(error)")
    }

    @Test func refusesInputsThatDoNotFit() throws {
        let graph = try TrainableGraph(Self.graph([Node(operation: "Relu", inputs: ["x"], outputs: ["y"])]))
        func message(_ inputs: [String: TorchTensor]) throws -> String { try #require(throws: TrainableGraphError.self) { try graph.run(inputs) }.description }
        #expect(try message([:]) == "input 'x' of graph 'test' is not given")
        #expect(try message(["x": TorchTensor(TestData.noise([2, 5], seed: 1))]) == "input 'x' has shape [n, 4], given is [2, 5]")
        #expect(try message(["x": TorchTensor([Int64(1), 2, 3, 4], shape: [1, 4])]) == "input 'x' is float32, given is int64")
        let good = try TorchTensor(TestData.noise([1, 4], seed: 1))
        #expect(try message(["x": good, "z": good]) == "graph 'test' has no input 'z'; it has x")
    }

    /// Attributes of the wrong kind, missing inputs, axes that are not there: errors with the node's name, from every operator, and no crash.
    @Test func survivesNonsense() throws {
        let attributes: [[String: Attribute]] = [
            [:], ["axis": .int(99), "axes": .ints([7, 7]), "perm": .ints([5, 5]), "kernel_shape": .ints([0, -1]), "group": .int(0), "blocksize": .int(0), "num_groups": .int(0)],
            ["axis": .string("x"), "axes": .float(1), "kernel_shape": .int(3), "to": .int(77), "mode": .int(1), "direction": .string("up"), "alpha": .string("a")],
            ["axis": .int(Int.min), "strides": .ints([0]), "pads": .ints([-9, -9]), "k": .int(Int.max), "hidden_size": .int(-1), "size": .int(1 << 60)],
        ]
        var refused = 0
        for operation in TrainableGraph.operators {
            for attributes in attributes {
                for count in 0...4 {
                    let inputs = ["x", "w", "i", "w"].prefix(count)
                    let node = Node(operation: operation, name: "bad", inputs: Array(inputs), outputs: ["y"], attributes: attributes)
                    let weights = ["w": TestData.noise([4, 3], seed: 1), "i": Tensor(shape: [2], values: [Int64(-77), 1 << 50])]
                    do {
                        let graph = try TrainableGraph(Self.graph([node], initializers: weights))
                        _ = try graph.run(["x": TorchTensor(TestData.noise([2, 4], seed: 1))])
                    } catch {
                        #expect(error is TrainableGraphError, "\(operation): \(error)")
                        #expect("\(error)".contains("'bad'"), "\(operation): \(error)")
                        refused += 1
                    }
                }
            }
        }
        #expect(refused > 1000)
    }

    /// A quantized and dequantized value is exactly that of `Inference`, and lets gradients through where nothing is clipped.
    @Test func quantizationIsStraightThrough() throws {
        let graph = Self.graph(
            [
                Node(operation: "QuantizeLinear", inputs: ["x", "scale", "zero"], outputs: ["q"]),
                Node(operation: "DequantizeLinear", inputs: ["q", "scale", "zero"], outputs: ["y"]),
            ], initializers: ["scale": Tensor(scalar: Float(0.013)), "zero": Tensor(scalar: Int8(-7))])
        let torch = try TrainableGraph(graph)
        let tensor = TestData.noise([33, 4], seed: 1, scale: 2.5)
        let x = try TorchTensor(tensor)
        try x.setRequiresGradient(true)
        let y = try torch(x)
        let network = try Network(graph, inputs: ["x": .shape([33, 4])])
        try network.setInput(0, tensor)
        try network.run()
        let got = try y.tensor()
        #expect(got == network.outputTensor(0))
        try y.sum().backward()
        let gradient = try #require(try x.gradient()).doubles()
        let expected = tensor.doubles.map { $0 > 0.013 * (-128 + 7) && $0 < 0.013 * (127 + 7) ? 1.0 : 0 }
        #expect(gradient == expected)
        #expect(Set(gradient) == [0, 1])
    }

    static let models: [(file: String, inputs: [String: [Int]])] = [
        ("face_mbf_512.onnx", ["input.1": [2, 3, 112, 112]]), ("face_mesh_468.onnx", ["input_1": [1, 3, 192, 192]]),
        ("lr_asd_ava.onnx", ["mfcc": [1, 40, 13], "faces": [1, 10, 112, 112]]), ("mobilefacenet_128.onnx", ["input0": [1, 3, 112, 112]]),
        ("silero_vad_16k_op15.onnx", ["input": [1, 576], "state": [2, 1, 128]]), ("speaker_tdnn_512.onnx", ["input": [2, 75, 80]]),
        ("ulfg_rfb_320.onnx", ["input": [1, 3, 240, 320]]), ("yunet_n_320_320.onnx", ["input": [1, 3, 320, 320]]),
        ("yunet_n_dynamic.onnx", ["input": [1, 3, 160, 192]]),
    ]

    /// Every public reference model on libtorch equals it in `Inference`, its weights are found, and gradients reach all of them.
    @Test(.enabled(if: TestData.referenceModels != nil, "the public reference models are not here; set FWOC_REFERENCE_MODELS"), arguments: models.map(\.file))
    func referenceModelsRunOnLibtorch(file: String) throws {
        let folder = try #require(TestData.referenceModels)
        let shapes = try #require(Self.models.first { $0.file == file }).inputs
        let source = try Graph(onnxFile: folder.appendingPathComponent(file))
        // Written and read again it is the same graph.
        #expect(try Graph(onnx: source.onnx()) == source)
        let graph = try TrainableGraph(source)
        var given: [String: Tensor] = [:]
        for (position, name) in shapes.keys.sorted().enumerated() { given[name] = TestData.noise(shapes[name] ?? [], seed: UInt64(position + 1)) }
        if file.hasPrefix("silero") { given["sr"] = Tensor(scalar: Int64(16000)) }
        let network = try Network(source, inputs: given.mapValues { $0.elementType == .float32 ? .shape($0.shape) : .constant($0) })
        for (index, port) in network.inputs.enumerated() { try network.setInput(index, try #require(given[port.name])) }
        try network.run()
        let outputs = try graph.run(given.mapValues { try TorchTensor($0) })
        var worst = 0.0
        for (index, port) in network.outputs.enumerated() {
            let error = relativeError(try #require(outputs[port.name]).doubles(), network.outputTensor(index).doubles)
            #expect(error < 1e-4, "\(file), '\(port.name)': \(error)")
            worst = max(worst, error)
        }
        var loss = try TorchTensor.zeros([])
        for output in outputs.values where output.isFloat { loss = try loss + output.square().sum() }
        try loss.backward()
        let reached = try graph.parameters.filter { try $0.tensor.gradient() != nil }.count
        TestData.say("\(file): largest relative difference \(worst), \(graph.parameters.count) weights, gradients of \(reached)")
        // Silero keeps its weights in a nested graph.
        if !file.hasPrefix("silero") { #expect(graph.parameters.count > 10 && reached == graph.parameters.count) }
        // What is exported is what was imported.
        let exported = try graph.exported()
        #expect(exported.parameterCount >= source.parameterCount)
    }
}
