import CTorch
import ModelBundle
import Tensors

extension OperatorTable {
    static let elementwise: [String: Evaluation] = {
        var table: [String: Evaluation] = [:]
        let plain: [(String, ctorch_unary_op)] = [
            ("Neg", CTORCH_NEG), ("Abs", CTORCH_ABS), ("Exp", CTORCH_EXP), ("Log", CTORCH_LOG), ("Sqrt", CTORCH_SQRT), ("Reciprocal", CTORCH_RECIPROCAL),
            ("Erf", CTORCH_ERF), ("Floor", CTORCH_FLOOR), ("Ceil", CTORCH_CEIL), ("Round", CTORCH_ROUND), ("Sign", CTORCH_SIGN), ("Sin", CTORCH_SIN),
            ("Cos", CTORCH_COS), ("Tan", CTORCH_TAN), ("Asin", CTORCH_ASIN), ("Acos", CTORCH_ACOS), ("Atan", CTORCH_ATAN), ("Sinh", CTORCH_SINH),
            ("Cosh", CTORCH_COSH), ("Asinh", CTORCH_ASINH), ("Acosh", CTORCH_ACOSH), ("Atanh", CTORCH_ATANH), ("Relu", CTORCH_RELU),
            ("Sigmoid", CTORCH_SIGMOID), ("Tanh", CTORCH_TANH), ("Softplus", CTORCH_SOFTPLUS), ("Softsign", CTORCH_SOFTSIGN), ("Mish", CTORCH_MISH),
            ("HardSwish", CTORCH_HARD_SWISH), ("Not", CTORCH_LOGICAL_NOT), ("IsNaN", CTORCH_IS_NAN),
        ]
        for (name, operation) in plain { table[name] = { [try $0.input(0).unary(operation, "activation")] } }

        // One attribute, `alpha`, with its default.
        let slopes: [(String, ctorch_unary_op, Float)] = [
            ("LeakyRelu", CTORCH_LEAKY_RELU, 0.01), ("Elu", CTORCH_ELU, 1), ("Celu", CTORCH_CELU, 1), ("ThresholdedRelu", CTORCH_THRESHOLDED_RELU, 1),
        ]
        for (name, operation, alpha) in slopes {
            table[name] = { [try $0.input(0).unary(operation, "activation", $0.float("alpha", default: alpha))] }
        }
        table["Selu"] = { node in
            [try node.input(0).unary(
                CTORCH_SELU, "selu", node.float("alpha", default: 1.67326319217681884765625), node.float("gamma", default: 1.05070102214813232421875))]
        }
        table["HardSigmoid"] = { [try $0.input(0).unary(CTORCH_HARD_SIGMOID, "hard sigmoid", $0.float("alpha", default: 0.2), $0.float("beta", default: 0.5))] }
        table["Gelu"] = { [try $0.input(0).unary(CTORCH_GELU, "gelu", $0.string("approximate", default: "none") == "tanh" ? 1 : 0)] }
        table["IsInf"] = { [try $0.input(0).unary(CTORCH_IS_INF, "is infinite", Double($0.int("detect_positive", default: 1)), Double($0.int("detect_negative", default: 1)))] }
        table["Clip"] = clip

        let arithmetic: [(String, ctorch_binary_op)] = [("Add", CTORCH_ADD), ("Sub", CTORCH_SUB), ("Div", CTORCH_DIV)]
        for (name, operation) in arithmetic { table[name] = { [try $0.input(0).binary(operation, "arithmetic", $0.input(1))] } }
        table["Mul"] = product
        table["Mod"] = { [try $0.input(0).binary($0.int("fmod", default: 0) != 0 ? CTORCH_FMOD : CTORCH_REMAINDER, "mod", $0.input(1))] }
        table["Pow"] = power
        table["PRelu"] = prelu
        for (name, operation) in [("Max", CTORCH_MAXIMUM), ("Min", CTORCH_MINIMUM), ("Sum", CTORCH_ADD), ("Mean", CTORCH_ADD)] {
            table[name] = { node in
                var result = try node.input(0)
                for index in node.inputs.indices.dropFirst() { result = try result.binary(operation, "variadic", node.input(index)) }
                return [name == "Mean" ? try result / Double(node.inputs.count) : result]
            }
        }
        table["Cast"] = { node in
            guard let type = elementType(onnx: try node.int("to")) else { throw node.unsupported("a cast to element type \(try node.int("to"))") }
            return [try node.input(0).converted(to: node.runType(type))]
        }
        table["CastLike"] = { [try $0.input(0).converted(to: $0.input(1).elementType)] }
        table["Identity"] = { [try $0.input(0)] }
        table["Dropout"] = dropout
        return table
    }()

