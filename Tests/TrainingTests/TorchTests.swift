import Foundation
import ModelBundle
import NodeTestCases
import Tensors
import Testing
import Training

/// Tensors, errors, optimizers and random numbers.
@Suite struct TorchTests {
    @Test func elementsComeBackAsTheyWent() throws {
        for type in [ElementType.float32, .float64, .int8, .uint8, .int16, .int32, .int64, .bool] {
            let count = 15
            let bytes = (0..<count * type.size).map { type == .bool ? UInt8($0 % 2) : UInt8(truncatingIfNeeded: $0 * 37 % 120) }
            let tensor = Tensor(shape: [3, 5], elementType: type, bytes: bytes)
            let torch = try TorchTensor(tensor)
            #expect(torch.shape == [3, 5] && torch.elementType == type && torch.device == .cpu)
            #expect(try torch.tensor() == tensor)
        }
        #expect(try TorchTensor([Float(4)], shape: []).item() == 4)
        #expect(try TorchTensor(Tensor(zeros: [0, 3], elementType: .float32)).tensor().shape == [0, 3])
    }

    /// Layout is memory's affair: elements are read in the order of the shape.
    @Test func readsChannelsLastRowMajor() throws {
        let tensor = TestData.noise([2, 3, 5, 7], seed: 1)
        let turned = try TorchTensor(tensor).converted(layout: .channelsLast)
        #expect(turned.isChannelsLast)
        #expect(try turned.tensor() == tensor)
        #expect(try turned.converted(layout: .rowMajor).isChannelsLast == false)
    }

    @Test func libtorchsExceptionsAreErrors() throws {
        let x = try TorchTensor(TestData.noise([2, 3], seed: 1)), y = try TorchTensor(TestData.noise([4, 5], seed: 1))
        let error = try #require(throws: TorchError.self) { try x.matmul(y) }
        #expect(error.operation == "matmul")
        #expect(error.message.contains("cannot be multiplied (2x3 and 4x5)"), "\(error.message)")
        #expect(throws: TorchError.self) { try x + y }
        #expect(throws: TorchError.self) { try x.reshaped([7]) }
        #expect(throws: TorchError.self) { try x.permuted([0, 0]) }
        #expect(throws: TorchError.self) { try x.convolved(y, strides: [1], padding: [0], dilations: [1]) }
        #expect(throws: TorchError.self) { try x.backward() }
        #expect(throws: TorchError.self) { try x.selected(0, TorchTensor([Int64(9)], shape: [1])) }
        #expect(throws: TorchError.self) { try TorchTensor.full([1 << 40, 1 << 20], 0) }
        #expect(throws: TorchError.self) { try TorchTensor(Tensor(zeros: [1], elementType: .uint16)) }
        #expect(throws: TorchError.self) { try TorchTensor([Int64(1)], shape: [1]).setRequiresGradient(true) }
        #expect(throws: TorchError.self) { try TorchRuntime.setGeneratorState(Tensor(zeros: [3], elementType: .uint8)) }
        #expect(throws: TorchError.self) { try x.copyInPlace(y) }
        // The tensors are none the worse for it.
        #expect(try x.sum().item().isFinite)
    }

    @Test func aMissingDeviceIsAnError() throws {
        let device = TorchDevice.cuda(63)
        try #require(!device.isAvailable)
        #expect(throws: TorchError.self) { try TorchTensor([Float(1)], shape: [1], device: device) }
        var options = TrainableGraph.Options()
        options.device = device
        let error = try #require(throws: TrainableGraphError.self) { try TrainableGraph(NetworkTests.face(), options: options) }
        #expect(error.description.contains("cuda:63"))
        #expect(TorchDevice("cuda:1") == .cuda(1) && TorchDevice("cuda") == .cuda(0) && TorchDevice("gpu") == nil)
    }

