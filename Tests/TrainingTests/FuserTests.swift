import Inference
import ModelBundle
import NodeTestCases
import Tensors
import Testing
import Training

@Suite struct FuserTests {
    private static let modalities = [(name: "face", size: 7), (name: "voice", size: 5)]

    /// Reproducible numbers in −1…1.
    private static func values(_ count: Int, _ seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
    }

    private static func run(_ graph: Graph, face: [Float], voice: [Float], weights: [Float], shares: Tensor? = nil) throws -> [Float] {
        let n = weights.count / 2
        var inputs = ["face": Tensor(shape: [n, 7], values: face), "voice": Tensor(shape: [n, 5], values: voice), "weights": Tensor(shape: [n, 2], values: weights)]
        inputs["shares"] = shares
        let used = inputs.filter { entry in graph.inputs.contains { $0.name == entry.key } }
        let network = try Network(graph, inputs: used.mapValues { .shape($0.shape) })
        for (index, port) in network.inputs.enumerated() { try network.setInput(index, #require(used[port.name])) }
        try network.run()
        let answer: [Float] = network.outputTensor(0).values()
        // The same on libtorch.
        let torch = try TrainableGraph(graph).run(used.mapValues { try TorchTensor($0) })
        let other = try #require(torch["embedding"]).doubles()
        for (a, b) in zip(answer, other) { #expect(abs(Double(a) - b) < 1e-5) }
        return answer
    }

    @Test(arguments: FuserNetwork.names)
    func `A missing modality has no influence where the fuser says so`(_ name: String) throws {
        let fuser = try #require(FuserNetwork.named(name, dimension: 6))
        let graph = try FuserNetwork.graph(fuser, modalities: Self.modalities, seed: 4)
        let face = Self.values(14, 1), voice = Self.values(10, 2), other = Self.values(10, 3)
        let weights: [Float] = [1, 0, 0.3, 0]
        let one = try Self.run(graph, face: face, voice: voice, weights: weights), two = try Self.run(graph, face: face, voice: other, weights: weights)
        let difference = zip(one, two).map { abs($0 - $1) }.max()!
        #expect(type(of: fuser).toleratesMissingModality == (difference < 1e-5), "\(difference)")
        // With both, the other modality does count.
        let both: [Float] = [1, 1, 0.5, 0.9]
        let three = try Self.run(graph, face: face, voice: voice, weights: both), four = try Self.run(graph, face: face, voice: other, weights: both)
        #expect(zip(three, four).contains { abs($0 - $1) > 1e-3 })
        // Of length 1, unless both are missing, and then finite.
        for row in 0..<2 { #expect(abs(three[row * 6..<row * 6 + 6].reduce(0) { $0 + $1 * $1 } - 1) < 1e-4) }
        #expect(try Self.run(graph, face: face, voice: voice, weights: [0, 0, 0, 0]).allSatisfy(\.isFinite))
    }

    @Test func `EmbraceNet's expectation is the mean of its lots`() throws {
        let weights = try TorchTensor([Float(0.9), 0.3, 0, 1], shape: [2, 2])
        var sums = [Double](repeating: 0, count: 2 * 2 * 500)
        for round in 0..<20 {
            let lot = try TorchLottery.alone {
                try TorchRuntime.seed(11 + UInt64(round))
                return try EmbraceNetFuser.draw(weights: weights, dimension: 500)
            }
            #expect(lot.shape == [2, 2, 500])
            // One modality for each number.
            #expect(try lot.sum([1]).doubles().allSatisfy { $0 == 1 })
            for (index, value) in try lot.doubles().enumerated() { sums[index] += value / 20 }
        }
        let face = sums[0..<500].reduce(0, +) / 500, missing = sums[1000..<1500].reduce(0, +)
        // 10 000 lots of probability 0.75: five standard deviations are 0.022.
        #expect(abs(face - 0.75) < 0.022)
        #expect(missing == 0)
    }

    @Test func `What trains with lots runs with shares`() throws {
        let fuser = EmbraceNetFuser(dimension: 6)
        let training = try FuserNetwork.graph(fuser, modalities: Self.modalities, drawsShares: true, seed: 4)
        let inference = try FuserNetwork.graph(fuser, modalities: Self.modalities, seed: 4)
        #expect(training.initializers.filter { $0.value.elementType == .float32 && $0.value.count > 1 } == inference.initializers.filter { $0.value.elementType == .float32 && $0.value.count > 1 })
        // A lot that is all face is a voice of weight 0.
        let face = Self.values(7, 1), voice = Self.values(5, 2)
        let allFace = Tensor(shape: [1, 2, 6], values: [Float](repeating: 1, count: 6) + [Float](repeating: 0, count: 6))
        let drawn = try Self.run(training, face: face, voice: voice, weights: [1, 1], shares: allFace)
        let expected = try Self.run(inference, face: face, voice: voice, weights: [1, 0])
        for (a, b) in zip(drawn, expected) { #expect(abs(a - b) < 1e-6) }
    }

    @Test func `A third modality needs nothing but its name`() throws {
        for name in FuserNetwork.names {
            let fuser = try #require(FuserNetwork.named(name, dimension: 6))
            let graph = try FuserNetwork.graph(fuser, modalities: Self.modalities + [(name: "gait", size: 9)], seed: 1)
            #expect(graph.inputs.map(\.name) == ["face", "voice", "gait", "weights"])
            _ = try Network(graph, inputs: ["face": .shape([1, 7]), "voice": .shape([1, 5]), "gait": .shape([1, 9]), "weights": .shape([1, 3])])
        }
        #expect(FuserNetwork.named("sum", dimension: 6) == nil)
    }
}
