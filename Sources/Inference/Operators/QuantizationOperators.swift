import CKernels
import Tensors

/// How a scale spreads over a value: one for all, one for each position along an axis, or one for each block along it.
struct QuantizationLayout {
    private let outer: Int, size: Int, inner: Int
    private let block: Int, blocks: Int
    private let isBlocked: Bool

    /// One scale for all.
    var isUniform: Bool { outer * size == 1 && !isBlocked }

    /// Checks input 1 (scale) and input 2 (zero point, if there is one) against input 0.
    init(_ node: NodeContext) throws(InferenceError) {
        let shape = try node.shape(0), scale = try node.type(1, among: [.float32]).shape
        if node.hasInput(2) {
            let zero = try node.shape(2)
            guard zero == scale || (zero.reduce(1, *) == 1 && scale.reduce(1, *) == 1) else {
                throw node.malformed("zero point of shape \(zero), scale of shape \(scale)")
            }
        }
        let blockSize = try node.int("block_size", default: 0)
        isBlocked = blockSize > 0
        if scale.reduce(1, *) == 1 && !isBlocked {
            (outer, size, inner, block, blocks) = (1, 1, shape.reduce(1, *), 1, 1)
            return
        }
        let axis = try node.axis(node.int("axis", default: 1), rank: shape.count)
        outer = shape.prefix(axis).reduce(1, *)
        size = shape[axis]
        inner = shape.dropFirst(axis + 1).reduce(1, *)
        if !isBlocked {
            guard scale == [size] else { throw node.malformed("scale of shape \(scale) for axis \(axis) of \(shape)") }
            block = 1
            blocks = size
        } else {
            guard blockSize > 0, scale.count == shape.count, (size + blockSize - 1) / blockSize == scale[axis],
                scale.indices.allSatisfy({ $0 == axis || scale[$0] == shape[$0] })
            else { throw node.malformed("scale of shape \(scale) for blocks of \(blockSize) along axis \(axis) of \(shape)") }
            block = blockSize
            blocks = scale[axis]
        }
    }

    /// `body(first, count, step, parameter)`: elements `first ..< first + count`; element i has parameter `parameter + i · step`.
    func forEachRun(_ body: (Int, Int, Int, Int) -> Void) {
        for o in 0..<outer {
            for s in 0..<size {
                let first = (o * size + s) * inner
                if isBlocked {
                    body(first, inner, 1, (o * blocks + s / block) * inner)
                } else {
                    body(first, inner, 0, s)
                }
            }
        }
    }
}

extension FixedWidthInteger {
    /// round(x) + zero point, to even and saturated; not-a-number becomes the zero point.
    init(quantizing x: Float, zeroPoint: Self) {
        let value = (x.isNaN ? 0 : x.rounded(.toNearestOrEven)) + Float(zeroPoint)
        // Float(Self.max) may be Self.max + 1: compared before it is converted.
        self = value <= Float(Self.min) ? .min : value >= Float(Self.max) ? .max : Self(value)
    }
}

/// `QuantizeLinear`: saturate(round(x / scale) + zero point), for the whole, an axis or blocks.
struct QuantizeOperator: Operator {
    static let names = ["QuantizeLinear"]

