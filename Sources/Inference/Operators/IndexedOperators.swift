import Tensors

/// Positions that indices point at: a negative one counts from the end, one that is outside is clamped.
struct IndexReader {
    private let input: Int
    private let isWide: Bool

    init(_ node: NodeContext, input: Int) throws(InferenceError) {
        self.input = input
        isWide = try node.type(input, among: [.int64, .int32]).elementType == .int64
    }

    func position(_ arguments: KernelArguments, _ index: Int, size: Int) -> Int {
        let given = isWide ? arguments.input(input, as: Int64.self)[index] : Int64(arguments.input(input, as: Int32.self)[index])
        return Int(min(max(given < 0 ? given &+ Int64(size) : given, 0), Int64(size) - 1))
    }
}

/// How `ScatterElements` and `ScatterND` join an update with what is there.
enum ScatterReduction {
    static func combination<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> (E, E) -> E {
        switch try node.string("reduction", default: "none") {
        case "none": return { $1 }
        case "add": return { E.sum($0, $1) }
        case "mul": return { E.product($0, $1) }
        case "max": return { max($0, $1) }
        case "min": return { min($0, $1) }
        case let reduction: throw node.malformed("reduction '\(reduction)'")
        }
    }
}

/// `GatherElements` and `ScatterElements`: one index for each element, along one axis.
struct ElementIndexOperator: NumericOperator {
    static let names = ["GatherElements", "ScatterElements", "Scatter"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let data = try node.type(0), indices = try node.type(1, among: [.int64, .int32])
        let axis = try node.axis(node.int("axis", default: 0), rank: data.rank)
        guard indices.rank == data.rank, data.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= data.shape[$0] }),
            data.shape[axis] > 0 || indices.count == 0
        else { throw node.malformed("indices of shape \(indices.shape) into \(data.shape) along axis \(axis)") }
        if node.operation == "GatherElements" { return [try node.makeType(indices.shape, data.elementType)] }
        guard try node.type(2) == TensorType(rearranged: indices.shape, data.elementType) else {
            throw node.malformed("updates of \(try node.type(2).elementType)\(try node.shape(2)) for indices of \(indices.shape)")
        }
        return [data]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let data = try node.type(0), indices = try node.shape(1)
        let axis = try node.axis(node.int("axis", default: 0), rank: data.rank)
        let reader = try IndexReader(node, input: 1)
        let strides = data.shape.rowMajorStrides
        let extent = data.shape[axis], count = data.count
        let isGather = node.operation == "GatherElements"
        let combine = isGather ? { $1 } : try ScatterReduction.combination(node, E.self)
        return Kernel { arguments in
            let values = unsafe arguments.inputPointer(isGather ? 0 : 2, as: E.self)
            let y = unsafe arguments.outputPointer(0, as: E.self)
            if !isGather { unsafe y.update(from: arguments.inputPointer(0, as: E.self), count: count) }
            var element = 0
            func walk(_ level: Int, _ offset: Int) {
                guard level < indices.count else {
                    let place = offset + reader.position(arguments, element, size: extent) * strides[axis]
                    if isGather {
                        unsafe y[element] = unsafe values[place]
                    } else {
                        unsafe y[place] = unsafe combine(y[place], values[element])
                    }
                    element += 1
                    return
                }
                for index in 0..<indices[level] { walk(level + 1, level == axis ? offset : offset + index * strides[level]) }
            }
            walk(0, 0)
        }
    }
}

/// `GatherND` and `ScatterND`: the last axis of the indices is a position in the first axes of the data (after `batch_dims`).
struct SliceIndexOperator: NumericOperator {
    static let names = ["GatherND", "ScatterND"]

    private struct Sizes {
        /// Leading axes that data and indices share.
        let shared: Int
        let depth: Int
        let batches: Int, tuplesPerBatch: Int
        let sliceShape: [Int]
    }

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> Sizes {
        let data = try node.shape(0), indices = try node.type(1, among: [.int64, .int32]).shape
        let shared = node.operation == "GatherND" ? try node.int("batch_dims", default: 0) : 0
        guard let depth = indices.last, shared >= 0, shared < indices.count, shared + depth <= data.count,
            data.prefix(shared).elementsEqual(indices.prefix(shared)), !data.contains(0)
        else { throw node.malformed("indices of shape \(indices) into \(data) with \(shared) shared axes") }
        return Sizes(
            shared: shared, depth: depth, batches: data.prefix(shared).reduce(1, *),
            tuplesPerBatch: indices.dropFirst(shared).dropLast().reduce(1, *), sliceShape: Array(data.dropFirst(shared + depth)))
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let data = try node.type(0)
        let sizes = try Self.sizes(node)
        let shape = try node.shape(1).dropLast() + sizes.sliceShape
        if node.operation == "GatherND" { return [try node.makeType(Array(shape), data.elementType)] }
        guard try node.type(2) == TensorType(rearranged: Array(shape), data.elementType) else {
            throw node.malformed("updates of \(try node.type(2).elementType)\(try node.shape(2)), expected \(data.elementType)\(Array(shape))")
        }
        return [data]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let data = try node.type(0)
        let sizes = try Self.sizes(node)
        let reader = try IndexReader(node, input: 1)
        let strides = data.shape.rowMajorStrides
        let count = sizes.sliceShape.reduce(1, *), total = data.count
        let perBatch = sizes.batches > 0 ? total / sizes.batches : 0
        let isGather = node.operation == "GatherND"
        let combine = isGather ? { $1 } : try ScatterReduction.combination(node, E.self)
        return Kernel { arguments in
            let values = unsafe arguments.inputPointer(isGather ? 0 : 2, as: E.self)
            let y = unsafe arguments.outputPointer(0, as: E.self)
            if !isGather { unsafe y.update(from: arguments.inputPointer(0, as: E.self), count: total) }
            for batch in 0..<sizes.batches {
                for index in 0..<sizes.tuplesPerBatch {
                    let tuple = batch * sizes.tuplesPerBatch + index
                    var place = 0
                    for level in 0..<sizes.depth {
                        let axis = sizes.shared + level
                        place += reader.position(arguments, tuple * sizes.depth + level, size: data.shape[axis]) * strides[axis]
                    }
                    let offset = batch * perBatch + place
                    if isGather {
                        unsafe (y + tuple * count).update(from: values + offset, count: count)
                    } else {
                        for element in 0..<count {
                            unsafe y[offset + element] = unsafe combine(y[offset + element], values[tuple * count + element])
                        }
                    }
                }
            }
        }
    }
}
