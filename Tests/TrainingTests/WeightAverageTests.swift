import Tensors
import Testing
import Training

/// Averaged weights beside the definition, computed one number at a time.
@Suite struct WeightAverageTests {
    @Test(arguments: [0.5, 0.9, 0.999])
    func `The mean is that of its definition, soon without first weights`(_ decay: Double) throws {
        let weight = try TorchTensor([Float](repeating: 0, count: 7), shape: [7])
        let average = try WeightAverage(of: [weight], decay: decay)
        var expected = [Double](repeating: 0, count: 7)
        for step in 1...40 {
            let values = (0..<7).map { Float(step) * 0.1 + Float($0) * 3 }
            try weight.copyInPlace(TorchTensor(values, shape: [7]))
            try average.update(step: step)
            let keep = min(decay, Double(1 + step) / Double(10 + step))
            for place in 0..<7 { expected[place] = keep * expected[place] + (1 - keep) * Double(values[place]) }
        }
        let found: [Float] = try average.state()[0].values()
        for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) < 1e-4 * max(1, abs(b))) }
    }

    @Test func `Exchanged twice, weights and means are as they were, bit for bit`() throws {
        let weight = try TorchTensor([1, 2, 3] as [Float], shape: [3]), other = try TorchTensor([[0.1, 0.2]] .flatMap { $0 } as [Float], shape: [1, 2])
        for tensor in [weight, other] { try tensor.setRequiresGradient(true) }
        let average = try WeightAverage(of: [weight, other], decay: 0.9)
        try weight.copyInPlace(TorchTensor([5, 6, 7] as [Float], shape: [3]))
        try average.update(step: 1)
        let before = try average.state(), own = try weight.tensor()
        try average.exchange()
        #expect(try weight.tensor() == before[0] && other.tensor() == before[1] && average.state()[0] == own)
        try average.exchange()
        #expect(try weight.tensor() == own && average.state() == before)
    }

    @Test func `A state of other weights is refused`() throws {
        let average = try WeightAverage(of: [TorchTensor([1, 2] as [Float], shape: [2])], decay: 0.9)
        #expect(throws: TorchError.self) { try average.restore([]) }
        #expect(throws: TorchError.self) { try average.restore([Tensor(shape: [3], values: [1, 2, 3] as [Float])]) }
    }
}
