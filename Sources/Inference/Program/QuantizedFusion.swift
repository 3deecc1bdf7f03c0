import CKernels
import ModelBundle
import Tensors

/// Layers between `QuantizeLinear` and `DequantizeLinear` become layers that compute in eight bits.
///
/// What a graph in QDQ form says of a layer, `Conv(DequantizeLinear(x), DequantizeLinear(w))` and so on to the next `QuantizeLinear`, is computed as one sum of
/// products of integers and one factor for each channel (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
/// CVPR 2018, section 2.2): the numbers are those of the graph but for the rounding of float sums. ``QuantizedLayerOperator`` says which.
///
/// Taken are layers with one scale and zero point of unsigned activations and symmetric signed weights, as ``QDQWriter`` writes them; others stay as they are.
extension Program {
    mutating func fuseQuantized() {
        keepFramesBeforeRounding()
        roundBeforeRearranging()
        removeDeadOperations()
        var fusion = QuantizedFusion(self)
        fusion.run()
        self = fusion.program
        removeDeadOperations()
    }

    /// Quantize → dequantize → keep frames becomes keep frames → quantize → dequantize: a layer reads what was rounded, and frames are kept as they are.
    private mutating func keepFramesBeforeRounding() {
        let tables = QuantizedFusion(self)
        for (index, keep) in operations.enumerated() where keep.kind == "fwoc.TimeBuffer" && keep.attributes["fill"] == .float(0) {
            guard let input = keep.inputs[0], tables.isReadOnce(input), let undo = tables.producers[input], tables.dequantizer(operations[undo]) != nil,
                let rounded = operations[undo].inputs[0], tables.isReadOnce(rounded), let round = tables.producers[rounded], tables.quantizer(operations[round]) != nil,
                let output = keep.outputs[0]
            else { continue }
            let kept = addRearranged(output, like: output, .float32, " kept"), steps = addRearranged(output, like: output, .uint8, " rounded")
            let quantize = operations[round], dequantize = operations[undo]
            operations[round] = keep
            operations[round].inputs[0] = quantize.inputs[0]
            operations[round].outputs = [kept]
            operations[undo] = quantize
            operations[undo].inputs[0] = kept
            operations[undo].outputs = [steps]
            operations[index] = dequantize
            operations[index].inputs[0] = steps
            operations[index].outputs = [output]
        }
    }

    /// Rearrange → quantize becomes quantize → rearrange: a layer's output is rounded as it is made.
    private mutating func roundBeforeRearranging() {
        let tables = QuantizedFusion(self)
        for (index, quantize) in operations.enumerated() {
            guard tables.quantizer(quantize) != nil, let moved = quantize.inputs[0], tables.isReadOnce(moved), let maker = tables.producers[moved],
                ["Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose"].contains(operations[maker].kind), let source = operations[maker].inputs[0]
            else { continue }
            let rounded = addRearranged(source, like: moved, .uint8, " rounded"), rearrange = operations[maker]
            operations[maker] = quantize
            operations[maker].inputs[0] = source
            operations[maker].outputs = [rounded]
            operations[index] = rearrange
            operations[index].inputs[0] = rounded
            operations[index].outputs = quantize.outputs
        }
    }

    /// A value of another's shape.
    private mutating func addRearranged(_ shaped: ValueID, like named: ValueID, _ type: ElementType, _ suffix: String) -> ValueID {
        add(
            Value(name: values[named].name + suffix, type: TensorType(rearranged: values[shaped].type.shape, type), constant: nil, origin: values[shaped].origin))
    }
}

private struct QuantizedFusion {
    typealias ValueID = Program.ValueID

    /// q ↔ (q − zero) · scale
    struct Scale {
        let scale: Float
        let zero: Int
    }

    private(set) var program: Program
    let producers: [Int?]
    private let readers: [[Int]]
    private let outputs: Set<ValueID>
    private var replacement: [Int: Program.Operation] = [:]
    private var removed: Set<Int> = []

    init(_ program: Program) {
        self.program = program
        producers = program.producers
        outputs = Set(program.outputs)
        var readers = [[Int]](repeating: [], count: program.values.count)
        for (index, operation) in program.operations.enumerated() {
            for case let input? in operation.inputs { readers[input].append(index) }
        }
        self.readers = readers
    }

    func isReadOnce(_ value: ValueID) -> Bool { readers[value].count == 1 && !outputs.contains(value) }

