import Foundation
import Inference
import ModelBundle
import NodeTestCases
import Tensors
import Testing
import Training

/// Whole networks, built, trained a little, written and read back.
@Suite struct NetworkTests {
    /// Depthwise and pointwise convolutions with residuals and batch normalisation, as MobileFaceNet has them, small and odd.
    static func face(seed: UInt64 = 3) throws -> Graph {
        var net = GraphBuilder(name: "small face", seed: seed)
        var x = net.input("picture", [.free("batch"), .fixed(3), .fixed(29), .fixed(27)])
        x = net.scope("stem") { $0.prelu($0.batchNormalization($0.convolution(x, 8, kernel: 3, stride: 2, bias: false))) }
        for block in 1...2 {
            let before = x
            x = net.scope("block\(block)") { net in
                var y = net.prelu(net.batchNormalization(net.convolution(before, 16, kernel: 1, bias: false)))
                y = net.prelu(net.batchNormalization(net.convolution(y, 16, kernel: 3, groups: 16, bias: false)))
                y = net.batchNormalization(net.convolution(y, 8, kernel: 1, bias: false))
                return net.add(before, y)
            }
        }
        x = net.scope("head") { net in
            let y = net.batchNormalization(net.convolution(x, 8, kernel: [15, 14], padding: .none, groups: 8, bias: false))
            return net.linear(net.flatten(y), 5)
        }
        return try net.graph(outputs: ["embedding": net.normalized(x)])
    }

    /// One-dimensional convolutions with dilation and statistics pooling, then recurrent layers over what they made.
    static func voice() throws -> Graph {
        var net = GraphBuilder(name: "small voice", seed: 5)
        let x = net.input("features", [.free("batch"), .free("time"), .fixed(12)])
        var y = net.transpose(x, [0, 2, 1])
        y = net.relu(net.batchNormalization(net.convolution(y, 9, kernel: 5)))
        y = net.relu(net.convolution(y, 9, kernel: 3, dilation: 2))
        let pooled = net.linear(net.statisticsPooling(y), 4)
        let sequence = net.gru(net.lstm(net.transpose(y, [0, 2, 1]), hidden: 6, isBidirectional: true), hidden: 5)
        let summary = net.reduceMean(net.linear(net.layerNormalization(sequence), 4), [1])
        return try net.graph(outputs: ["voice": net.add(pooled, summary), "sequence": sequence])
    }

    private static func inference(_ graph: Graph, _ input: Tensor) throws -> [String: Tensor] {
        let network = try Network(graph, inputs: [graph.inputs[0].name: .shape(input.shape)])
        try network.setInput(0, input)
        try network.run()
        return Dictionary(uniqueKeysWithValues: network.outputs.enumerated().map { ($1.name, network.outputTensor($0)) })
    }

    static let networks: [(name: String, shape: [Int])] = [("face", [3, 3, 29, 27]), ("voice", [2, 17, 12])]
    static func graph(_ name: String) throws -> Graph { try name == "face" ? face() : voice() }

