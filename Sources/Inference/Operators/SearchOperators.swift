import Tensors

/// `ArgMax` and `ArgMin`: the position of the largest or smallest element along one axis, the first or the last of equals.
struct ArgumentOperator: NumericOperator {
    static let names = ["ArgMax", "ArgMin"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: ElementType.numbers)
        let axis = try node.axis(node.int("axis", default: 0), rank: type.rank)
        guard type.shape[axis] > 0 else { throw node.malformed("axis \(axis) of \(type.shape) is empty") }
        let keeps = try node.int("keepdims", default: 1) != 0
        return [try node.makeType(type.shape.enumerated().compactMap { $0 == axis ? (keeps ? 1 : nil) : $1 }, .int64)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let axis = try node.axis(node.int("axis", default: 0), rank: shape.count)
        let outer = shape.prefix(axis).reduce(1, *), size = shape[axis], inner = shape.dropFirst(axis + 1).reduce(1, *)
        let takesLast = try node.int("select_last_index", default: 0) != 0
        let isMax = node.operation == "ArgMax"
        return Kernel { arguments in
            let x = arguments.input(0, as: E.self)
            var y = arguments.output(0, as: Int64.self)
            for block in 0..<outer {
                for column in 0..<inner {
                    let start = block * size * inner + column
                    var best = 0
                    for index in 1..<max(size, 1) {
                        let value = x[start + index * inner], champion = x[start + best * inner]
                        if (isMax ? value > champion : value < champion) || (takesLast && value == champion) { best = index }
                    }
                    y[block * inner + column] = Int64(best)
                }
            }
        }
    }
}

/// `TopK`: the k largest or smallest along one axis, sorted, with their positions; the first of equals comes first.
struct TopKOperator: NumericOperator {
    static let names = ["TopK"]

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> (axis: Int, k: Int) {
        let type = try node.type(0)
        let axis = try node.axis(node.int("axis", default: -1), rank: type.rank)
        let k: Int
        if node.opset < 10 {
            k = try node.int("k")
        } else {
            guard let value = try node.constantInts(1).first else { throw node.malformed("k is empty") }
            k = value
        }
        guard k >= 0, k <= type.shape[axis] else { throw node.malformed("the \(k) first of \(type.shape[axis]) along axis \(axis)") }
        return (axis, k)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: ElementType.numbers)
        let (axis, k) = try Self.sizes(node)
        var shape = type.shape
        shape[axis] = k
        return [try node.makeType(shape, type.elementType), try node.makeType(shape, .int64)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let (axis, k) = try Self.sizes(node)
        let outer = shape.prefix(axis).reduce(1, *), size = shape[axis], inner = shape.dropFirst(axis + 1).reduce(1, *)
        let isLargest = try node.int("largest", default: 1) != 0
        var kernel = Kernel { arguments in
            let x = arguments.input(0, as: E.self)
            var order = arguments.scratch(as: Int32.self)
            for block in 0..<outer {
                for column in 0..<inner {
                    let start = block * size * inner + column
                    // The best so far, sorted by insertion: no memory beside the k positions.
                    var count = 0
                    for index in 0..<size {
                        let value = x[start + index * inner]
                        var place = count
                        while place > 0 {
                            let other = x[start + Int(order[place - 1]) * inner]
                            guard isLargest ? value > other : value < other else { break }
                            place -= 1
                        }
                        if place >= k { continue }
                        var position = min(count, k - 1)
                        while position > place {
                            order[position] = order[position - 1]
                            position -= 1
                        }
                        order[place] = Int32(index)
                        count = min(count + 1, k)
                    }
                    for rank in 0..<k {
                        let target = (block * k + rank) * inner + column
                        if arguments.hasOutput(0) {
                            var y = arguments.output(0, as: E.self)
                            y[target] = x[start + Int(order[rank]) * inner]
                        }
                        if arguments.hasOutput(1) {
                            var positions = arguments.output(1, as: Int64.self)
                            positions[target] = Int64(order[rank])
                        }
                    }
                }
            }
        }
        kernel.scratchBytes = max(k, 1) * 4
        kernel.multiplyAccumulates = try node.type(0).count * max(k, 1)
        return kernel
    }
}

/// `CumSum` along one axis.
struct CumulativeSumOperator: NumericOperator {
    static let names = ["CumSum"]