    private func scale(_ operation: Program.Operation, of value: ValueID) -> Scale? {
        guard program.values[value].type.elementType == .uint8, (operation.attributes["block_size"] ?? .int(0)) == .int(0), operation.inputs.count >= 2,
            let scale = operation.inputs[1].flatMap({ program.values[$0].constant }), scale.elementType == .float32, scale.count == 1
        else { return nil }
        var zero = 0
        if operation.inputs.count > 2, let input = operation.inputs[2] {
            guard let tensor = program.values[input].constant, tensor.count == 1, tensor.elementType == .uint8 else { return nil }
            zero = Int(tensor.bytes[0])
        }
        let step = scale.values(as: Float.self)[0]
        return step > 0 && step.isFinite ? Scale(scale: step, zero: zero) : nil
    }

    func quantizer(_ operation: Program.Operation) -> Scale? {
        guard operation.kind == "QuantizeLinear", let output = operation.outputs[0], let input = operation.inputs[0], program.values[input].type.elementType == .float32 else { return nil }
        return scale(operation, of: output)
    }

    func dequantizer(_ operation: Program.Operation) -> Scale? {
        guard operation.kind == "DequantizeLinear", let input = operation.inputs[0] else { return nil }
        return scale(operation, of: input)
    }

    /// The rounded value that this one is.
    private func steps(_ value: ValueID) -> (value: ValueID, scale: Scale)? {
        guard let index = producers[value], let scale = dequantizer(program.operations[index]) else { return nil }
        return (program.operations[index].inputs[0]!, scale)
    }

    /// The operation that alone reads a value.
    private func onlyReader(_ value: ValueID) -> (index: Int, operation: Program.Operation)? {
        guard isReadOnce(value), let index = readers[value].first, !removed.contains(index), replacement[index] == nil else { return nil }
        return (index, program.operations[index])
    }

    mutating func run() {
        for index in program.operations.indices where !removed.contains(index) && replacement[index] == nil {
            switch program.operations[index].kind {
            case "Conv", "Gemm": fuseLayer(index)
            case "Add": fuseSum(index)
            default: break
            }
        }
        program.operations = program.operations.indices.compactMap { removed.contains($0) ? nil : replacement[$0] ?? program.operations[$0] }
    }

    /// A layer's weights and biases in integers.
    private struct Weights {
        let values: Tensor
        let scales: [Float]
        let bias: [Int32]?
        let outputs: Int
    }

    private func weights(_ operation: Program.Operation, inputScale: Float) -> Weights? {
        guard let id = operation.inputs[1], let quantized = program.values[id].quantized, quantized.steps.elementType == .int8 else { return nil }
        var steps = quantized.steps
        if operation.kind == "Gemm" {
            for name in ["alpha", "beta"] where (operation.attributes[name] ?? .float(1)) != .float(1) { return nil }
            guard (operation.attributes["transA"] ?? .int(0)) == .int(0), steps.shape.count == 2 else { return nil }
            let isTransposed = operation.attributes["transB"] ?? .int(0) != .int(0)
            guard quantized.scales.count == 1 || quantized.axis == (isTransposed ? 0 : 1) else { return nil }
            if !isTransposed { steps = steps.transposed([1, 0]) }
        } else {
            guard (3...5).contains(steps.shape.count), quantized.scales.count == 1 || quantized.axis == 0 else { return nil }
        }
        let count = steps.shape[0]
        guard count > 0, steps.count > 0 else { return nil }
        let scales = quantized.scales.count == count ? quantized.scales : [Float](repeating: quantized.scales[0], count: count)
        var bias: [Int32]?
        if operation.inputs.count > 2, let input = operation.inputs[2] {
            guard let given = program.values[input].quantized, given.steps.elementType == .int32, given.steps.count == count, given.scales.count == count,
                zip(given.scales, scales).allSatisfy({ abs($0 - $1 * inputScale) <= 1e-3 * $0 || $0 <= .leastNormalMagnitude })
            else { return nil }
            bias = given.steps.values(as: Int32.self)
        }
        return Weights(values: steps, scales: scales, bias: bias, outputs: count)
    }