    /// Trains with batch statistics, writes the graph, and what `Inference` makes of the file is what libtorch makes of the weights.
    @Test(arguments: networks.map(\.name), [true, false])
    func trainedWeightsSurviveTheFile(name: String, isChannelsLast: Bool) throws {
        let shape = try #require(Self.networks.first { $0.name == name }).shape
        var options = TrainableGraph.Options()
        options.usesChannelsLast = isChannelsLast
        let graph = try TrainableGraph(Self.graph(name), options: options)
        let before = try graph.state()
        let optimizer = try Adam(graph.parameters.map(\.tensor), learningRate: 3e-3)
        let output = graph.outputs[0].name
        let target = try TorchTensor(TestData.noise([shape[0], name == "face" ? 5 : 4], seed: 8))
        graph.isTraining = true
        var losses: [Double] = []
        for _ in 0..<20 {
            try graph.removeGradients()
            let y = try #require(try graph.run([graph.inputs[0].name: TorchTensor(TestData.noise(shape, seed: 2))])[output])
            let loss = try (y - target).square().mean()
            losses.append(try loss.item())
            try loss.backward()
            try optimizer.step()
        }
        #expect(try #require(losses.last) < 0.8 * losses[0])
        graph.isTraining = false
        let after = try graph.state()
        #expect(before.keys.sorted() == after.keys.sorted())
        // Running statistics have moved as well.
        for parameter in graph.statistics { #expect(before[parameter.name] != after[parameter.name], "\(parameter.name)") }

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("training-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("model.onnx")
        let exported = try graph.exported()
        try exported.write(onnxFile: file)
        let read = try Graph(onnxFile: file)
        #expect(read == exported)
        let input = TestData.noise(shape, seed: 21)
        let expected = try Self.inference(read, input)
        let outputs = try TorchRuntime.withoutGradients { try graph.run([graph.inputs[0].name: TorchTensor(input)]) }
        for info in graph.outputs {
            let error = relativeError(try #require(outputs[info.name]).doubles(), try #require(expected[info.name]).doubles)
            #expect(error < 2e-5, "\(name), '\(info.name)': \(error)")
        }
    }

    @Test(arguments: networks.map(\.name), [true, false])
    func gradientsOfNetworksAreFiniteDifferences(name: String, isTraining: Bool) throws {
        let shape = try #require(Self.networks.first { $0.name == name }).shape
        var options = TrainableGraph.Options()
        options.floatType = .float64
        let graph = try TrainableGraph(Self.graph(name), options: options)
        graph.isTraining = isTraining
        let input = graph.inputs[0].name
        let findings = try GradientCheck(graph: graph, step: 1e-6, directions: 1).findings([input: TestData.noise(shape, seed: 4)], varied: [input])
        #expect(findings.count == graph.parameters.count + 1)
        for finding in findings {
            #expect(finding.error < 1e-4, "\(name): along '\(finding.name)' the gradient gives \(finding.analytic), finite differences \(finding.numeric)")
        }
        #expect(findings.filter { $0.analytic != 0 }.count > findings.count / 2)
    }

    /// Values and gradients in bfloat16, of 8 bits, beside those in float32; weights, gradients, statistics and outputs stay float32. Where the processor does not
    /// multiply in it, they are the same.
    @Test(arguments: networks.map(\.name)) func mixedPrecisionIsNearSingle(name: String) throws {
        // Enough samples for batch normalisation over them not to enlarge what bfloat16 rounds.
        let shape = [64] + (try #require(Self.networks.first { $0.name == name })).shape.dropFirst()
        func step(_ precision: Precision) throws -> (output: [Double], gradients: [String: [Double]], statistics: [String: [Double]], inner: TorchTensor) {
            let graph = try TrainableGraph(Self.graph(name))
            graph.isTraining = true
            graph.precision = precision
            let inner = try #require(graph.exported().nodes.first { $0.operation == "Conv" }?.outputs.first), output = graph.outputs[0].name
            let made = try graph.run([graph.inputs[0].name: TorchTensor(TestData.noise(shape, seed: 2))], outputs: [output, inner])
            let y = try #require(made[output])
            try (y * TorchTensor(TestData.noise(y.shape, seed: 9))).sum().backward()
            var gradients: [String: [Double]] = [:], statistics: [String: [Double]] = [:]
            for parameter in graph.parameters {
                let gradient = try parameter.tensor.gradient()
                #expect(gradient?.elementType ?? .float32 == .float32 && parameter.tensor.elementType == .float32)
                gradients[parameter.name] = try gradient?.tensor().doubles
            }
            for parameter in graph.statistics { statistics[parameter.name] = try parameter.tensor.tensor().doubles }
            return (try y.tensor().doubles, gradients, statistics, try #require(made[inner]))
        }
        let single = try step(.single), mixed = try step(.mixed)
        #expect(mixed.gradients.keys.sorted() == single.gradients.keys.sorted() && mixed.inner.elementType == .float32)
        guard TrainableGraph.hasBFloat16(.cpu) else {
            print("SKIPPED: this processor does not multiply in bfloat16; mixed precision is checked to be single precision here")
            #expect(mixed.output == single.output && mixed.gradients == single.gradients && mixed.statistics == single.statistics)
            return
        }
        // It did multiply in bfloat16: what convolutions made has no more than 8 bits.
        #expect(try mixed.inner.tensor().values(as: Float.self).allSatisfy { $0.bitPattern & 0xffff == 0 })
        #expect(try !single.inner.tensor().values(as: Float.self).allSatisfy { $0.bitPattern & 0xffff == 0 })
        // Each of eight layers rounds by up to 0.4 %.
        #expect(relativeError(mixed.output, single.output) < 0.06)
        for (name, own) in single.statistics { #expect(relativeError(try #require(mixed.statistics[name]), own) < 0.02, "\(name)") }
        let all = single.gradients.keys.sorted()
        let (a, b) = (all.flatMap { mixed.gradients[$0] ?? [] }, all.flatMap { single.gradients[$0] ?? [] })
        let products = [(a, b), (a, a), (b, b)].map { zip($0.0, $0.1).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(products[0] / (products[1] * products[2]).squareRoot() > 0.99, "the gradients' cosine")
    }

    @Test func sameSeedSameWeights() throws {
        #expect(try Self.face(seed: 3) == Self.face(seed: 3))
        #expect(try Self.face(seed: 3).onnx() == Self.face(seed: 3).onnx())
        #expect(try Self.face(seed: 3).initializers != Self.face(seed: 4).initializers)
        // A weight's values hang on its own name: other layers do not move it.
        var small = GraphBuilder(name: "other", seed: 3)
        let x = small.input("picture", [.free("batch"), .fixed(3), .fixed(29), .fixed(27)])
        let y = small.scope("stem") { $0.convolution(x, 8, kernel: 3, stride: 2, bias: false) }
        let other = try small.graph(outputs: ["y": y])
        #expect(try other.initializers["stem.conv1.weight"] == Self.face(seed: 3).initializers["stem.conv1.weight"])
        // The generator and its scaling, as numbers: a change would change every network.
        let drawn = WeightInitializer.kaiming().tensor([3], inputs: 6, outputs: 1, seed: 1, name: "w").values(as: Float.self)
        #expect(drawn == [0.16518293, -0.09162795, 0.29177102])
    }

    @Test func layersThatDoNotFitAreNamed() throws {
        var net = GraphBuilder(name: "wrong", seed: 1)
        let x = net.input("x", [.free("batch"), .fixed(3), .fixed(8), .fixed(8)])
        let y = net.scope("block") { $0.convolution(x, 8, kernel: 3, groups: 2) }
        let z = net.add(y, x)
        let error = try #require(throws: GraphBuilderError.self) { try net.graph(outputs: ["y": z]) }
        #expect(error.description == "network 'wrong', block: convolution 'block.conv1' of [batch, 3, 8, 8] to 8 channels in 2 groups; the channels must be fixed and divide into the groups")
    }

    @Test func choosesWhatLearns() throws {
        let graph = try TrainableGraph(Self.face())
        let learnsAll = graph.parameters.allSatisfy { $0.isTrainable }
        #expect(learnsAll)
        #expect(graph.statistics.count == 16)
        #expect(!graph.parameters.contains { $0.name.hasSuffix("mean") || $0.name.hasSuffix("variance") })
        try graph.setTrainable { $0.hasPrefix("head") }
        let input = try TorchTensor(TestData.noise([2, 3, 29, 27], seed: 1))
        try graph(input).sum().backward()
        for parameter in graph.parameters {
            let isReached = try parameter.tensor.gradient() != nil
            #expect(isReached == parameter.name.hasPrefix("head"), "\(parameter.name)")
        }
    }

    @Test func takesUpWeightsOfAnotherGraph() throws {
        let first = try TrainableGraph(Self.face(seed: 3)), second = try TrainableGraph(Self.face(seed: 4))
        let input = try TorchTensor(TestData.noise([1, 3, 29, 27], seed: 1))
        #expect(try first(input).tensor() != second(input).tensor())
        var state = try first.state()
        try second.load(state)
        #expect(try first(input).tensor() == second(input).tensor())
        state["head.linear1.bias"] = Tensor(zeros: [7], elementType: .float32)
        #expect(throws: TrainableGraphError.self) { try second.load(state) }
        state["head.linear1.bias"] = nil
        let error = try #require(throws: TrainableGraphError.self) { try second.load(state) }
        #expect(error.description == "no value for 'head.linear1.bias' of graph 'small face'")
        try second.load(state, isPartial: true)
    }

    /// Values inside the graph can be asked for, and what they do not need does not run.
    @Test func runsPartOfAGraph() throws {
        let graph = try TrainableGraph(Self.face())
        let input = try TorchTensor(TestData.noise([1, 3, 29, 27], seed: 1))
        let inner = try #require(try graph.run(["picture": input], outputs: ["stem.prelu1"])["stem.prelu1"])
        #expect(inner.shape == [1, 8, 15, 14])
        #expect(inner.isChannelsLast)
        let error = try #require(throws: TrainableGraphError.self) { try graph.run(["picture": input], outputs: ["nothing"]) }
        #expect(error.description == "graph 'small face' makes no value 'nothing'")
    }
}