    static let comparisons: [String: Evaluation] = {
        var table: [String: Evaluation] = [:]
        let plain: [(String, ctorch_binary_op)] = [
            ("Equal", CTORCH_EQ), ("Less", CTORCH_LT), ("LessOrEqual", CTORCH_LE), ("Greater", CTORCH_GT), ("GreaterOrEqual", CTORCH_GE), ("And", CTORCH_AND),
            ("Or", CTORCH_OR), ("Xor", CTORCH_XOR),
        ]
        for (name, operation) in plain { table[name] = { [try $0.input(0).binary(operation, "comparison", $0.input(1))] } }
        table["Where"] = { [try $0.input(0).selecting($0.input(1), else: $0.input(2))] }
        return table
    }()

    /// ONNX's numbers of element types.
    static func elementType(onnx code: Int) -> ElementType? {
        switch code {
        case 1: .float32
        case 2: .uint8
        case 3: .int8
        case 5: .int16
        case 6: .int32
        case 7: .int64
        case 9: .bool
        case 11: .float64
        default: nil
        }
    }

    @Sendable private static func product(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), y = try node.input(1)
        for (values, gate) in [(x, y), (y, x)] where values.isFloat && values.elementType == gate.elementType && values.isNarrow == gate.isNarrow {
            // One number for each channel of each sample: a gate.
            let shape = values.shape
            if shape.count > 2, gate.shape == shape.prefix(2) + [Int](repeating: 1, count: shape.count - 2) { return [try values.scaled(byChannel: gate)] }
        }
        return [try x.binary(CTORCH_MUL, "arithmetic", y)]
    }

    @Sendable private static func clip(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        if node.opset < 11 {
            return [try x.clamped(node.float("min", default: -.infinity), node.float("max", default: .infinity))]
        }
        let lower = try node.numbers(1)?.first, upper = try node.numbers(2)?.first
        if lower == nil && upper == nil { return [x] }
        return [try x.clamped(lower ?? -.infinity, upper ?? .infinity)]
    }

    @Sendable private static func power(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), exponent = try node.input(1)
        if x.isFloat, exponent.count == 1, exponent.device == .cpu, !exponent.requiresGradient {
            let value = try exponent.item()
            // A square is a product: its gradient at 0 is exact, and cheap.
            let result = try value == 2 ? x.square() : x.power(value)
            return [exponent.rank > x.rank ? try result.reshaped(exponent.shape.prefix(exponent.rank - x.rank) + x.shape) : result]
        }
        if x.isFloat || !exponent.isFloat { return [try x.power(exponent.converted(to: x.elementType))] }
        return [try x.converted(to: exponent.elementType).power(exponent).converted(to: x.elementType)]
    }

    @Sendable private static func prelu(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), slope = try node.input(1)
        let shape = slope.shape, rank = x.rank
        // One slope, or one for each channel: [channels, 1, …].
        let isPerChannel = rank >= 2 && shape.count == rank - 1 && shape[0] == x.shape[1] && shape.dropFirst().allSatisfy { $0 == 1 }
        if rank >= 1, slope.count == 1 || isPerChannel { return [try x.prelu(slope.reshaped([slope.count]))] }
        return [try x.isGreater(than: 0).selecting(x, else: x * slope)]
    }

    @Sendable private static func dropout(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let ratio = try node.opset < 12 ? node.float("ratio", default: 0.5) : node.numbers(1)?.first ?? 0.5
        guard (0..<1).contains(ratio) else { throw node.malformed("ratio \(ratio), expected 0 ..< 1") }
        let isTraining = node.surroundings.isTraining && ratio > 0
        guard node.node.outputs.count > 1, !node.node.outputs[1].isEmpty else { return [try x.dropout(ratio, isTraining: isTraining)] }
        guard isTraining else { return [x, try TorchTensor.full(x.shape, 1, .bool, device: x.device)] }
        let kept = try x.detached().uniformLike().isLess(than: 1 - ratio)
        return [try x * kept.converted(to: x.elementType) / (1 - ratio), kept]
    }
}