    private mutating func fuseLayer(_ index: Int) {
        let operation = program.operations[index]
        let isGemm = operation.kind == "Gemm"
        guard let input = operation.inputs[0], let x = steps(input), let output = operation.outputs[0], operation.inputs.count >= 2,
            let weights = weights(operation, inputScale: x.scale.scale)
        else { return }
        let shape = program.values[input].type.shape
        guard !shape.contains(0), shape.count == weights.values.shape.count else { return }
        var groups = 1
        if !isGemm, case .int(let given)? = operation.attributes["group"] { groups = given }
        let isDepthwise = groups > 1
        guard !isDepthwise || (groups == shape[1] && groups == weights.outputs && weights.values.shape[1] == 1) else { return }

        // What follows, as far as nobody else reads it.
        var last = index, value = output
        var passed: [Int] = [index]
        func step(_ next: (index: Int, operation: Program.Operation)) {
            last = next.index
            value = next.operation.outputs[0]!
            passed.append(next.index)
        }
        var residual: ValueID?
        var attributes = operation.attributes
        if !isDepthwise, let next = onlyReader(value), next.operation.kind == "Add", let other = Self.other(next.operation, than: value),
            program.values[other].type == program.values[value].type, program.values[other].constant == nil
        {
            residual = other
            step(next)
        }
        let channelAxis = isGemm ? shape.count - 1 : 1
        var activation = (kind: Int(inference_identity), alpha: Float(0), beta: Float(0)), slope: [Float]?
        if let next = onlyReader(value), let found = self.activation(next.operation, channels: weights.outputs, axis: channelAxis, rank: shape.count) {
            activation = found.activation
            slope = found.slope
            step(next)
        }
        var unit: Float = 1, zero = 0, isFloat = true
        var isRounded = false
        if residual == nil, let next = onlyReader(value), let inner = quantizer(next.operation) {
            let rounded = next.operation.outputs[0]!
            (unit, zero, isFloat) = (inner.scale, inner.zero, false)
            step(next)
            // Quantize → dequantize → add to another such value.
            if !isDepthwise, let undone = onlyReader(rounded), dequantizer(undone.operation) != nil, let sum = onlyReader(undone.operation.outputs[0]!),
                sum.operation.kind == "Add", let other = Self.other(sum.operation, than: undone.operation.outputs[0]!), let given = steps(other),
                program.values[given.value].type == program.values[rounded].type
            {
                residual = given.value
                isRounded = true
                step(undone)
                step(sum)
                attributes["rounded_least"] = .int(-inner.zero)
                attributes["rounded_most"] = .int(255 - inner.zero)
                var outer: Float = 1
                (zero, isFloat) = (0, true)
                if let end = onlyReader(value), let scale = quantizer(end.operation) {
                    (outer, zero, isFloat) = (scale.scale, scale.zero, false)
                    step(end)
                }
                attributes["rounded_scale"] = .float(inner.scale / outer)
                attributes["residual_scale"] = .float(given.scale.scale / outer)
                attributes["residual_zero"] = .int(given.scale.zero)
            }
        }
        let factor = weights.scales.map { x.scale.scale * $0 / unit }
        guard isWithinBounds(weights, factor) else { return }
        if activation.kind == Int(inference_clip) {
            activation.alpha /= unit
            activation.beta /= unit
            // What the rounding to eight bits cuts off anyway.
            let innerZero: Int? = isRounded ? -Self.int(attributes["rounded_least"]) : isFloat ? nil : zero
            if residual == nil || isRounded, let innerZero, activation.alpha <= Float(-innerZero), activation.beta >= Float(255 - innerZero) {
                activation = (Int(inference_identity), 0, 0)
            }
        }
        attributes["activation"] = .int(activation.kind)
        attributes["alpha"] = .float(activation.alpha)
        attributes["beta"] = .float(activation.beta)
        attributes["input_zero"] = .int(x.scale.zero)
        attributes["output_zero"] = .int(zero)
        attributes["is_float"] = .int(isFloat ? 1 : 0)
        var inputs: [ValueID?] = [
            x.value, program.addConstant(weights.values, name: operation.name + " weights"),
            weights.bias.map { program.addConstant(Tensor(shape: [weights.outputs], values: $0), name: operation.name + " bias") },
            program.addConstant(Tensor(shape: [weights.outputs], values: factor), name: operation.name + " factor"),
            slope.map { program.addConstant(Tensor(shape: [weights.outputs], values: $0), name: operation.name + " slope") }, residual,
        ]
        // A picture of up to four planes is put together, a pixel in four bytes, while it is rounded.
        if !isGemm, !isDepthwise, (2...4).contains(shape[1]), let maker = producers[x.value], quantizer(program.operations[maker]) != nil, isReadOnce(x.value), isReadOnce(input),
            replacement[maker] == nil, !removed.contains(maker)
        {
            var quantize = program.operations[maker]
            let type = TensorType(rearranged: [shape[0]] + shape.dropFirst(2) + [4], .uint8)
            let pixels = program.add(Program.Value(name: program.values[x.value].name, type: type, constant: nil, origin: program.values[x.value].origin))
            quantize.kind = "fwoc.QuantizePlanes"
            // A constant factor before it is part of it.
            if let scaled = quantize.inputs[0], isReadOnce(scaled), let factor = producers[scaled], !removed.contains(factor), let (value, number) = product(program.operations[factor]) {
                quantize.inputs[0] = value
                quantize.attributes["factor"] = .float(number)
                removed.insert(factor)
            }
            quantize.outputs = [pixels]
            replacement[maker] = quantize
            inputs[0] = pixels
            attributes["input_last"] = .int(1)
        }
        removed.formUnion(passed)
        removed.remove(last)
        replacement[last] = Program.Operation(
            kind: isGemm ? "fwoc.QuantizedGemm" : "fwoc.QuantizedConv", name: operation.name, opset: operation.opset, attributes: attributes, inputs: inputs,
            outputs: [value])
    }

