import Inference
import ModelBundle
import Tensors
import Testing

/// Fast kernels of every variant that this processor has, against the reference that runs where nothing is optimised.
@Suite struct ConvolutionTests {
    /// Single precision sums of up to 2000 products in another order.
    static let tolerance: Float = 2e-5

    struct Layer: CustomTestStringConvertible, Sendable {
        var input: [Int]
        var outputs: Int
        var kernel: [Int]
        var strides: [Int]?
        var pads: [Int]?
        var dilations: [Int]?
        var group = 1
        var activation = ""
        var hasBias = true
        var hasResidual = false
        var isAutomatic = false
        /// Whether minimal filtering should serve it.
        var isFiltered = false

        var testDescription: String { "\(input) → \(outputs), kernel \(kernel), strides \(strides ?? []), pads \(pads ?? []), dilations \(dilations ?? []), group \(group) \(activation)\(hasResidual ? " + residual" : "")" }
    }

    static let layers: [Layer] = [
        // One dimension, as speaker networks have it.
        Layer(input: [1, 80, 37], outputs: 33, kernel: [5]),
        Layer(input: [2, 7, 41], outputs: 5, kernel: [3], pads: [2, 4], dilations: [3], activation: "Relu"),
        Layer(input: [1, 1, 1], outputs: 1, kernel: [1]),
        Layer(input: [1, 16, 29], outputs: 17, kernel: [4], strides: [3], pads: [1, 0], activation: "LeakyRelu"),
        // First layers: few channels, read as they are.
        Layer(input: [1, 3, 31, 45], outputs: 16, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], activation: "Relu"),
        Layer(input: [2, 3, 17, 19], outputs: 37, kernel: [5, 3], pads: [2, 0, 1, 3], activation: "PRelu"),
        Layer(input: [1, 4, 12, 12], outputs: 8, kernel: [3, 3], dilations: [2, 2]),
        Layer(input: [1, 3, 24, 24], outputs: 16, kernel: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], hasBias: false),
        // Pointwise, odd channels and pixels.
        Layer(input: [1, 16, 13, 11], outputs: 16, kernel: [1, 1]),
        Layer(input: [3, 64, 7, 9], outputs: 70, kernel: [1, 1], activation: "HardSwish", hasResidual: true),
        Layer(input: [1, 33, 5, 5], outputs: 129, kernel: [1, 1], strides: [2, 2], activation: "Clip"),
        Layer(input: [1, 12, 3, 3], outputs: 1, kernel: [1, 1], activation: "Sigmoid"),
        // Whole kernels over channels.
        Layer(input: [1, 19, 14, 15], outputs: 45, kernel: [3, 3], pads: [1, 1, 1, 1], activation: "PRelu", hasResidual: true),
        Layer(input: [2, 8, 9, 30], outputs: 24, kernel: [5, 5], pads: [2, 2, 2, 2], activation: "Tanh"),
        Layer(input: [1, 5, 16, 16], outputs: 10, kernel: [3, 3], isAutomatic: true),
        Layer(input: [1, 6, 10, 10], outputs: 4, kernel: [2, 3], strides: [3, 2], pads: [1, 0, 2, 4]),
        Layer(input: [1, 32, 6, 6], outputs: 20, kernel: [3, 3], strides: [3, 3]),
        Layer(input: [1, 16, 4, 4], outputs: 16, kernel: [4, 4]),
        // Groups.
        Layer(input: [1, 12, 8, 9], outputs: 18, kernel: [3, 3], pads: [1, 1, 1, 1], group: 3, activation: "Relu"),
        Layer(input: [1, 6, 8, 9], outputs: 12, kernel: [3, 3], pads: [1, 1, 1, 1], group: 6),
        // Depthwise.
        Layer(input: [1, 16, 13, 17], outputs: 16, kernel: [3, 3], pads: [1, 1, 1, 1], group: 16, activation: "Relu"),
        Layer(input: [2, 37, 9, 8], outputs: 37, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], group: 37, activation: "PRelu"),
        Layer(input: [1, 20, 15, 14], outputs: 20, kernel: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], group: 20, activation: "Clip", hasResidual: true),
        Layer(input: [1, 64, 7, 7], outputs: 64, kernel: [7, 7], group: 64),
        Layer(input: [1, 10, 2, 3], outputs: 10, kernel: [3, 3], pads: [1, 1, 1, 1], group: 10),
        Layer(input: [1, 18, 12, 11], outputs: 18, kernel: [5, 5], pads: [4, 4, 4, 4], dilations: [2, 2], group: 18, activation: "HardSigmoid"),
        Layer(input: [1, 48, 50], outputs: 48, kernel: [3], pads: [1, 1], group: 48),
        // Three dimensions, as lip networks have them.
        Layer(input: [1, 1, 5, 20, 21], outputs: 16, kernel: [1, 5, 5], strides: [1, 2, 2], pads: [0, 2, 2, 0, 2, 2], activation: "Relu"),
        Layer(input: [1, 16, 7, 6, 5], outputs: 34, kernel: [5, 1, 1], pads: [2, 0, 0, 2, 0, 0], activation: "Relu"),
        Layer(input: [2, 8, 6, 7, 5], outputs: 9, kernel: [3, 3, 3], strides: [2, 1, 2], pads: [1, 1, 1, 1, 1, 1]),
        Layer(input: [1, 9, 4, 5, 6], outputs: 9, kernel: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1], group: 9),
        // Filtered along the width: lengths that are and are not multiples of four, padding on either side, several bands of rows.
        Layer(input: [1, 32, 9, 14], outputs: 48, kernel: [5, 5], pads: [2, 2, 2, 2], activation: "Relu", isFiltered: true),
        Layer(input: [2, 16, 7, 18], outputs: 16, kernel: [3, 3], pads: [1, 0, 1, 2], hasResidual: true, isFiltered: true),
        Layer(input: [1, 16, 70, 60], outputs: 32, kernel: [3, 3], pads: [1, 1, 1, 1], activation: "Clip", isFiltered: true),
        Layer(input: [1, 48, 41], outputs: 32, kernel: [5], hasBias: false, isFiltered: true),
        Layer(input: [1, 16, 3, 6, 19], outputs: 16, kernel: [1, 3, 3], pads: [0, 0, 3, 0, 2, 0], activation: "Relu", isFiltered: true),
        // Filtered along time.
        Layer(input: [1, 32, 8, 6, 5], outputs: 16, kernel: [5, 1, 1], pads: [2, 0, 0, 2, 0, 0], activation: "Relu", isFiltered: true),
        Layer(input: [2, 16, 13, 7, 4], outputs: 48, kernel: [3, 1, 1], hasResidual: true, isFiltered: true),
        Layer(input: [1, 64, 7, 30, 31], outputs: 64, kernel: [3, 1, 1], pads: [1, 0, 0, 1, 0, 0], isFiltered: true),
        // A picture wide enough to leave the cache: taken in several blocks.
        Layer(input: [1, 24, 60, 61], outputs: 40, kernel: [1, 1], activation: "Relu"),
    ]

    private static func graph(_ layer: Layer) -> Graph {
        var builder = GraphBuilder()
        let x = builder.input("x", layer.input)
        var inputs = [x, builder.weight(noise([layer.outputs, layer.input[1] / layer.group] + layer.kernel, seed: 7, scale: 0.5))]
        if layer.hasBias { inputs.append(builder.weight(noise([layer.outputs], seed: 8))) }
        var attributes: [String: Attribute] = ["group": .int(layer.group)]
        if let strides = layer.strides { attributes["strides"] = .ints(strides) }
        if let pads = layer.pads { attributes["pads"] = .ints(pads) }
        if let dilations = layer.dilations { attributes["dilations"] = .ints(dilations) }
        if layer.isAutomatic { attributes["auto_pad"] = .string("SAME_UPPER") }
        var value = builder.node("Conv", inputs, attributes)
        if layer.hasResidual {
            // The same layer again, so that the residual has the right shape.
            let other = builder.node("Conv", [x, builder.weight(noise([layer.outputs, layer.input[1] / layer.group] + layer.kernel, seed: 9, scale: 0.5))], attributes)
            value = builder.node("Add", [other, value])
        }
        let spatial = layer.kernel.map { _ in 1 }
        switch layer.activation {
        case "": break
        case "PRelu": value = builder.node("PRelu", [value, builder.weight(noise([layer.outputs] + spatial, seed: 10))])
        case "Clip": value = builder.node("Clip", [value, builder.weight(Tensor(scalar: Float(-0.5))), builder.weight(Tensor(scalar: Float(0.75)))])
        case "LeakyRelu": value = builder.node("LeakyRelu", [value], ["alpha": .float(0.3)])
        default: value = builder.node(layer.activation, [value])
        }
        builder.output(value)
        return builder.graph
    }

    @Test(arguments: layers) func everyVariantEqualsTheReference(_ layer: Layer) throws {
        let graph = Self.graph(layer)
        var plain = NetworkOptions()
        plain.isOptimized = false
        let expected = try run(Network(graph, options: plain))[0]
        var variants = 0
        for instructionSet in InstructionSet.available {
            var options = NetworkOptions()
            options.instructionSet = instructionSet
            let network = try Network(graph, options: options)
            #expect(network.profile.steps.contains { $0.operation == "fwoc.Conv" })
            if layer.isFiltered {
                // More weights than the layer has say that they were transformed: 6 for 3, 8 for 5.
                let weights = layer.outputs * layer.input[1] * layer.kernel.reduce(1, *) * 4
                #expect(network.profile.weightBytes > weights * 3 / 2, "\(instructionSet)")
            }
            #expect(relativeError(try run(network)[0], expected) < Self.tolerance, "\(instructionSet)")
            // What a run leaves behind must not change the next one.
            #expect(relativeError(try run(network)[0], expected) < Self.tolerance, "\(instructionSet), second run")
            variants += 1
        }
        #expect(variants == InstructionSet.available.count && variants >= 1)
    }

    /// Large values between the layers, so that they run row by row.
    @Test(arguments: [(1, 96, 130), (2, 61, 97)]) func chainsEqualTheReference(batch: Int, height: Int, width: Int) throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [batch, 3, height, width])
        func conv(_ input: String, _ from: Int, _ to: Int, _ kernel: Int, stride: Int = 1, group: Int = 1, seed: Int) -> String {
            builder.node(
                "Conv", [input, builder.weight(noise([to, from / group, kernel, kernel], seed: seed, scale: 0.4)), builder.weight(noise([to], seed: seed + 50))],
                ["pads": .ints([Int](repeating: kernel / 2, count: 4)), "strides": .ints([stride, stride]), "group": .int(group)])
        }
        var value = builder.node("Relu", [conv(x, 3, 24, 3, seed: 20)])
        value = conv(value, 24, 20, 1, seed: 21)
        value = builder.node("Relu", [conv(value, 20, 20, 3, group: 20, seed: 22)])
        value = builder.node("MaxPool", [value], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        let short = value
        value = conv(value, 20, 70, 1, seed: 23)
        value = builder.node("PRelu", [conv(value, 70, 70, 3, group: 70, seed: 24), builder.weight(noise([70, 1, 1], seed: 30))])
        value = builder.node("Add", [conv(value, 70, 20, 1, seed: 25), short])
        value = conv(value, 20, 36, 3, stride: 2, seed: 26)
        builder.output(value)
        var plain = NetworkOptions()
        plain.isOptimized = false
        let expected = try run(Network(builder.graph, options: plain))[0]
        for instructionSet in InstructionSet.available {
            var options = NetworkOptions()
            options.instructionSet = instructionSet
            let network = try Network(builder.graph, options: options)
            #expect(network.profile.steps.contains { $0.operation == "fwoc.Chain" })
            #expect(relativeError(try run(network)[0], expected) < Self.tolerance, "\(instructionSet)")
            #expect(relativeError(try run(network)[0], expected) < Self.tolerance, "\(instructionSet), second run")
        }
    }

    @Test(arguments: ["MaxPool", "AveragePool"], [[1, 5, 9, 10], [2, 33, 13, 8], [1, 16, 4, 6, 7], [1, 7, 23]])
    func poolsEqualTheReference(_ kind: String, _ shape: [Int]) throws {
        let rank = shape.count - 2
        let cases: [[String: Attribute]] = [
            ["kernel_shape": .ints([Int](repeating: 3, count: rank)), "strides": .ints([Int](repeating: 2, count: rank)), "pads": .ints([Int](repeating: 1, count: 2 * rank))],
            ["kernel_shape": .ints([Int](repeating: 2, count: rank)), "strides": .ints([Int](repeating: 2, count: rank))],
            ["kernel_shape": .ints([Int](repeating: 2, count: rank)), "strides": .ints([Int](repeating: 3, count: rank)), "pads": .ints([Int](repeating: 1, count: 2 * rank)), "count_include_pad": .int(kind == "AveragePool" ? 1 : 0)],
        ]
        for attributes in cases {
            var builder = GraphBuilder()
            builder.output(builder.node(kind, [builder.input("x", shape)], attributes))
            var plain = NetworkOptions()
            plain.isOptimized = false
            let expected = try run(Network(builder.graph, options: plain))[0]
            for instructionSet in InstructionSet.available {
                var options = NetworkOptions()
                options.instructionSet = instructionSet
                #expect(relativeError(try run(Network(builder.graph, options: options))[0], expected) < 1e-6, "\(instructionSet)")
            }
        }
    }
}
