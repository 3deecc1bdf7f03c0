import Foundation
import Inference
import ModelBundle
import Tensors
import Testing

/// Layers in eight bits, of every variant that this processor has, against a reference that can be read: the same bits.
@Suite struct QuantizedLayerTests {
    struct Layer: CustomTestStringConvertible, Sendable {
        enum Residual: Sendable { case none, float, bytes }

        var input: [Int]
        var outputs: Int
        var kernel: [Int]
        var strides: [Int]?
        var pads: [Int]?
        var dilations: [Int]?
        var group = 1
        var activation = ""
        var hasBias = true
        var residual = Residual.none
        var isFloat = false
        /// Read by something else too, so that no planes are put together.
        var readsTwice = false

        var testDescription: String { "\(input) → \(outputs), kernel \(kernel), strides \(strides ?? []), pads \(pads ?? []), dilations \(dilations ?? []), group \(group) \(activation) \(residual)\(isFloat ? " to float" : "")" }
    }

    static let layers: [Layer] = [
        Layer(input: [1, 80, 37], outputs: 33, kernel: [5], pads: [2, 2], activation: "Relu"),
        Layer(input: [2, 7, 41], outputs: 5, kernel: [3], pads: [2, 4], dilations: [3], activation: "PRelu"),
        Layer(input: [1, 1, 1], outputs: 1, kernel: [1]),
        Layer(input: [1, 16, 29], outputs: 17, kernel: [4], strides: [3], pads: [1, 0], activation: "LeakyRelu"),
        // First layers: planes, put together while they are rounded, and not.
        Layer(input: [1, 3, 31, 45], outputs: 16, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], activation: "Relu"),
        Layer(input: [2, 3, 17, 19], outputs: 37, kernel: [5, 3], pads: [2, 0, 1, 3], activation: "PRelu"),
        Layer(input: [1, 2, 9, 8], outputs: 8, kernel: [3, 3], readsTwice: true),
        Layer(input: [2, 1, 16, 12], outputs: 16, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], activation: "Relu"),
        // Pointwise, odd channels and pixels, blocks of pixels.
        Layer(input: [1, 16, 13, 11], outputs: 16, kernel: [1, 1], isFloat: true),
        Layer(input: [3, 64, 7, 9], outputs: 70, kernel: [1, 1], residual: .bytes),
        Layer(input: [1, 48, 9, 9], outputs: 96, kernel: [1, 1], activation: "PRelu", residual: .bytes, isFloat: true),
        Layer(input: [1, 33, 5, 5], outputs: 129, kernel: [1, 1], strides: [2, 2], activation: "Relu", residual: .float),
        Layer(input: [1, 200, 41, 37], outputs: 18, kernel: [1, 1], hasBias: false),
        // Whole kernels over channels.
        Layer(input: [1, 19, 14, 15], outputs: 45, kernel: [3, 3], pads: [1, 1, 1, 1], activation: "Relu", residual: .bytes),
        Layer(input: [1, 6, 10, 10], outputs: 4, kernel: [2, 3], strides: [3, 2], pads: [1, 0, 2, 4], dilations: [1, 2]),
        Layer(input: [1, 5, 4, 6, 5], outputs: 9, kernel: [3, 2, 3], strides: [2, 1, 1], pads: [1, 0, 1, 1, 1, 1]),
        // Depthwise: 3×3 and others, full and part blocks of channels.
        Layer(input: [1, 32, 13, 17], outputs: 32, kernel: [3, 3], pads: [1, 1, 1, 1], group: 32, activation: "Relu"),
        Layer(input: [2, 37, 9, 8], outputs: 37, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], group: 37, activation: "PRelu"),
        Layer(input: [1, 48, 6, 5], outputs: 48, kernel: [3, 3], strides: [1, 2], pads: [1, 0, 1, 0], group: 48, isFloat: true),
        Layer(input: [1, 64, 7, 7], outputs: 64, kernel: [7, 7], group: 64),
        Layer(input: [1, 10, 2, 3], outputs: 10, kernel: [3, 3], pads: [1, 1, 1, 1], group: 10, hasBias: false),
        Layer(input: [1, 48, 50], outputs: 48, kernel: [5], pads: [6, 2], dilations: [2], group: 48, activation: "Relu"),
    ]

    static let inputScale: Float = 0.03, inputZero: UInt8 = 113, residualScale: Float = 0.021, residualZero: UInt8 = 90, innerScale: Float = 0.05, innerZero: UInt8 = 131
    static let outputScale: Float = 0.045, outputZero: UInt8 = 77

    private struct Made {
        var graph: Graph
        var weights: [Int8], weightScales: [Float], bias: [Int32], slope: [Float]
    }

    private static func graph(_ layer: Layer) -> Made {
        var builder = GraphBuilder()
        func quantized(_ value: String, _ scale: Float, _ zero: UInt8) -> String {
            let parameters = [builder.weight(Tensor(scalar: scale)), builder.weight(Tensor(scalar: zero))]
            return builder.node("DequantizeLinear", [builder.node("QuantizeLinear", [value] + parameters)] + parameters)
        }
        let each = layer.input[1] / layer.group * layer.kernel.reduce(1, *)
        let weights = noise(layer.outputs * each, seed: 7).map { Int8(($0 * 127).rounded()) }
        let scales = noise(layer.outputs, seed: 5).map { 0.002 + abs($0) * 0.01 / Float(each).squareRoot() }
        let bias = noise(layer.outputs, seed: 8).map { Int32($0 * 9000) }
        let slope = noise(layer.outputs, seed: 10)
        let x = builder.input("x", layer.input)
        let zeros = builder.weight(Tensor(shape: [layer.outputs], values: [Int8](repeating: 0, count: layer.outputs)))
        let w = builder.node(
            "DequantizeLinear",
            [
                builder.weight(Tensor(shape: [layer.outputs, layer.input[1] / layer.group] + layer.kernel, values: weights)), builder.weight(Tensor(shape: [layer.outputs], values: scales)),
                zeros,
            ], ["axis": .int(0)])
        var inputs = [quantized(x, inputScale, inputZero), w]
        if layer.hasBias {
            inputs.append(
                builder.node(
                    "DequantizeLinear",
                    [builder.weight(Tensor(shape: [layer.outputs], values: bias)), builder.weight(Tensor(shape: [layer.outputs], values: scales.map { $0 * inputScale }))], ["axis": .int(0)]))
        }
        if layer.readsTwice { builder.output(inputs[0]) }
        var attributes: [String: Attribute] = ["group": .int(layer.group)]
        if let strides = layer.strides { attributes["strides"] = .ints(strides) }
        if let pads = layer.pads { attributes["pads"] = .ints(pads) }
        if let dilations = layer.dilations { attributes["dilations"] = .ints(dilations) }
        var value = builder.node("Conv", inputs, attributes)
        var other = ""
        if layer.residual != .none { other = builder.input("residual", Self.output(layer)) }
        if layer.residual == .float { value = builder.node("Add", [other, value]) }
        switch layer.activation {
        case "": break
        case "PRelu": value = builder.node("PRelu", [value, builder.weight(Tensor(shape: [layer.outputs] + layer.kernel.map { _ in 1 }, values: slope))])
        case "LeakyRelu": value = builder.node("LeakyRelu", [value], ["alpha": .float(0.3)])
        default: value = builder.node(layer.activation, [value])
        }
        if layer.residual == .bytes { value = builder.node("Add", [quantized(other, residualScale, residualZero), quantized(value, innerScale, innerZero)]) }
        if !layer.isFloat && layer.residual != .float {
            value = quantized(value, outputScale, outputZero)
        }
        builder.output(value)
        return Made(graph: builder.graph, weights: weights, weightScales: scales, bias: bias, slope: slope)
    }

    private static func spatial(_ layer: Layer) -> [(size: Int, stride: Int, dilation: Int, pad: Int)] {
        let rank = layer.kernel.count
        return (0..<rank).map { axis in
            let stride = layer.strides?[axis] ?? 1, dilation = layer.dilations?[axis] ?? 1, pads = layer.pads ?? [Int](repeating: 0, count: 2 * rank)
            let room = layer.input[2 + axis] + pads[axis] + pads[rank + axis] - (layer.kernel[axis] - 1) * dilation - 1
            return (room / stride + 1, stride, dilation, pads[axis])
        }
    }

    private static func output(_ layer: Layer) -> [Int] { [layer.input[0], layer.outputs] + spatial(layer).map(\.size) }

    private static func rounded(_ x: Float, _ scale: Float, _ zero: UInt8) -> Int {
        min(max(Int((x / scale).rounded(.toNearestOrEven)) + Int(zero), 0), 255)
    }

    /// Exact sums of integers; then float32, a step at a time.
    private static func reference(_ layer: Layer, _ made: Made, _ x: [Float], _ residual: [Float]) -> [Float] {
        let axes = spatial(layer), shape = output(layer), outer = axes.map(\.size), inner = Array(layer.input.dropFirst(2))
        let each = layer.input[1] / layer.group, taps = layer.kernel.reduce(1, *)
        let steps = x.map { rounded($0, inputScale, inputZero) - Int(inputZero) }
        func index(_ number: Int, _ sizes: [Int]) -> [Int] {
            var left = number, result: [Int] = []
            for size in sizes.reversed() {
                result.insert(left % size, at: 0)
                left /= size
            }
            return result
        }
        let unit: Float = layer.residual == .bytes ? innerScale : layer.isFloat || layer.residual == .float ? 1 : outputScale
        let places = outer.reduce(1, *)
        return (0..<shape.reduce(1, *)).map { target -> Float in
            let place = index(target % places, outer), o = target / places % layer.outputs, n = target / places / layer.outputs
            var sum = layer.hasBias ? Int(made.bias[o]) : 0
            for tap in 0..<taps {
                let k = index(tap, layer.kernel)
                var source = 0, isInside = true
                for axis in axes.indices {
                    let at = place[axis] * axes[axis].stride - axes[axis].pad + k[axis] * axes[axis].dilation
                    isInside = isInside && at >= 0 && at < inner[axis]
                    source = source * inner[axis] + at
                }
                guard isInside else { continue }
                for i in 0..<each {
                    let channel = o / (layer.outputs / layer.group) * each + i
                    sum += steps[(n * layer.input[1] + channel) * inner.reduce(1, *) + source] * Int(made.weights[(o * each + i) * taps + tap])
                }
            }
            let factor = inputScale * made.weightScales[o] / unit
            var y = Float(sum) * factor
            if layer.residual == .float { y = y + residual[target] }
            switch layer.activation {
            case "Relu": y = max(y, 0)
            case "LeakyRelu": y = y < 0 ? y * 0.3 : y
            case "PRelu": y = y < 0 ? y * made.slope[o] : y
            default: break
            }
            let toFloat = layer.isFloat || layer.residual == .float
            if layer.residual == .bytes {
                let outerUnit: Float = layer.isFloat ? 1 : outputScale
                let kept = min(max(y.rounded(.toNearestOrEven), Float(-Int(innerZero))), Float(255 - Int(innerZero)))
                y = kept * (innerScale / outerUnit)
                let other = Float(rounded(residual[target], residualScale, residualZero) - Int(residualZero)) * (residualScale / outerUnit)
                y = y + other
            }
            if toFloat { return y }
            let q = min(max(Int(y.rounded(.toNearestOrEven)) + Int(outputZero), 0), 255)
            return Float(q - Int(outputZero)) * outputScale
        }
    }

    @Test(arguments: layers) func everyVariantGivesTheBitsOfTheReference(_ layer: Layer) throws {
        let made = Self.graph(layer)
        let x = noise(layer.input, seed: 1, scale: 4), residual = noise(Self.output(layer), seed: 2, scale: 3)
        let expected = Self.reference(layer, made, x.values(as: Float.self), residual.values(as: Float.self))
        var plain = NetworkOptions()
        plain.isOptimized = false
        func outputs(_ options: NetworkOptions) throws -> (values: [Float], kinds: [String]) {
            let network = try Network(made.graph, options: options)
            try network.setInput(network.inputIndex("x")!, x)
            if let index = network.inputIndex("residual") { try network.setInput(index, residual) }
            // What a run leaves behind must not change the next one.
            for _ in 0..<2 { try network.run() }
            return (network.outputTensor(network.outputs.count - 1).values(as: Float.self), network.profile.steps.map(\.operation))
        }
        for instructionSet in InstructionSet.available {
            var options = NetworkOptions()
            options.instructionSet = instructionSet
            let found = try outputs(options)
            #expect(found.values.map(\.bitPattern) == expected.map(\.bitPattern), "\(instructionSet)")
            #expect(found.kinds.contains("fwoc.QuantizedConv") && !found.kinds.contains("fwoc.Conv"), "\(instructionSet) \(found.kinds)")
            #expect(found.kinds.contains("fwoc.QuantizePlanes") == ((2...4).contains(layer.input[1]) && !layer.readsTwice))
        }
        // Node by node, as the graph is written: sums of floats may fall on the other side of a half, a step of the last rounding then.
        let written = try outputs(plain)
        let step = layer.isFloat || layer.residual == .float ? 1e-4 : Self.outputScale * 1.01
        let apart = zip(written.values, expected).filter { abs($0 - $1) > 1e-4 }
        #expect(zip(written.values, expected).allSatisfy { abs($0 - $1) <= max(step, layer.residual == .bytes ? Self.innerScale * 1.01 : 0) })
        #expect(apart.count * 200 <= max(expected.count, 200), "\(apart.count) of \(expected.count)")
    }

    @Test func matricesFlattenedValuesAndSumsStayInEightBits() throws {
        var builder = GraphBuilder()
        // Scales that are not round, so that halves are rare.
        func quantized(_ value: String, _ scale: Float, _ zero: UInt8) -> String {
            let parameters = [builder.weight(Tensor(scalar: scale)), builder.weight(Tensor(scalar: zero))]
            return builder.node("DequantizeLinear", [builder.node("QuantizeLinear", [value] + parameters)] + parameters)
        }
        func weight(_ shape: [Int], axis: Int, seed: Int) -> String {
            let count = shape[axis]
            return builder.node(
                "DequantizeLinear",
                [
                    builder.weight(Tensor(shape: shape, values: noise(shape.reduce(1, *), seed: seed).map { Int8($0 * 127) })),
                    builder.weight(Tensor(shape: [count], values: [Float](repeating: 0.010371, count: count))),
                    builder.weight(Tensor(shape: [count], values: [Int8](repeating: 0, count: count))),
                ], ["axis": .int(axis)])
        }
        let x = quantized(builder.input("x", [3, 20, 4, 5]), 0.020113, 120)
        let left = builder.node("Conv", [x, weight([24, 20, 1, 1], axis: 0, seed: 1)])
        let right = builder.node("Conv", [x, weight([24, 20, 1, 1], axis: 0, seed: 2)])
        // Both are read elsewhere too, so that neither layer can take the sum.
        let leftSteps = quantized(left, 0.030517, 128), rightSteps = quantized(right, 0.040913, 100)
        let sum = quantized(builder.node("Add", [leftSteps, rightSteps]), 0.050391, 99)
        let flat = builder.node("Flatten", [builder.node("Relu", [builder.node("Conv", [sum, weight([6, 24, 2, 2], axis: 0, seed: 3)])])])
        builder.output(builder.node("Gemm", [quantized(flat, 0.020831, 0), weight([30, 72], axis: 0, seed: 4)], ["transB": .int(1)]))
        builder.output(builder.node("Gemm", [quantized(flat, 0.020831, 0), weight([72, 7], axis: 1, seed: 5)]))
        builder.output(leftSteps)
        builder.output(rightSteps)
        var plain = NetworkOptions()
        plain.isOptimized = false
        let expected = try run(Network(builder.graph, options: plain))
        var bits: [[UInt8]] = []
        for instructionSet in InstructionSet.available {
            var options = NetworkOptions()
            options.instructionSet = instructionSet
            let network = try Network(builder.graph, options: options)
            let found = try run(network)
            // As above: here and there a sum of floats falls on the other side of a half.
            for index in expected.indices {
                let apart = zip(found[index].values(as: Float.self), expected[index].values(as: Float.self)).map { abs($0 - $1) }
                let largest = expected[index].values(as: Float.self).map(abs).max()!
                #expect(relativeError(found[index], expected[index]) < 0.05 && apart.reduce(0, +) / Float(apart.count) < 1e-3 * largest, "\(instructionSet), output \(index)")
            }
            bits.append(found.flatMap(\.bytes))
            let kinds = network.profile.steps.map(\.operation)
            #expect(kinds.filter { $0 == "fwoc.QuantizedConv" }.count == 3 && kinds.filter { $0 == "fwoc.QuantizedGemm" }.count == 2, "\(kinds)")
            #expect(kinds.contains("fwoc.QuantizedAdd") && !kinds.contains("fwoc.Conv") && !kinds.contains("Gemm"))
        }
        #expect(Set(bits).count == 1)
    }

    /// Every network that the agent runs where nobody names others: all layers in eight bits, the same bits with all instructions, and near what the graph says.
    @Test(arguments: [
        ("face", ["picture": [2, 3, 112, 112]]), ("face-detector", ["picture": [1, 3, 64, 96]]), ("voice", ["frames": [1, 150, 80]]), ("voice-activity", ["frames": [1, 60, 80]]),
        ("sync-audio", ["frames": [1, 64, 80]]), ("sync-video", ["mouths": [1, 12, 96, 96]]),
    ]) func networksOfTheBundleComputeInEightBits(name: String, inputs: [String: [Int]]) throws {
        let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("models/edge")
        let graph = try Graph(onnxFile: models.appendingPathComponent(name + ".onnx"))
        let bindings = inputs.mapValues { InputBinding.shape($0) }
        var plain = NetworkOptions()
        plain.isOptimized = false
        // Of noise, which is nobody's, an encoder of faces says something else after one step of rounding (onnxruntime, with and without its optimisations: cosine 0.97).
        let first = inputs["picture"].map(smoothPictures)
        let expected = try run(Network(graph, inputs: bindings, options: plain), first: first)
        var found: [[Tensor]] = []
        for instructionSet in InstructionSet.available {
            var options = NetworkOptions()
            options.instructionSet = instructionSet
            let network = try Network(graph, inputs: bindings, options: options)
            found.append(try run(network, first: first))
            let kinds = Set(network.profile.steps.map(\.operation))
            #expect(kinds.isDisjoint(with: ["Conv", "fwoc.Conv", "fwoc.Chain", "Gemm", "fwoc.Gemm", "MatMul"]), "\(kinds)")
        }
        for (output, values) in expected.enumerated() {
            let a = values.values(as: Float.self), b = found[0][output].values(as: Float.self)
            let product = zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            let lengths = [a, b].map { $0.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
            // A step of an early layer that falls on the other side of a half grows on its way; onnxruntime with and without its optimisations is as far apart.
            #expect(product > 0.98 * lengths[0] * lengths[1], "output \(output)")
        }
        // What is not in eight bits is float: the baseline multiplies and adds in two steps, all others in one, and nothing depends on how wide they are.
        for other in found.dropFirst() {
            for output in expected.indices { #expect(relativeError(other[output], found[0][output]) < 1e-5, "output \(output)") }
            #expect(other == found[1])
        }
    }

    @Test func whatIsNotANumberOrFarAwayIsRoundedAsTheReferenceDoes() throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [37])
        let parameters = [builder.weight(Tensor(scalar: Float(0.5))), builder.weight(Tensor(scalar: UInt8(7)))]
        builder.output(builder.node("DequantizeLinear", [builder.node("QuantizeLinear", [x] + parameters)] + parameters))
        var values = noise(37, seed: 3, scale: 200)
        values.replaceSubrange(0..<9, with: [.nan, .infinity, -.infinity, 1e30, -1e30, 0.25, 0.75, -0.25, 3e9])
        var found: [[UInt8]] = []
        for instructionSet in InstructionSet.available.map(Optional.some) + [nil] {
            var options = NetworkOptions()
            options.instructionSet = instructionSet
            options.isOptimized = instructionSet != nil
            let network = try Network(builder.graph, options: options)
            try network.setInput(0, Tensor(shape: [37], values: values))
            try network.run()
            found.append(network.outputTensor(0).bytes)
        }
        #expect(Set(found).count == 1)
    }

    /// Weights whose sums could leave 32 bits, scales of other forms: such layers stay as the graph has them.
    @Test func layersThatAreNotOfThisFormStayAsTheyAre() throws {
        func kinds(bias: Float, weightZero: Int8) throws -> [String] {
            var builder = GraphBuilder()
            let parameters = [builder.weight(Tensor(scalar: Float(0.02))), builder.weight(Tensor(scalar: UInt8(3)))]
            let x = builder.node("DequantizeLinear", [builder.node("QuantizeLinear", [builder.input("x", [1, 8, 4, 4])] + parameters)] + parameters)
            let w = builder.node(
                "DequantizeLinear",
                [
                    builder.weight(Tensor(shape: [8, 8, 1, 1], values: [Int8](repeating: 5, count: 64))), builder.weight(Tensor(scalar: Float(0.1))),
                    builder.weight(Tensor(scalar: weightZero)),
                ])
            let b = builder.node(
                "DequantizeLinear",
                [builder.weight(Tensor(shape: [8], values: [Int32](repeating: 5, count: 8))), builder.weight(Tensor(shape: [8], values: [Float](repeating: bias, count: 8)))], ["axis": .int(0)])
            builder.output(builder.node("Conv", [x, w, b]))
            let network = try Network(builder.graph)
            var plain = NetworkOptions()
            plain.isOptimized = false
            #expect(relativeError(try run(network)[0], try run(Network(builder.graph, options: plain))[0]) < 1e-4)
            return network.profile.steps.map(\.operation)
        }
        #expect(try kinds(bias: 0.002, weightZero: 0).contains("fwoc.QuantizedConv"))
        #expect(try kinds(bias: 0.004, weightZero: 0).contains("fwoc.Conv"), "a bias in other steps")
        #expect(try kinds(bias: 0.002, weightZero: 2).contains("fwoc.Conv"), "weights with a zero point")
    }
}