    /// A value times a constant number.
    private func product(_ operation: Program.Operation) -> (value: ValueID, number: Float)? {
        guard operation.kind == "Mul", let left = operation.inputs[0], let right = operation.inputs[1] else { return nil }
        for (value, constant) in [(left, right), (right, left)] where program.values[value].constant == nil {
            guard let tensor = program.values[constant].constant, tensor.count == 1, tensor.elementType == .float32 else { continue }
            guard program.values[value].type == program.values[operation.outputs[0]!].type else { continue }
            return (value, tensor.values(as: Float.self)[0])
        }
        return nil
    }

    private static func int(_ attribute: Attribute?) -> Int {
        if case .int(let value)? = attribute { return value }
        return 0
    }

    private static func other(_ sum: Program.Operation, than value: ValueID) -> ValueID? {
        guard sum.inputs.count == 2, let left = sum.inputs[0], let right = sum.inputs[1], left != right else { return nil }
        return left == value ? right : left
    }

    private func activation(
        _ operation: Program.Operation, channels: Int, axis: Int, rank: Int
    ) -> (activation: (kind: Int, alpha: Float, beta: Float), slope: [Float]?)? {
        switch operation.kind {
        case "Relu": return ((Int(inference_clip), 0, .infinity), nil)
        case "LeakyRelu":
            var alpha: Float = 0.01
            if case .float(let given)? = operation.attributes["alpha"] { alpha = given }
            return ((Int(inference_prelu), 0, 0), [Float](repeating: alpha, count: channels))
        case "PRelu":
            guard let input = operation.inputs[1], let slope = program.values[input].constant, slope.elementType == .float32 else { return nil }
            if slope.count == 1 { return ((Int(inference_prelu), 0, 0), [Float](repeating: slope.values(as: Float.self)[0], count: channels)) }
            // One for each channel: [channels, 1, …] broadcasts so.
            let full = [Int](repeating: 1, count: max(0, rank - slope.shape.count)) + slope.shape
            guard full.count == rank, slope.count == channels, full[axis] == channels else { return nil }
            return ((Int(inference_prelu), 0, 0), slope.values(as: Float.self))
        default: return nil
        }
    }

    /// Whether no sum passes 32 bits, nor what is made of it.
    private func isWithinBounds(_ weights: Weights, _ factor: [Float]) -> Bool {
        let each = weights.values.count / weights.outputs
        for (channel, row) in weights.values.bytes.chunks(of: each).enumerated() {
            var sum = row.reduce(0) { $0 + abs(Int(Int8(bitPattern: $1))) } * 255
            sum += abs(Int(weights.bias?[channel] ?? 0))
            guard sum < 1 << 31, factor[channel].isFinite, Float(sum) * factor[channel] < 1e9 else { return false }
        }
        return true
    }

    /// The sum of two rounded values, rounded.
    private mutating func fuseSum(_ index: Int) {
        let operation = program.operations[index]
        guard operation.inputs.count == 2, let left = operation.inputs[0], let right = operation.inputs[1], let a = steps(left), let b = steps(right),
            program.values[left].type.shape == program.values[right].type.shape, let next = onlyReader(operation.outputs[0]!), let scale = quantizer(next.operation)
        else { return }
        removed.insert(index)
        replacement[next.index] = Program.Operation(
            kind: "fwoc.QuantizedAdd", name: operation.name, opset: operation.opset,
            attributes: [
                "left_scale": .float(a.scale.scale), "left_zero": .int(a.scale.zero), "right_scale": .float(b.scale.scale), "right_zero": .int(b.scale.zero),
                "scale": .float(scale.scale), "zero": .int(scale.zero),
            ], inputs: [a.value, b.value], outputs: next.operation.outputs)
    }
}

extension [UInt8] {
    fileprivate func chunks(of size: Int) -> [ArraySlice<UInt8>] { stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] } }
}
