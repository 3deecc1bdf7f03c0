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

    /// What bfloat16 keeps of a number: rounded to the nearest, where two are as near to the even one.
    private static func rounded(_ x: Float) -> Float { Float(bitPattern: (x.bitPattern &+ 0x7fff &+ (x.bitPattern >> 16 & 1)) & 0xffff_0000) }

    /// A layer in bfloat16, as it comes there: behind a convolution that passes each channel on. `values` of its parameters by their names' ends; others stay.
    private struct NarrowLayer {
        let graph: TrainableGraph, x: [Float], gy: [Float], y: TorchTensor, gx: TorchTensor

        init(_ shape: [Int], isChannelsLast: Bool, values: [String: [Float]] = [:], _ layer: (inout GraphBuilder, GraphBuilder.Value) -> GraphBuilder.Value) throws {
            var net = GraphBuilder(name: "passing", seed: 1)
            let input = net.input("x", [.free("batch")] + shape.dropFirst().map { ValueInfo.Dimension.fixed($0) })
            let passed = net.convolution(input, shape[1], kernel: 1, groups: shape[1], bias: false, name: "passing")
            var made = try net.graph(outputs: ["y": layer(&net, passed)])
            for (name, tensor) in made.initializers {
                let own = name.hasPrefix("passing") ? [Float](repeating: 1, count: shape[1]) : values.first { name.hasSuffix($0.key) }?.value
                if let own { made.initializers[name] = Tensor(shape: tensor.shape, values: own) }
            }
            var options = TrainableGraph.Options()
            options.usesChannelsLast = isChannelsLast
            graph = try TrainableGraph(made, options: options)
            (graph.isTraining, graph.precision) = (true, .mixed)
            (x, gy) = (TestData.noise(shape, seed: 1).values(as: Float.self).map(KernelTests.rounded), TestData.noise(shape, seed: 3).values(as: Float.self).map(KernelTests.rounded))
            let leaf = try TorchTensor(x, shape: shape)
            try leaf.setRequiresGradient(true)
            y = try graph(leaf)
            try y.backward(TorchTensor(gy, shape: shape))
            gx = try #require(try leaf.gradient())
        }
    }

    /// The same in bfloat16, one number at a time: what is stored is rounded to the nearest,
    /// even where two are as near; a slope's gradient is summed in float32.
    @Test(arguments: shapes.filter { $0.count > 2 }, [false, true])
    func `PReLU in bfloat16 rounds what it stores and nothing else`(_ shape: [Int], _ isChannelsLast: Bool) throws {
        guard TrainableGraph.hasBFloat16(.cpu) else {
            print("SKIPPED: this processor does not multiply in bfloat16; PReLU in it is not tested here")
            return
        }
        let slopes = TestData.noise([shape[1]], seed: 2).values(as: Float.self)
        let layer = try NarrowLayer(shape, isChannelsLast: isChannelsLast, values: ["slope": slopes]) { $0.prelu($1) }
        let (x, gy) = (layer.x, layer.gy)
        let length = shape.dropFirst(2).reduce(1, *)
        func slope(_ index: Int) -> Float { slopes[index / length % shape[1]] }
        #expect(try layer.y.tensor().values(as: Float.self) == x.indices.map { Self.rounded(x[$0] > 0 ? x[$0] : x[$0] * slope($0)) })
        #expect(try layer.gx.tensor().values(as: Float.self) == x.indices.map { Self.rounded(x[$0] > 0 ? gy[$0] : gy[$0] * slope($0)) })
        var sums = [Double](repeating: 0, count: shape[1])
        for index in x.indices where x[index] <= 0 { sums[index / length % shape[1]] += Double(gy[index]) * Double(x[index]) }
        let parameter = try #require(layer.graph.parameters.first { $0.name.hasSuffix("slope") })
        #expect(relativeError(try #require(try parameter.tensor.gradient()).doubles(), sums) < 1e-5)
    }

    @Test(arguments: shapes.filter { $0.count > 2 }, [TorchTensor.Layout.rowMajor, .channelsLast])
    func `Means and gates of channels and their gradients are those of sums and products`(_ shape: [Int], _ layout: TorchTensor.Layout) throws {
        let axes = Array(2..<shape.count), small = shape.prefix(2) + axes.map { _ in 1 }
        for type in [ElementType.float32, .float64] {
            func gradients(_ mean: (TorchTensor) throws -> TorchTensor, _ gated: (TorchTensor, TorchTensor) throws -> TorchTensor) throws -> [[Double]] {
                let x = try TorchTensor(TestData.noise(shape, seed: 1)).converted(to: type, layout: layout), gate = try TorchTensor(TestData.noise(Array(small), seed: 2)).converted(to: type)
                for leaf in [x, gate] { try leaf.setRequiresGradient(true) }
                let y = try gated(x, gate), means = try mean(x)
                #expect(y.isChannelsLast == x.isChannelsLast && means.shape == Array(small))
                try ((y * TorchTensor(TestData.noise(shape, seed: 3)).converted(to: type)).sum() + (means * means).sum()).backward()
                return try [y.doubles(), means.doubles(), #require(try x.gradient()).doubles(), #require(try gate.gradient()).doubles()]
            }
            let got = try gradients({ try $0.channelMeans() }, { try $0.scaled(byChannel: $1) }), expected = try gradients({ try $0.mean(axes, keepsAxes: true) }, { try $0 * $1 })
            for (a, b) in zip(got, expected) { #expect(relativeError(a, b) < (type == .float32 ? 1e-5 : 1e-13)) }
        }
        #expect(throws: TorchError.self) { try TorchTensor(TestData.noise(shape, seed: 1)).scaled(byChannel: TorchTensor(TestData.noise([shape[0], shape[1] + 1] + axes.map { _ in 1 }, seed: 2))) }
    }

    /// x · sigmoid(mean of x) and its gradient: of what passes between, eight bits are kept.
    @Test(arguments: shapes.filter { $0.count > 2 }, [false, true])
    func `Gates in bfloat16 are those of exact numbers but for what rounding loses`(_ shape: [Int], _ isChannelsLast: Bool) throws {
        guard TrainableGraph.hasBFloat16(.cpu) else {
            print("SKIPPED: this processor does not multiply in bfloat16; gates in it are not tested here")
            return
        }
        let layer = try NarrowLayer(shape, isChannelsLast: isChannelsLast) { $0.multiply($1, $0.sigmoid($0.globalAveragePool($1))) }
        let x = layer.x.map(Double.init), gy = layer.gy.map(Double.init), length = shape.dropFirst(2).reduce(1, *)
        var (y, gx) = (x, x)
        for start in stride(from: 0, to: x.count, by: length) {
            let own = start..<start + length, gate = 1 / (1 + exp(-own.reduce(0) { $0 + x[$1] } / Double(length)))
            let share = own.reduce(0) { $0 + gy[$1] * x[$1] } * gate * (1 - gate) / Double(length)
            for index in own { (y[index], gx[index]) = (x[index] * gate, gy[index] * gate + share) }
        }
        #expect(relativeError(try layer.y.doubles(), y) < 0.01)
        #expect(relativeError(try layer.gx.doubles(), gx) < 0.01)
    }

    /// Batch normalisation by its definition, one channel at a time: `[batch, channels, …]` row-major, and the gradients of what it makes.
    private static func normalized(_ x: [Double], _ gy: [Double], _ shape: [Int], scale: [Double], bias: [Double], epsilon: Double)
        -> (y: [Double], gx: [Double], gscale: [Double], gbias: [Double], mean: [Double], variance: [Double])
    {
        let channels = shape[1], length = shape.dropFirst(2).reduce(1, *), count = Double(x.count / channels)
        var (y, gx) = (x, x), gscale: [Double] = [], gbias: [Double] = [], means: [Double] = [], variances: [Double] = []
        for c in 0..<channels {
            let own = x.indices.filter { $0 / length % channels == c }
            let mean = own.reduce(0) { $0 + x[$1] } / count, variance = own.reduce(0) { $0 + (x[$1] - mean) * (x[$1] - mean) } / count
            let deviation = (variance + epsilon).squareRoot()
            func hat(_ index: Int) -> Double { (x[index] - mean) / deviation }
            let sum = own.reduce(0) { $0 + gy[$1] }, product = own.reduce(0) { $0 + gy[$1] * hat($1) }
            for index in own {
                y[index] = hat(index) * scale[c] + bias[c]
                gx[index] = scale[c] / deviation * (gy[index] - sum / count - hat(index) * product / count)
            }
            gscale.append(product)
            gbias.append(sum)
            means.append(mean)
            variances.append(variance * count / (count - 1))
        }
        return (y, gx, gscale, gbias, means, variances)
    }

    /// In the middle of numbers a hundred times as large as their spread, where squares less the square of the mean have no digits left. Of two values a channel there is no
    /// gradient but what epsilon leaves, so that there are seven in place of them.
    @Test(arguments: shapes.filter { $0 != [2, 33, 1, 1] } + [[7, 33, 1, 1]], [TorchTensor.Layout.rowMajor, .channelsLast])
    func `Batch normalisation follows its definition, forward and back`(_ shape: [Int], _ layout: TorchTensor.Layout) throws {
        for type in [ElementType.float32, .float64] {
            func tensor(_ values: [Double], _ shape: [Int]) throws -> TorchTensor { try TorchTensor(values.map(Float.init), shape: shape).converted(to: type, layout: layout).clone() }
            let channels = shape[1], middle: Double = 100
            let x = TestData.noise(shape, seed: 1).doubles.map { Double(Float($0 + middle)) }, gy = TestData.noise(shape, seed: 2).doubles
            let scale = TestData.noise([channels], seed: 3).doubles, bias = TestData.noise([channels], seed: 4).doubles
            let leaves = try [tensor(x, shape), tensor(scale, [channels]), tensor(bias, [channels])]
            for leaf in leaves { try leaf.setRequiresGradient(true) }
            let mean = try tensor([Double](repeating: 2, count: channels), [channels]), variance = try tensor([Double](repeating: 3, count: channels), [channels])
            let y = try leaves[0].batchNormalized(scale: leaves[1], bias: leaves[2], mean: mean, variance: variance, isTraining: true, momentum: 0.25)
            #expect(y.isChannelsLast == leaves[0].isChannelsLast)
            try y.backward(tensor(gy, shape))
            let expected = Self.normalized(x, gy, shape, scale: scale, bias: bias, epsilon: 1e-5)
            // Differences from a mean of 100 have three digits less than float32.
            let tolerance = type == .float32 ? 5e-4 : 1e-11
            #expect(relativeError(try y.doubles(), expected.y) < tolerance)
            #expect(relativeError(try #require(try leaves[0].gradient()).doubles(), expected.gx) < tolerance)
            #expect(relativeError(try #require(try leaves[1].gradient()).doubles(), expected.gscale) < tolerance)
            #expect(relativeError(try #require(try leaves[2].gradient()).doubles(), expected.gbias) < tolerance)
            #expect(relativeError(try mean.doubles(), expected.mean.map { 0.75 * 2 + 0.25 * $0 }) < (type == .float32 ? 1e-6 : 1e-13))
            #expect(relativeError(try variance.doubles(), expected.variance.map { 0.75 * 3 + 0.25 * $0 }) < tolerance)
        }
    }

    /// Of a result what bfloat16 rounds away is lost and no more.
    @Test(arguments: shapes.filter { $0.count > 2 && $0.dropFirst(2).reduce($0[0], *) > 2 }, [false, true])
    func `Batch normalisation in bfloat16 rounds what it stores`(_ shape: [Int], _ isChannelsLast: Bool) throws {
        guard TrainableGraph.hasBFloat16(.cpu) else {
            print("SKIPPED: this processor does not multiply in bfloat16; batch normalisation in it is not tested here")
            return
        }
        let layer = try NarrowLayer(shape, isChannelsLast: isChannelsLast) { $0.batchNormalization($1) }
        let one = [Double](repeating: 1, count: shape[1]), zero = [Double](repeating: 0, count: shape[1])
        let expected = Self.normalized(layer.x.map(Double.init), layer.gy.map(Double.init), shape, scale: one, bias: zero, epsilon: 1e-5)
        for (got, expected) in try zip([layer.y.doubles(), layer.gx.doubles()], [expected.y, expected.gx]) {
            #expect(got.allSatisfy { Double(Self.rounded(Float($0))) == $0 })
            // Half a unit of the eighth binary digit, and what comes of sums in float32.
            #expect(zip(got, expected).allSatisfy { abs($0 - $1) <= abs($1) / 256 + 1e-4 })
        }
    }

    /// A depthwise convolution of `[batch, channels, height, width]`, and what a kernel `[channels, 1, …]` makes of it.
    struct Depthwise: CustomTestStringConvertible {
        var shape: [Int], kernel: [Int], strides = [1, 1], padding = [0, 0], dilations = [1, 1]
        var testDescription: String { "\(shape) by \(kernel), strides \(strides), padding \(padding), dilations \(dilations)" }

        var outputs: [Int] { (0..<2).map { (shape[$0 + 2] + 2 * padding[$0] - dilations[$0] * (kernel[$0] - 1) - 1) / strides[$0] + 1 } }

        /// Its definition: y, and the gradients of x and the weights.
        func reference(_ x: [Double], _ weight: [Double], _ gy: [Double]) -> (y: [Double], gx: [Double], gweight: [Double]) {
            let (channels, height, width) = (shape[1], shape[2], shape[3]), outputs = outputs
            var y = [Double](repeating: 0, count: gy.count), gx = [Double](repeating: 0, count: x.count), gweight = [Double](repeating: 0, count: weight.count)
            for plane in 0..<shape[0] * channels {
                for output in 0..<outputs[0] * outputs[1] {
                    for tap in 0..<kernel[0] * kernel[1] {
                        let row = output / outputs[1] * strides[0] + tap / kernel[1] * dilations[0] - padding[0]
                        let column = output % outputs[1] * strides[1] + tap % kernel[1] * dilations[1] - padding[1]
                        guard (0..<height).contains(row), (0..<width).contains(column) else { continue }
                        let from = (plane * height + row) * width + column, to = plane * outputs[0] * outputs[1] + output, at = plane % channels * kernel[0] * kernel[1] + tap
                        y[to] += x[from] * weight[at]
                        gx[from] += gy[to] * weight[at]
                        gweight[at] += gy[to] * x[from]
                    }
                }
            }
            return (y, gx, gweight)
        }
    }

    /// Kernels as large as their input, and rows: blocks of channels and what remains of them, kernels that reach over both ends, steps that leave inputs out.
    static let depthwise: [Depthwise] = [
        .init(shape: [3, 17, 5, 7], kernel: [5, 7]), .init(shape: [2, 33, 1, 3], kernel: [1, 3]), .init(shape: [17, 4, 7, 7], kernel: [7, 7]), .init(shape: [4, 64, 3, 3], kernel: [3, 3]),
        .init(shape: [3, 41, 1, 29], kernel: [1, 5], padding: [0, 4], dilations: [1, 2]), .init(shape: [2, 32, 1, 30], kernel: [1, 3], strides: [1, 3], padding: [0, 1]),
        .init(shape: [2, 9, 1, 6], kernel: [1, 5], strides: [1, 2], padding: [0, 8], dilations: [1, 4]), .init(shape: [1, 40, 1, 11], kernel: [1, 4], strides: [1, 4]),
    ]

    @Test(arguments: depthwise, [TorchTensor.Layout.rowMajor, .channelsLast])
    func `A depthwise convolution and its gradients are sums over taps`(_ convolution: Depthwise, _ layout: TorchTensor.Layout) throws {
        let (shape, channels) = (convolution.shape, convolution.shape[1]), kernel = [channels, 1] + convolution.kernel, made = [shape[0], channels] + convolution.outputs
        let x = TestData.noise(shape, seed: 1).doubles, weight = TestData.noise(kernel, seed: 2).doubles, gy = TestData.noise(made, seed: 3).doubles
        let expected = convolution.reference(x, weight, gy)
        for type in [ElementType.float32, .float64] {
            let leaves = try [(x, shape), (weight, kernel)].map { try TorchTensor($0.map(Float.init), shape: $1).converted(to: type, layout: layout).clone() }
            for leaf in leaves { try leaf.setRequiresGradient(true) }
            let y = try leaves[0].convolved(leaves[1], strides: convolution.strides, padding: convolution.padding, dilations: convolution.dilations, groups: channels)
            try #require(y.shape == made)
            try y.backward(TorchTensor(gy.map(Float.init), shape: made).converted(to: type))
            let tolerance = type == .float32 ? 1e-5 : 1e-13
            #expect(relativeError(try y.doubles(), expected.y) < tolerance)
            #expect(relativeError(try #require(try leaves[0].gradient()).doubles(), expected.gx) < tolerance)
            #expect(relativeError(try #require(try leaves[1].gradient()).doubles(), expected.gweight) < tolerance)
        }
    }

    /// Rows in bfloat16, whose channels lie innermost from the first convolution on, lose no more of float32 than the same as row-major pictures of one line, which libtorch
    /// computes: what normalisation takes away of a gradient costs digits whoever stores it.
    @Test func `Convolutions of rows in bfloat16 lose what storing in it loses`() throws {
        guard TrainableGraph.hasBFloat16(.cpu) else {
            print("SKIPPED: this processor does not multiply in bfloat16; convolutions of rows in it are not tested here")
            return
        }
        func graph(_ line: [Int]) throws -> Graph {
            var net = GraphBuilder(name: "rows", seed: 3)
            let input = net.input("x", [.free("batch"), .fixed(20)] + line.map(ValueInfo.Dimension.fixed) + [.free("frames")])
            var x = net.prelu(net.batchNormalization(net.convolution(input, 40, kernel: line + [5], bias: false)))
            x = net.batchNormalization(net.convolution(x, 40, kernel: line + [5], dilations: line + [2], groups: 40, bias: false))
            return try net.graph(outputs: ["y": net.convolution(x, 24, kernel: line + [1], bias: true)])
        }
        let rows = TestData.noise([6, 20, 33], seed: 1), gradient = TestData.noise([6, 24, 33], seed: 2)
        func trained(_ line: [Int], _ precision: Precision) throws -> [[Double]] {
            var options = TrainableGraph.Options()
            options.usesChannelsLast = false
            let network = try TrainableGraph(graph(line), options: options)
            (network.isTraining, network.precision) = (true, precision)
            let leaf = try TorchTensor(rows).reshaped([6, 20] + line + [33]).clone()
            try leaf.setRequiresGradient(true)
            let y = try network(leaf)
            try y.backward(TorchTensor(gradient).reshaped([6, 24] + line + [33]))
            return try [y.doubles(), #require(try leaf.gradient()).doubles()] + network.parameters.map { try #require(try $0.tensor.gradient()).doubles() }
        }
        let exact = try trained([], .single), narrow = try trained([], .mixed), pictures = try trained([1], .mixed)
        #expect(exact.count == 11 && narrow.count == 11 && pictures.count == 11)
        func distance(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() }
        for index in exact.indices {
            #expect(narrow[index] != exact[index])
            #expect(distance(narrow[index], exact[index]) <= 1.2 * distance(pictures[index], exact[index]), "value \(index) of \(exact.count)")
        }
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
