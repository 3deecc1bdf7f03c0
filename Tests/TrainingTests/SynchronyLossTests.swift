import Inference
import ModelBundle
import Tensors
import Testing
import Training

@Suite struct SynchronyLossTests {
    /// Unit vectors from a rule, `[batch, time, dimension]`.
    private static func embeddings(_ batch: Int, _ time: Int, _ dimension: Int, _ seed: Int) -> [Float] {
        (0..<batch * time).flatMap { row -> [Float] in
            let values = (0..<dimension).map { Float(((row * 31 + $0 * 17 + seed) * 7919) % 101) / 50 - 1 }
            let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return values.map { $0 / length }
        }
    }

    @Test(arguments: [(2, 5, 3, 2), (3, 8, 4, 7), (1, 4, 2, 0)])
    func `Similarities are means along diagonals`(_ batch: Int, _ time: Int, _ dimension: Int, _ reach: Int) throws {
        let v = Self.embeddings(batch, time, dimension, 1), a = Self.embeddings(batch, time, dimension, 5)
        let loss = SynchronyLoss(reach: reach)
        let shape = [batch, time, dimension]
        let found = try loss.similarities(TorchTensor(v, shape: shape), TorchTensor(a, shape: shape)).doubles()
        var place = 0
        for i in 0..<batch {
            for j in 0..<batch {
                for offset in -reach...reach {
                    var sum = 0.0, count = 0.0
                    for t in 0..<time where (0..<time).contains(t + offset) {
                        for d in 0..<dimension { sum += Double(v[(i * time + t) * dimension + d]) * Double(a[(j * time + t + offset) * dimension + d]) }
                        count += 1
                    }
                    #expect(abs(found[place] - sum / count) < 1e-5)
                    place += 1
                }
            }
        }
    }

    @Test func `The loss wants the window's own sound in step, and does not mind a frame`() throws {
        let (batch, time, dimension) = (3, 12, 36)
        // Every frame is another axis, turned by the window: in step alike, out of step not.
        var values = [Float](repeating: 0, count: batch * time * dimension)
        for i in 0..<batch { for t in 0..<time { values[(i * time + t) * dimension + (t + 12 * i) % dimension] = 1 } }
        let shape = [batch, time, dimension]
        func shifted(_ offset: Int) -> [Float] {
            (0..<batch).flatMap { i in (0..<time).flatMap { t -> [Float] in
                let from = (i * time + (t + offset + time) % time) * dimension
                return Array(values[from..<from + dimension])
            } }
        }
        let loss = SynchronyLoss(temperature: 0.05, reach: 3)
        func value(_ sounds: [Float]) throws -> Double { try loss(TorchTensor(values, shape: shape), TorchTensor(sounds, shape: shape)).item() }
        #expect(try value(values) < 0.01)
        // A mouth that made no sound is wrong where it is as near as the right one, here the first window's once more.
        let extra = values + Array(values.prefix(time * dimension))
        let silent = try loss(TorchTensor(extra, shape: [batch + 1, time, dimension]), TorchTensor(values, shape: shape)).item()
        #expect(abs(silent - 0.5 / Double(batch) * 0.6931) < 0.01, "one of two for one sound of three: \(silent)")
        #expect(try value(shifted(2)) > 10)
        // At one frame the best candidate is none, and the rest are alike.
        #expect(try value(shifted(1)) < 5)
    }

    @Test(arguments: SequenceArchitecture.allCases)
    func `A stream gives what the whole clip gives, within its cost`(_ architecture: SequenceArchitecture) throws {
        let graph = try architecture.graph(dimension: 16, seed: 4)
        // What one unit of time reads, how many numbers it answers, units a second, and what they may cost.
        let units = 9, (step, numbers, rate, most) =
            switch architecture {
            case .mouthStream: ([1, 1, 96, 96], 16, 25, 32_500_000)
            case .soundStream: ([1, 4, 80], 16, 25, 7_500_000)
            case .voiceActivity: ([1, 2, 80], 1, 50, 2_000_000)
            }
        var shape = step
        shape[1] *= units
        let input = Tensor(shape: shape, values: (0..<Tensor.elementCount(shape)).map { Float(($0 * 7919) % 255) / 127.5 - 1 })
        let name = graph.inputs[0].name
        let whole = try Network(graph, inputs: [name: .shape(shape)])
        try whole.setInput(0, input)
        try whole.run()
        let expected: [Float] = whole.outputTensor(0).values()
        #expect(expected.count == units * numbers)
        let spent = whole.profile.steps.reduce(0) { $0 + $1.multiplyAccumulates }
        #expect(spent * rate / units <= most, "\(spent * rate / units) a second")
        let torch = try TrainableGraph(graph)
        let other = try TorchRuntime.withoutGradients { try torch(TorchTensor(input)) }.doubles()
        for (a, b) in zip(expected, other) { #expect(abs(Double(a) - b) < 1e-4) }

        let stream = try StreamingNetwork(graph, inputs: [name: TimeInput(shape: step, axis: 1)], outputs: [graph.outputs[0].name], chunk: 1)
        let state = stream.makeState(), values: [Float] = input.values(), size = step.reduce(1, *)
        var streamed: [Float] = []
        var unit = 0
        while !stream.isDrained(state) {
            if unit < units { stream.withInput(0, as: Float.self) { span in for index in 0..<size { span[index] = values[unit * size + index] } } }
            let made = try stream.run(state, units: unit < units ? 1 : 0)
            unit += 1
            guard !made.range.isEmpty else { continue }
            streamed += stream.withOutput(0, as: Float.self) { span in (made.offset * numbers..<(made.offset + made.range.count) * numbers).map { span[$0] } }
        }
        #expect(streamed.count == expected.count)
        for (a, b) in zip(streamed, expected) { #expect(abs(a - b) < 1e-4) }
    }
}