    /// Threads have each their own gradient mode and their own last error.
    @Test func threadsDoNotShareModeOrError() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 1...8 {
                group.addTask {
                    for round in 0..<40 {
                        let x = try TorchTensor(TestData.noise([index, 3], seed: 1))
                        try x.setRequiresGradient(true)
                        if (index + round) % 2 == 0 {
                            let y = try TorchRuntime.withoutGradients { () throws(TorchError) in try x.sum() }
                            if y.requiresGradient { throw Unexpected(text: "recorded while recording was off") }
                        } else {
                            try x.square().sum().backward()
                            let got = try x.gradient()?.doubles() ?? [], expected = try (x * 2).doubles()
                            if got != expected { throw Unexpected(text: "another thread's gradient") }
                        }
                        do {
                            _ = try x.matmul(TorchTensor(TestData.noise([index + 100, 2], seed: 1)))
                            throw Unexpected(text: "multiplied what does not fit")
                        } catch let error as TorchError {
                            if !error.message.contains("\(index)x3 and \(index + 100)x2") { throw Unexpected(text: "another thread's message: \(error)") }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    struct Unexpected: Error { let text: String }

    /// Adam and AdamW in double precision against the equations, in both layouts, with decay.
    @Test(arguments: [false, true], [false, true])
    func adamFollowsItsEquations(decouples: Bool, isChannelsLast: Bool) throws {
        let weight = try TorchTensor(TestData.noise([3, 2, 5, 3], seed: 1)).converted(to: .float64, layout: isChannelsLast ? .channelsLast : .rowMajor).clone()
        let optimizer = try Adam([weight], learningRate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1, decouplesDecay: decouples)
        var w = try weight.doubles(), m = w.map { _ in 0.0 }, v = m
        for step in 1...5 {
            let g = TestData.noise([3, 2, 5, 3], seed: UInt64(step + 10)).doubles
            try weight.setGradient(TorchTensor(g, shape: [3, 2, 5, 3]))
            try optimizer.step()
            for i in w.indices {
                let slope = decouples ? g[i] : g[i] + 0.1 * w[i]
                if decouples { w[i] *= 1 - 0.01 * 0.1 }
                m[i] = 0.8 * m[i] + 0.2 * slope
                v[i] = 0.95 * v[i] + 0.05 * slope * slope
                let first = m[i] / (1 - pow(0.8, Double(step))), second = v[i] / (1 - pow(0.95, Double(step)))
                w[i] -= 0.01 * first / (second.squareRoot() + 1e-6)
            }
            #expect(relativeError(try weight.doubles(), w) < 1e-12)
        }
    }

    @Test(arguments: [false, true])
    func descentFollowsItsEquations(isNesterov: Bool) throws {
        let weight = try TorchTensor(TestData.noise([7], seed: 1)).converted(to: .float64).clone()
        let optimizer = try StochasticGradientDescent([weight], learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, isNesterov: isNesterov)
        var w = try weight.doubles(), v = w.map { _ in 0.0 }
        for step in 1...4 {
            let g = TestData.noise([7], seed: UInt64(step + 10)).doubles
            try weight.setGradient(TorchTensor(g, shape: [7]))
            try optimizer.step()
            for i in w.indices {
                let slope = g[i] + 0.01 * w[i]
                v[i] = 0.9 * v[i] + slope
                w[i] -= 0.1 * (isNesterov ? slope + 0.9 * v[i] : v[i])
            }
            #expect(relativeError(try weight.doubles(), w) < 1e-12)
        }
    }

    /// Stopped after three steps and taken up from what was written, the weights are the same to the last bit.
    @Test(arguments: ["adam", "muon"]) func optimizersResumeExactly(name: String) throws {
        func made(_ weights: [TorchTensor]) throws -> any Optimizer {
            try name == "adam" ? Adam(weights, weightDecay: 0.01, decouplesDecay: true) : Muon(weights, learningRate: 1e-3, weightDecay: 0.01)
        }
        func train(_ steps: Range<Int>, _ graph: TrainableGraph, _ optimizer: any Optimizer) throws {
            graph.isTraining = true
            for step in steps {
                try graph.removeGradients()
                try graph(TorchTensor(TestData.noise([4, 3, 29, 27], seed: UInt64(step)))).square().sum(nil).backward()
                try TorchTensor.clipGradients(of: graph.parameters.map(\.tensor), to: 0.5)
                try optimizer.step()
            }
        }
        let whole = try TrainableGraph(NetworkTests.face())
        let optimizer = try made(whole.parameters.map(\.tensor))
        try train(0..<3, whole, optimizer)
        let weights = try whole.state(), moments = try optimizer.state()
        try train(3..<6, whole, optimizer)
        let resumed = try TrainableGraph(NetworkTests.face(seed: 77))
        try resumed.load(weights)
        let second = try made(resumed.parameters.map(\.tensor))
        try second.restore(moments, stepCount: 3)
        try train(3..<6, resumed, second)
        #expect(try resumed.state() == whole.state())
        #expect(try whole.state() != weights)
    }

    @Test func clipsTheNormOfAllGradients() throws {
        let x = try TorchTensor([Float(0), 0], shape: [2]), y = try TorchTensor([Float(0)], shape: [1]), none = try TorchTensor([Float(1)], shape: [1])
        try x.setGradient(TorchTensor([Float(3), 0], shape: [2]))
        try y.setGradient(TorchTensor([Float(4)], shape: [1]))
        #expect(try TorchTensor.clipGradients(of: [x, none, y], to: .infinity) == 5)
        #expect(try TorchTensor.clipGradients(of: [x, none, y], to: 1) == 5)
        #expect(try abs(TorchTensor.clipGradients(of: [x, none, y], to: 10) - 1) < 1e-6)
        #expect(try x.gradient()?.doubles().map { ($0 * 1e6).rounded() / 1e6 } == [0.6, 0])
    }

    /// Per-channel slopes of PReLU in both layouts against libtorch's own elementary operations.
    @Test(arguments: [[2, 5, 4, 3], [3, 6], [2, 7, 9], [1, 17, 33, 31]], [true, false])
    func preluKeepsLayoutAndGradients(shape: [Int], isShared: Bool) throws {
        let x = try TorchTensor(TestData.noise(shape, seed: 1)).converted(to: .float64, layout: .channelsLast).clone()
        let slope = try TorchTensor(TestData.noise([isShared ? 1 : shape[1]], seed: 2)).converted(to: .float64).clone()
        let weights = try TorchTensor(TestData.noise(shape, seed: 3)).converted(to: .float64)
        try x.setRequiresGradient(true)
        try slope.setRequiresGradient(true)
        let y = try x.prelu(slope)
        #expect(y.isChannelsLast == x.isChannelsLast)
        try (y * weights).sum().backward()
        let got = [try y.doubles(), try #require(try x.gradient()).doubles(), try #require(try slope.gradient()).doubles()]
        try x.setGradient(nil)
        try slope.setGradient(nil)
        let placed = try slope.reshaped([slope.count] + [Int](repeating: 1, count: shape.count - 2))
        let z = try x.isGreater(than: 0).selecting(x, else: x * placed)
        try (z * weights).sum().backward()
        let expected = [try z.doubles(), try #require(try x.gradient()).doubles(), try #require(try slope.gradient()).doubles()]
        for (a, b) in zip(got, expected) { #expect(relativeError(a, b) < 1e-12) }
    }
}

/// The generator is the process's: tests that draw from it stand in a row.
@Suite(.serialized) struct TorchGeneratorTests {
    @Test func seedAndStateDecideWhatIsDrawn() throws {
        try TorchLottery.alone {
            let x = try TorchTensor.zeros([5, 7])
            try TorchRuntime.seed(9)
            let first = try x.uniformLike().tensor()
            let state = try TorchRuntime.generatorState()
            let second = try x.normalLike().tensor()
            try TorchRuntime.setGeneratorState(state)
            #expect(try x.normalLike().tensor() == second)
            try TorchRuntime.seed(9)
            #expect(try x.uniformLike().tensor() == first)
            try TorchRuntime.seed(10)
            #expect(try x.uniformLike().tensor() != first)
        }
    }

    /// Dropout drops in training only, and keeps the mean.
    @Test func dropoutIsForTraining() throws {
        try TorchLottery.alone {
            var net = GraphBuilder(name: "dropout", seed: 1)
            let x = net.input("x", [.free("batch"), .fixed(1000)])
            let graph = try TrainableGraph(net.graph(outputs: ["y": net.dropout(x, 0.25)]))
            let ones = try TorchTensor.full([20, 1000], 1)
            #expect(try graph(ones).tensor() == ones.tensor())
            graph.isTraining = true
            try TorchRuntime.seed(1)
            let dropped = try graph(ones).doubles()
            let kept = dropped.filter { $0 != 0 }
            #expect(kept.allSatisfy { abs($0 - 4.0 / 3) < 1e-6 })
            // 20000 draws of probability 0.75: six deviations are 0.018.
            #expect(abs(Double(kept.count) / 20000 - 0.75) < 0.018)
        }
    }

    @Test func multinomialDrawsByWeight() throws {
        try TorchLottery.alone {
            try TorchRuntime.seed(4)
            let drawn = try TorchTensor([Float(0), 1, 3, 0], shape: [1, 4]).multinomial(4000).integers()
            #expect(Set(drawn) == [1, 2])
            #expect(abs(Double(drawn.filter { $0 == 2 }.count) / 4000 - 0.75) < 0.042)
        }
    }
}