    private static func axis(_ node: NodeContext) throws(InferenceError) -> Int {
        let given = try node.constantInts(1)
        guard given.count == 1 else { throw node.malformed("\(given.count) axes, expected one") }
        return try node.axis(given[0], rank: node.type(0).rank)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        _ = try Self.axis(node)
        return [try node.type(0, among: ElementType.numbers)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let shape = node.outputs[0].shape
        let axis = try Self.axis(node)
        let outer = shape.prefix(axis).reduce(1, *), size = shape[axis], inner = shape.dropFirst(axis + 1).reduce(1, *)
        let isExclusive = try node.int("exclusive", default: 0) != 0, isReversed = try node.int("reverse", default: 0) != 0
        return Kernel { arguments in
            let x = arguments.input(0, as: E.self)
            var y = arguments.output(0, as: E.self)
            for block in 0..<outer {
                for column in 0..<inner {
                    var sum = E.zero
                    for step in 0..<size {
                        let index = (block * size + (isReversed ? size - 1 - step : step)) * inner + column
                        if isExclusive { y[index] = sum }
                        sum = E.sum(sum, x[index])
                        if !isExclusive { y[index] = sum }
                    }
                }
            }
        }
    }
}

/// `Range`: start, start + delta … before limit, all three known at load.
struct RangeOperator: NumericOperator {
    static let names = ["Range"]

    private static func double(_ node: NodeContext, _ index: Int) throws(InferenceError) -> Double {
        let tensor = try node.constant(index)
        guard tensor.count == 1 else { throw node.malformed("input \(index) has shape \(tensor.shape); expected one element") }
        switch tensor.elementType {
        case .float32: return Double(tensor.values(as: Float.self)[0])
        case .float64: return tensor.values(as: Double.self)[0]
        case .int16: return Double(tensor.values(as: Int16.self)[0])
        case .int32: return Double(tensor.values(as: Int32.self)[0])
        case .int64: return Double(tensor.values(as: Int64.self)[0])
        default: throw node.unsupported("input \(index) holds \(tensor.elementType)")
        }
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.commonElementType(0..<3, among: [.float32, .float64, .int16, .int32, .int64])
        let start = try Self.double(node, 0), limit = try Self.double(node, 1), delta = try Self.double(node, 2)
        let count = ((limit - start) / delta).rounded(.up)
        guard delta != 0, count < Double(NodeContext.bound) else { throw node.malformed("from \(start) to \(limit) in steps of \(delta)") }
        return [try node.makeType([Int(max(count, 0))], type)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        Kernel { arguments in
            let start = arguments.input(0, as: E.self)[0], delta = arguments.input(2, as: E.self)[0]
            var y = arguments.output(0, as: E.self)
            for index in y.indices { y[index] = E.sum(start, E.product(E(converting: Double(index)), delta)) }
        }
    }
}

/// `OneHot`: a new axis of constant depth that holds one value where the index points and another elsewhere.
struct OneHotOperator: NumericOperator {
    static let names = ["OneHot"]

    var typedInput: Int { 2 }

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> (axis: Int, depth: Int) {
        let value = try node.constantFloat(1)
        guard value >= 1, value < Float(NodeContext.bound) else { throw node.malformed("depth \(value)") }
        return (try node.axis(node.int("axis", default: -1), rank: node.type(0).rank + 1), Int(value))
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let indices = try node.type(0, among: [.int64, .int32, .float32])
        let values = try node.type(2)
        guard values.count == 2 else { throw node.malformed("values of shape \(values.shape), expected two") }
        let (axis, depth) = try Self.sizes(node)
        var shape = indices.shape
        shape.insert(depth, at: axis)
        return [try node.makeType(shape, values.elementType)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let indices = try node.type(0)
        let (axis, depth) = try Self.sizes(node)
        let outer = indices.shape.prefix(axis).reduce(1, *), inner = indices.shape.dropFirst(axis).reduce(1, *)
        return Kernel { arguments in
            let values = arguments.input(2, as: E.self)
            var y = arguments.output(0, as: E.self)
            for index in y.indices { y[index] = values[0] }
            for block in 0..<outer {
                for column in 0..<inner {
                    let source = block * inner + column
                    let given: Double =
                        switch indices.elementType {
                        case .int64: arguments.input(0, as: Int64.self)[source].double
                        case .int32: arguments.input(0, as: Int32.self)[source].double
                        default: arguments.input(0, as: Float.self)[source].double
                        }
                    let position = given < 0 ? given + Double(depth) : given
                    guard position >= 0, position < Double(depth) else { continue }
                    y[(block * depth + Int(position)) * inner + column] = values[1]
                }
            }
        }
    }
}
