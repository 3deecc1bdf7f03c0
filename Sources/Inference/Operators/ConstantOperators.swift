import ModelBundle
import Tensors

/// `Shape` and `Size`: known as soon as shapes are.
struct ShapeOperator: ShapeOnlyOperator {
    static let names = ["Shape", "Size"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        try outputs(node).map { TensorType(rearranged: $0.shape, $0.elementType) }
    }

    func outputs(_ node: NodeContext) throws(InferenceError) -> [Tensor] {
        let type = try node.type(0)
        if node.operation == "Size" { return [Tensor(scalar: Int64(type.count))] }
        func bound(_ name: String, _ fallback: Int) throws(InferenceError) -> Int {
            let value = try node.int(name, default: fallback)
            return Swift.max(0, Swift.min(value < 0 ? value + type.rank : value, type.rank))
        }
        let start = try bound("start", 0), end = try bound("end", type.rank)
        let sizes = start < end ? Array(type.shape[start..<end]) : []
        return [Tensor(shape: [sizes.count], values: sizes.map { Int64($0) })]
    }
}

/// `Constant`, whatever attribute holds the value.
struct ConstantOperator: ShapeOnlyOperator {
    static let names = ["Constant"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let tensor = try outputs(node)[0]
        return [try node.makeType(tensor.shape, tensor.elementType)]
    }

    func outputs(_ node: NodeContext) throws(InferenceError) -> [Tensor] {
        if case .tensor(let tensor)? = node.attributes["value"] {
            _ = try node.makeType(tensor.shape, tensor.elementType)
            return [tensor]
        }
        switch (node.attributes["value_float"], node.attributes["value_int"]) {
        case (.float(let value)?, _): return [Tensor(scalar: value)]
        case (_, .int(let value)?): return [Tensor(scalar: Int64(value))]
        default: break
        }
        switch (node.attributes["value_floats"], node.attributes["value_ints"]) {
        case (.floats(let values)?, _): return [Tensor(shape: [values.count], values: values)]
        case (_, .ints(let values)?): return [Tensor(shape: [values.count], values: values.map { Int64($0) })]
        default: throw node.unsupported("a value that is neither a tensor nor numbers")
        }
    }
}

/// `ConstantOfShape`: a shape filled with one value, zero of `float32` by default.
struct ConstantOfShapeOperator: Operator {
    static let names = ["ConstantOfShape"]

    private static func value(_ node: NodeContext) throws(InferenceError) -> Tensor {
        switch node.attributes["value"] {
        case .tensor(let tensor)?:
            guard tensor.count == 1 else { throw node.malformed("a value of shape \(tensor.shape), expected one element") }
            return tensor
        case nil: return Tensor(scalar: Float(0))
        default: throw node.malformed("attribute 'value' is not a tensor")
        }
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        [try node.makeType(try node.constantInts(0), Self.value(node).elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let bytes = try Self.value(node).bytes
        let count = node.outputs[0].count
        return Kernel { arguments in
            var y = arguments.output(0, as: UInt8.self)
            for index in 0..<count {
                for (offset, byte) in bytes.enumerated() { y[index * bytes.count + offset] = byte }
            }
        }
    }
}