    private static func target(_ node: NodeContext) throws(InferenceError) -> ElementType {
        if node.hasInput(2) { return try node.type(2, among: [.uint8, .int8, .uint16, .int16]).elementType }
        switch try node.int("output_dtype", default: 0) {
        case 0, 2: return .uint8
        case 3: return .int8
        case 4: return .uint16
        case 5: return .int16
        case let code: throw node.unsupported("element type number \(code)")
        }
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32, .int32])
        _ = try QuantizationLayout(node)
        return [try node.makeType(type.shape, try Self.target(node))]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        switch node.outputs[0].elementType {
        case .uint8: try Self.kernel(node, UInt8.self)
        case .int8: try Self.kernel(node, Int8.self)
        case .uint16: try Self.kernel(node, UInt16.self)
        default: try Self.kernel(node, Int16.self)
        }
    }

    private static func kernel<Q: TensorElement & FixedWidthInteger>(_ node: NodeContext, _: Q.Type) throws(InferenceError) -> Kernel {
        let layout = try QuantizationLayout(node)
        let isInteger = try node.type(0).elementType == .int32
        if node.options.isOptimized, layout.isUniform, !isInteger, Q.self == UInt8.self {
            let variant = node.options.variant, count = Int64(try node.type(0).count)
            return Kernel { arguments in
                let zero = arguments.hasInput(2) ? arguments.input(2, as: UInt8.self)[0] : 0
                unsafe inference_quantize(
                    variant, arguments.inputPointer(0), arguments.input(1, as: Float.self)[0], Int32(zero), arguments.outputPointer(0), count)
            }
        }
        return Kernel { arguments in
            let scale = unsafe arguments.inputPointer(1, as: Float.self)
            let zero = unsafe arguments.optionalInputPointer(2, as: Q.self)
            let y = unsafe arguments.outputPointer(0, as: Q.self)
            layout.forEachRun { first, count, step, parameter in
                for index in 0..<count {
                    let place = parameter + index * step
                    let value = unsafe isInteger
                        ? Float(arguments.inputPointer(0, as: Int32.self)[first + index]) : arguments.inputPointer(0, as: Float.self)[first + index]
                    unsafe y[first + index] = unsafe Q(quantizing: value / scale[place], zeroPoint: zero?[place] ?? 0)
                }
            }
        }
    }
}

/// `DequantizeLinear`: (x − zero point) · scale.
struct DequantizeOperator: NumericOperator {
    static let names = ["DequantizeLinear"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.uint8, .int8, .uint16, .int16, .int32])
        if node.hasInput(2) { _ = try node.type(2, among: [type.elementType]) }
        _ = try QuantizationLayout(node)
        return [try node.makeType(type.shape, .float32)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let layout = try QuantizationLayout(node)
        if node.options.isOptimized, layout.isUniform, E.self == UInt8.self {
            let variant = node.options.variant, count = Int64(try node.type(0).count)
            return Kernel { arguments in
                let zero = arguments.hasInput(2) ? arguments.input(2, as: UInt8.self)[0] : 0
                unsafe inference_dequantize(
                    variant, arguments.inputPointer(0), arguments.input(1, as: Float.self)[0], Int32(zero), arguments.outputPointer(0), count)
            }
        }
        return Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: E.self)
            let scale = unsafe arguments.inputPointer(1, as: Float.self)
            let zero = unsafe arguments.optionalInputPointer(2, as: E.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            layout.forEachRun { first, count, step, parameter in
                for index in 0..<count {
                    let place = parameter + index * step
                    unsafe y[first + index] = unsafe Float(x[first + index].double - (zero?[place].double ?? 0)) * scale[place]
                }
            }
        }
    }
}

/// `DynamicQuantizeLinear`: scale and zero point from the smallest and largest value and 0, to `uint8`.
struct DynamicQuantizeOperator: Operator {
    static let names = ["DynamicQuantizeLinear"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        return [try node.makeType(type.shape, .uint8), try node.makeType([], .float32), try node.makeType([], .uint8)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        Kernel { arguments in
            let x = arguments.input(0, as: Float.self)
            var low: Float = 0, high: Float = 0
            for index in x.indices {
                low = min(low, x[index])
                high = max(high, x[index])
            }
            let scale = (high - low) / 255
            let zero = UInt8(quantizing: scale > 0 ? -low / scale : 0, zeroPoint: 0)
            if arguments.hasOutput(0) {
                var y = arguments.output(0, as: UInt8.self)
                for index in x.indices { y[index] = UInt8(quantizing: scale > 0 ? x[index] / scale : 0, zeroPoint: zero) }
            }
            if arguments.hasOutput(1) {
                var y = arguments.output(1, as: Float.self)
                y[0] = scale
            }
            if arguments.hasOutput(2) {
                var y = arguments.output(2, as: UInt8.self)
                y[0] = zero
            }
        }
    }
}
