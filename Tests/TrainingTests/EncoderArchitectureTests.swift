import Inference
import ModelBundle
import NodeTestCases
import Tensors
import Testing
import Training

@Suite struct EncoderArchitectureTests {
    /// Shape of one sample, and the multiply-accumulates that one may cost.
    private static func sample(_ architecture: EncoderArchitecture) -> (shape: [Int], cost: Int) {
        switch architecture {
        case .mobileFaceNetSmall: ([1, 3, 112, 112], 50_000_000)
        case .mobileFaceNetMedium, .mobileFaceNetGated: ([1, 3, 112, 112], 120_000_000)
        case .mobileFaceNet: ([1, 3, 112, 112], 250_000_000)
        case .resNet18: ([1, 3, 112, 112], 2_000_000_000)
        // A second.
        case .depthwiseTDNN, .gatedTDNN: ([1, 100, 80], 60_000_000)
        }
    }

    @Test(arguments: EncoderArchitecture.allCases)
    func `An encoder gives an embedding of length 1 on both executors, within its cost`(_ architecture: EncoderArchitecture) throws {
        let graph = try architecture.graph(dimension: 32, seed: 9)
        #expect(graph == (try architecture.graph(dimension: 32, seed: 9)))
        #expect(graph.initializers != (try architecture.graph(dimension: 32, seed: 10)).initializers)
        let (shape, cost) = Self.sample(architecture)
        let input = Tensor(shape: shape, values: (0..<Tensor.elementCount(shape)).map { Float(($0 * 7919) % 255) / 127.5 - 1 })
        let network = try Network(graph, inputs: [graph.inputs[0].name: .shape(shape)])
        try network.setInput(0, input)
        try network.run()
        let embedding: [Float] = network.outputTensor(0).values()
        #expect(embedding.count == 32)
        #expect(abs(embedding.reduce(0) { $0 + $1 * $1 } - 1) < 1e-3)
        let spent = network.profile.steps.reduce(0) { $0 + $1.multiplyAccumulates }
        #expect(spent > 0 && spent <= cost, "\(architecture.rawValue): \(spent) multiply-accumulates, \(graph.parameterCount) weights")
        let torch = try TrainableGraph(graph)
        let other = try TorchRuntime.withoutGradients { try torch(TorchTensor(input)) }.doubles()
        for (a, b) in zip(embedding, other) { #expect(abs(Double(a) - b) < 1e-4) }
    }

    @Test(arguments: [EncoderArchitecture.depthwiseTDNN, .gatedTDNN])
    func `A voice of any length from half a second on`(_ architecture: EncoderArchitecture) throws {
        let graph = try architecture.graph(dimension: 8, seed: 1)
        for frames in [50, 151, 307] { _ = try Network(graph, inputs: ["frames": .shape([1, frames, 80])]) }
    }
}
