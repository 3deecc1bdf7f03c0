import CKernels
import Foundation
import Tensors

extension inference_activation {
    init(_ kind: Int, _ alpha: Float = 0, _ beta: Float = 0) {
        self.init(kind: Int32(kind), alpha: alpha, beta: beta)
    }

    static let identity = inference_activation(Int(inference_identity))
}

/// Functions of one float: `Relu`, `Sigmoid`, `Exp` …
struct FloatMapOperator: Operator {
    static let names = [
        "Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Exp", "Sqrt", "Abs", "Neg", "Reciprocal", "fwoc.Silu",
    ]

    /// The function that a node means; also what fusion into a convolution reads.
    static func activation(_ node: NodeContext) throws(InferenceError) -> inference_activation {
        switch node.operation {
        case "Relu": inference_activation(Int(inference_clip), 0, .infinity)
        case "LeakyRelu": inference_activation(Int(inference_leaky_relu), try node.float("alpha", default: 0.01))
        case "Sigmoid": inference_activation(Int(inference_sigmoid))
        case "Tanh": inference_activation(Int(inference_tanh))
        case "HardSwish": inference_activation(Int(inference_hard_swish), 1.0 / 6, 0.5)
        case "HardSigmoid":
            inference_activation(Int(inference_hard_sigmoid), try node.float("alpha", default: 0.2), try node.float("beta", default: 0.5))
        case "Exp": inference_activation(Int(inference_exp))
        case "Sqrt": inference_activation(Int(inference_sqrt))
        case "Abs": inference_activation(Int(inference_abs))
        case "Neg": inference_activation(Int(inference_negate))
        case "Reciprocal": inference_activation(Int(inference_reciprocal))
        case "fwoc.Silu": inference_activation(Int(inference_silu))
        default: throw node.unsupported("not a function of one float")
        }
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let allowed: [ElementType] = ["Abs", "Neg"].contains(node.operation) ? [.float32, .float64, .int64, .int32] : [.float32, .float64]
        return [try node.type(0, among: allowed)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = node.outputs[0]
        let count = type.count
        if type.elementType == .int64 { return Self.integers(Int64.self, isAbsolute: node.operation == "Abs") }
        if type.elementType == .int32 { return Self.integers(Int32.self, isAbsolute: node.operation == "Abs") }
        let activation = try Self.activation(node)
        if type.elementType == .float64 { return Self.doubles(activation) }
        let variant = node.options.variant
        var kernel = Kernel { arguments in
            unsafe inference_map(variant, activation, arguments.inputPointer(0), arguments.outputPointer(0), Int64(count))
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }

    /// The same functions in double precision, which some graphs compute a reduction in.
    private static func doubles(_ activation: inference_activation) -> Kernel {
        let alpha = Double(activation.alpha), beta = Double(activation.beta)
        let function: (Double) -> Double =
            switch Int(activation.kind) {
            case Int(inference_clip): { min(max($0, alpha), beta) }
            case Int(inference_leaky_relu): { $0 < 0 ? $0 * alpha : $0 }
            case Int(inference_sigmoid): { 1 / (1 + exp(-$0)) }
            case Int(inference_tanh): { tanh($0) }
            case Int(inference_hard_swish): { $0 * min(max($0 * alpha + beta, 0), 1) }
            case Int(inference_hard_sigmoid): { min(max($0 * alpha + beta, 0), 1) }
            case Int(inference_exp): { exp($0) }
            case Int(inference_sqrt): { $0.squareRoot() }
            case Int(inference_abs): { abs($0) }
            case Int(inference_negate): { -$0 }
            case Int(inference_silu): { $0 / (1 + exp(-$0)) }
            default: { 1 / $0 }
            }
        return Kernel { arguments in
            let x = arguments.input(0, as: Double.self)
            var y = arguments.output(0, as: Double.self)
            for index in x.indices { y[index] = function(x[index]) }
        }
    }

    private static func integers<E: TensorElement & FixedWidthInteger & SignedInteger>(_: E.Type, isAbsolute: Bool) -> Kernel {
        Kernel { arguments in
            let source = arguments.input(0, as: E.self)
            var target = arguments.output(0, as: E.self)
            for index in source.indices {
                target[index] = isAbsolute && source[index] >= 0 ? source[index] : 0 &- source[index]
            }
        }
    }
}

/// `Clip`: bounds from attributes (operator set 6) or constant or run-time inputs (11 on).
struct ClipOperator: Operator {
    static let names = ["Clip"]

    static func bounds(_ node: NodeContext) throws(InferenceError) -> (lower: Float, upper: Float) {
        if node.opset < 11 {
            return (try node.float("min", default: -.greatestFiniteMagnitude), try node.float("max", default: .greatestFiniteMagnitude))
        }
        return (
            node.hasInput(1) ? try node.constantFloat(1) : -.infinity,
            node.hasInput(2) ? try node.constantFloat(2) : .infinity
        )
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        [try node.type(0, among: [.float32, .float64, .int64, .int32, .int8, .uint8])]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = node.outputs[0]
        switch type.elementType {
        case .float64: return try Self.generic(node, Double.self)
        case .int64: return try Self.generic(node, Int64.self)
        case .int32: return try Self.generic(node, Int32.self)
        case .int8: return try Self.generic(node, Int8.self)
        case .uint8: return try Self.generic(node, UInt8.self)
        default: break
        }
        if node.opset >= 11 && ((node.hasInput(1) && node.inputs[1]?.constant == nil) || (node.hasInput(2) && node.inputs[2]?.constant == nil)) {
            return try Self.generic(node, Float.self)
        }
        let (lower, upper) = try Self.bounds(node)
        let activation = inference_activation(Int(inference_clip), lower, upper)
        let count = type.count
        let variant = node.options.variant
        var kernel = Kernel { arguments in
            unsafe inference_map(variant, activation, arguments.inputPointer(0), arguments.outputPointer(0), Int64(count))
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }

    private static func generic<E: TensorElement & Comparable>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        guard node.opset >= 11 else { throw node.unsupported("only float32 before operator set 11") }
        for index in 1...2 where node.hasInput(index) {
            guard try node.type(index) == TensorType(rearranged: try node.shape(index), E.elementType), try node.type(index).count == 1 else {
                throw node.malformed("input \(index) must be one \(E.elementType)")
            }
        }
        return Kernel { arguments in
            let source = arguments.input(0, as: E.self)
            var target = arguments.output(0, as: E.self)
            let hasLower = arguments.hasInput(1), hasUpper = arguments.hasInput(2)
            for index in source.indices {
                var value = source[index]
                if hasLower { value = max(value, arguments.input(1, as: E.self)[0]) }
                if hasUpper { value = min(value, arguments.input(2, as: E.self)[0]) }
                target[index] = value
            }
        }
    }
}

/// `Add`, `Sub`, `Mul`, `Div` with broadcasting. Integer division truncates; by zero it gives zero; overflow wraps.
struct ArithmeticOperator: Operator {
    static let names = ["Add", "Sub", "Mul", "Div"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32, .float64, .int64, .int32, .int8, .uint8, .int16, .uint16, .uint32, .uint64])
        guard try node.type(1).elementType == type.elementType else {
            throw node.malformed("operands hold \(type.elementType) and \(try node.type(1).elementType)")
        }
        return [try node.makeType(try node.broadcast(0..<2), type.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = node.outputs[0]
        let walk = BroadcastWalk(try node.shape(0), try node.shape(1), to: type.shape)
        var kernel =
            switch type.elementType {
            case .float32: Self.float(node, walk)
            case .float64: Self.generic(node, walk, Self.function(node.operation) as (Double, Double) -> Double)
            case .int64: Self.generic(node, walk, Self.function(node.operation) as (Int64, Int64) -> Int64)
            case .int32: Self.generic(node, walk, Self.function(node.operation) as (Int32, Int32) -> Int32)
            case .int16: Self.generic(node, walk, Self.function(node.operation) as (Int16, Int16) -> Int16)
            case .int8: Self.generic(node, walk, Self.function(node.operation) as (Int8, Int8) -> Int8)
            case .uint8, .bool: Self.generic(node, walk, Self.function(node.operation) as (UInt8, UInt8) -> UInt8)
            case .uint16: Self.generic(node, walk, Self.function(node.operation) as (UInt16, UInt16) -> UInt16)
            case .uint32: Self.generic(node, walk, Self.function(node.operation) as (UInt32, UInt32) -> UInt32)
            case .uint64: Self.generic(node, walk, Self.function(node.operation) as (UInt64, UInt64) -> UInt64)
            }
        for index in 0..<2 where try node.shape(index) == type.shape { kernel.inPlaceInputs.append(index) }
        return kernel
    }

    private static func float(_ node: NodeContext, _ walk: BroadcastWalk) -> Kernel {
        let operation =
            switch node.operation {
            case "Add": Int32(inference_add)
            case "Sub": Int32(inference_subtract)
            case "Mul": Int32(inference_multiply)
            default: Int32(inference_divide)
            }
        let variant = node.options.variant
        return Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let z = unsafe arguments.inputPointer(1, as: Float.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            walk.forEachRun { left, leftStep, right, rightStep, result, count in
                unsafe inference_combine(variant, operation, x + left, Int64(leftStep), z + right, Int64(rightStep), y + result, Int64(count))
            }
        }
    }

    private static func generic<E: TensorElement>(_ node: NodeContext, _ walk: BroadcastWalk, _ function: @escaping (E, E) -> E) -> Kernel {
        Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: E.self)
            let z = unsafe arguments.inputPointer(1, as: E.self)
            let y = unsafe arguments.outputPointer(0, as: E.self)
            walk.forEachRun { left, leftStep, right, rightStep, result, count in
                for index in 0..<count {
                    unsafe y[result + index] = unsafe function(x[left + index * leftStep], z[right + index * rightStep])
                }
            }
        }
    }

