import Foundation
import ModelBundle
import NodeTestCases
import Synchronization
import Tensors
import Testing
import Training

/// What the shim computes itself, beside slow references made of libtorch's elementary operations; and the memory that it hands out.
@Suite struct KernelTests {
    /// Lengths around vectors and pieces of sums, one pixel, one channel.
    static let shapes: [[Int]] = [[3, 17, 5, 7], [2, 33, 1, 1], [1, 1, 19, 3], [2, 64, 9, 11], [5, 37], [3, 16, 41], [4, 5, 1, 70]]

    @Test(arguments: shapes, [TorchTensor.Layout.rowMajor, .channelsLast])
    func `PReLU and its gradients are those of max and min`(_ shape: [Int], _ layout: TorchTensor.Layout) throws {
        for type in [ElementType.float32, .float64] {
            for slopes in [1, shape[1]] {
                func gradients(_ apply: (TorchTensor, TorchTensor) throws -> TorchTensor) throws -> [[Double]] {
                    let x = try TorchTensor(TestData.noise(shape, seed: 1)).converted(to: type, layout: layout)
                    let slope = try TorchTensor(TestData.noise([slopes], seed: 2)).converted(to: type)
                    for leaf in [x, slope] { try leaf.setRequiresGradient(true) }
                    let y = try apply(x, slope)
                    #expect(y.isChannelsLast == x.isChannelsLast)
                    try y.backward(TorchTensor(TestData.noise(shape, seed: 3)).converted(to: type))
                    return try [y.doubles(), #require(try x.gradient()).doubles(), #require(try slope.gradient()).doubles()]
                }
                let got = try gradients { try $0.prelu($1) }
                let expected = try gradients { x, slope in
                    let spread = try slope.reshaped([1, slopes] + [Int](repeating: 1, count: shape.count - 2))
                    let zero = try x.detached().zerosLike()
                    return try x.maximum(zero) + x.minimum(zero) * spread
                }
                // Sums of up to 32 · 99 products, in another order.
                for (a, b) in zip(got, expected) { #expect(relativeError(a, b) < (type == .float32 ? 1e-5 : 1e-13)) }
            }
        }
    }

    /// The same in bfloat16, one number at a time: it comes there behind a convolution, here one that passes each channel on. What is stored is rounded to the nearest,
    /// even where two are as near; a slope's gradient is summed in float32.
    @Test(arguments: shapes.filter { $0.count > 2 }, [false, true])
    func `PReLU in bfloat16 rounds what it stores and nothing else`(_ shape: [Int], _ isChannelsLast: Bool) throws {
        guard TrainableGraph.hasBFloat16(.cpu) else {
            print("SKIPPED: this processor does not multiply in bfloat16; PReLU in it is not tested here")
            return
        }
        func rounded(_ x: Float) -> Float { Float(bitPattern: (x.bitPattern &+ 0x7fff &+ (x.bitPattern >> 16 & 1)) & 0xffff_0000) }
        func noise(_ shape: [Int], _ seed: UInt64) -> [Float] { TestData.noise(shape, seed: seed).values(as: Float.self).map(rounded) }
        var net = GraphBuilder(name: "passing", seed: 1)
        let input = net.input("x", [.free("batch")] + shape.dropFirst().map { ValueInfo.Dimension.fixed($0) })
        var passing = try net.graph(outputs: ["y": net.prelu(net.convolution(input, shape[1], kernel: 1, groups: shape[1], bias: false))])
        for (name, tensor) in passing.initializers {
            let values = name.hasSuffix("slope") ? TestData.noise([shape[1]], seed: 2).values(as: Float.self) : [Float](repeating: 1, count: shape[1])
            passing.initializers[name] = Tensor(shape: tensor.shape, values: values)
        }
        var options = TrainableGraph.Options()
        options.usesChannelsLast = isChannelsLast
        let graph = try TrainableGraph(passing, options: options)
        (graph.isTraining, graph.precision) = (true, .mixed)
        let x = noise(shape, 1), gy = noise(shape, 3), slopes = TestData.noise([shape[1]], seed: 2).values(as: Float.self)
        let leaf = try TorchTensor(x, shape: shape)
        try leaf.setRequiresGradient(true)
        let y = try graph(leaf)
        try y.backward(TorchTensor(gy, shape: shape))
        let length = shape.dropFirst(2).reduce(1, *)
        func slope(_ index: Int) -> Float { slopes[index / length % shape[1]] }
        #expect(try y.tensor().values(as: Float.self) == x.indices.map { rounded(x[$0] > 0 ? x[$0] : x[$0] * slope($0)) })
        #expect(try #require(try leaf.gradient()).tensor().values(as: Float.self) == x.indices.map { rounded(x[$0] > 0 ? gy[$0] : gy[$0] * slope($0)) })
        var sums = [Double](repeating: 0, count: shape[1])
        for index in x.indices where x[index] <= 0 { sums[index / length % shape[1]] += Double(gy[index]) * Double(x[index]) }
        let parameter = try #require(graph.parameters.first { $0.name.hasSuffix("slope") })
        #expect(relativeError(try #require(try parameter.tensor.gradient()).doubles(), sums) < 1e-5)
    }

    /// Tensors of sizes around every limit of the allocator, freed in another order than made, on two threads: none overlaps another.
    @Test func `Memory of tensors is each one's own`() async throws {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for seed in [UInt64(1), 2] {
                group.addTask {
                    var generator = SplitMix64(seed: seed), held: [(tensor: TorchTensor, value: Double)] = [], checked = 0
                    let sizes = [1, 65_535, 65_536, 65_537, 100_003, 262_143, 262_145, 1_500_007]
                    for step in 0..<200 {
                        held.append((try .full([sizes[Int(generator.unit() * Float(sizes.count))]], Double(step)), Double(step)))
                        if held.count > 12 {
                            let each = held.remove(at: Int(generator.unit() * Float(held.count)))
                            #expect(try each.tensor.min().item() == each.value)
                            #expect(try each.tensor.max().item() == each.value)
                            checked += 1
                        }
                    }
                    return checked
                }
            }
            for try await checked in group { #expect(checked == 188) }
        }
    }

    /// One that is larger than a region, and an empty one.
    @Test func `Memory of the largest and of none`() throws {
        for _ in 0..<3 {
            let large = try TorchTensor.full([33_600_000], 7)
            #expect(try large.sliced(0, 33_599_999, 33_600_000).item() == 7)
            #expect(try TorchTensor.zeros([0, 3]).tensor().shape == [0, 3])
        }
    }
}
