import Tensors

/// `Identity`, and `Dropout` as it is outside training: its output is its input, its mask is all true.
struct ViewOperator: Operator {
    static let names = ["Identity", "Dropout"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        if node.operation == "Identity" { return [type] }
        if node.opset >= 12, node.hasInput(2) {
            let isTraining = try node.constant(2)
            guard isTraining.elementType == .bool, isTraining.count == 1 else { throw node.malformed("training_mode of type \(isTraining.elementType)\(isTraining.shape)") }
            let ratio = node.hasInput(1) ? try node.constantFloat(1) : 0.5
            guard isTraining.bytes[0] == 0 || ratio == 0 else { throw node.unsupported("training_mode") }
        }
        return [type, try node.makeType(type.shape, .bool)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        if node.outputCount == 1 { return Kernel(.view(ofInput: 0)) }
        let bytes = node.outputs[0].byteCount, count = node.outputs[0].count
        return Kernel { arguments in
            unsafe arguments.outputPointer(0, as: UInt8.self).update(from: arguments.inputPointer(0, as: UInt8.self), count: bytes)
            if arguments.hasOutput(1) { unsafe arguments.outputPointer(1, as: UInt8.self).update(repeating: 1, count: count) }
        }
    }
}

/// `Reshape`: −1 is what is left, 0 keeps the input's size (unless `allowzero`). `fwoc.Reshape` has its shape as attribute.
struct ReshapeOperator: Operator {
    static let names = ["Reshape", "fwoc.Reshape"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        let given: [Int]?
        if node.operation == "fwoc.Reshape" || (node.opset < 5 && node.attributes["shape"] != nil) {
            given = try node.ints("shape")
        } else {
            given = try node.constantInts(1)
        }
        guard var shape = given else { throw node.malformed("no shape") }
        let keepsZero = try node.int("allowzero", default: 0) != 0 || node.operation == "fwoc.Reshape"
        var known = 1
        var free: Int?
        for (axis, size) in shape.enumerated() {
            if size == 0 && !keepsZero {
                guard axis < type.rank else { throw node.malformed("shape \(shape) keeps dimension \(axis) of \(type.shape)") }
                shape[axis] = type.shape[axis]
            }
            if size == -1 {
                guard free == nil else { throw node.malformed("shape \(shape) has two free sizes") }
                free = axis
                continue
            }
            let (product, overflow) = known.multipliedReportingOverflow(by: shape[axis])
            guard !overflow, shape[axis] >= 0 else { throw node.malformed("shape \(shape)") }
            known = product
        }
        if let free {
            guard known > 0, type.count % known == 0 else { throw node.malformed("\(type.shape) does not reshape to \(shape)") }
            shape[free] = type.count / known
        }
        let result = try node.makeType(shape, type.elementType)
        guard result.count == type.count else { throw node.malformed("\(type.shape) (\(type.count) elements) does not reshape to \(shape)") }
        return [result]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel { Kernel(.view(ofInput: 0)) }
}

/// `Squeeze` and `Unsqueeze`, axes as attribute or as input.
struct SqueezeOperator: Operator {
    static let names = ["Squeeze", "Unsqueeze"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        var shape = type.shape
        if node.operation == "Squeeze" {
            let axes = try node.axes(input: 1, rank: type.rank) ?? shape.indices.filter { shape[$0] == 1 }
            for axis in axes where shape[axis] != 1 { throw node.malformed("axis \(axis) of \(type.shape) is not of size 1") }
            shape = shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element)
        } else {
            let given = try node.ints("axes")
            let count = given == nil ? try node.constantInts(1).count : given!.count
            guard type.rank + count <= TensorType.maximumRank, let axes = try node.axes(input: 1, rank: type.rank + count) else {
                throw node.malformed("\(count) new axes")
            }
            for axis in axes.sorted() { shape.insert(1, at: axis) }
        }
        return [try node.makeType(shape, type.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel { Kernel(.view(ofInput: 0)) }
}

/// `Flatten` to a matrix.
struct FlattenOperator: Operator {
    static let names = ["Flatten"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        let axis = try node.int("axis", default: 1)
        let split = axis == type.rank ? axis : axis == 0 ? 0 : try node.axis(axis, rank: type.rank)
        return [try node.makeType([type.shape.prefix(split).reduce(1, *), type.shape.dropFirst(split).reduce(1, *)], type.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel { Kernel(.view(ofInput: 0)) }
}