    private static func function<E: FixedWidthInteger>(_ name: String) -> (E, E) -> E {
        switch name {
        case "Add": { $0 &+ $1 }
        case "Sub": { $0 &- $1 }
        case "Mul": { $0 &* $1 }
        default: { $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).partialValue }
        }
    }

    private static func function(_ name: String) -> (Double, Double) -> Double {
        switch name {
        case "Add": { $0 + $1 }
        case "Sub": { $0 - $1 }
        case "Mul": { $0 * $1 }
        default: { $0 / $1 }
        }
    }
}

/// `PRelu`: x < 0 ? x · slope : x, the slope broadcast to x.
struct PReluOperator: Operator {
    static let names = ["PRelu"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        _ = try node.type(1, among: [.float32])
        guard try node.broadcast(0..<2) == type.shape else {
            throw node.malformed("slope of shape \(try node.shape(1)) does not broadcast to \(type.shape)")
        }
        return [type]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = node.outputs[0]
        let slope = try node.shape(1)
        var kernel: Kernel
        if let channels = type.shape.last, channels > 0, slope.last == channels, slope.dropLast().allSatisfy({ $0 == 1 }) {
            let count = type.count
            let variant = node.options.variant
            kernel = Kernel { arguments in
                unsafe inference_prelu_rows(
                    variant, arguments.inputPointer(0), arguments.inputPointer(1), arguments.outputPointer(0), Int64(count), Int64(channels))
            }
        } else {
            let walk = BroadcastWalk(type.shape, slope, to: type.shape)
            kernel = Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: Float.self)
                let z = unsafe arguments.inputPointer(1, as: Float.self)
                let y = unsafe arguments.outputPointer(0, as: Float.self)
                walk.forEachRun { left, leftStep, right, rightStep, result, count in
                    for index in 0..<count {
                        let value = unsafe x[left + index * leftStep]
                        unsafe y[result + index] = unsafe value < 0 ? value * z[right + index * rightStep] : value
                    }
                }
            }
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }
}
