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

/// `GatherElements` and `ScatterElements`: one index for each element, along one axis.
struct ElementIndexOperator: Operator {
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
        guard try node.string("reduction", default: "none") == "none" else { throw node.unsupported("reduction") }
        return [data]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let data = try node.type(0), indices = try node.shape(1)
        let axis = try node.axis(node.int("axis", default: 0), rank: data.rank)
        let reader = try IndexReader(node, input: 1)
        let strides = data.shape.rowMajorStrides
        let size = data.elementType.size, extent = data.shape[axis], bytes = data.byteCount
        let isGather = node.operation == "GatherElements"
        return Kernel { arguments in
            let values = unsafe arguments.inputPointer(isGather ? 0 : 2, as: UInt8.self)
            let y = unsafe arguments.outputPointer(0, as: UInt8.self)
            if !isGather { unsafe y.update(from: arguments.inputPointer(0, as: UInt8.self), count: bytes) }
            var element = 0
            func walk(_ level: Int, _ offset: Int) {
                guard level < indices.count else {
                    let place = (offset + reader.position(arguments, element, size: extent) * strides[axis]) * size
                    if isGather {
                        unsafe (y + element * size).update(from: values + place, count: size)
                    } else {
                        unsafe (y + place).update(from: values + element * size, count: size)
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
struct SliceIndexOperator: Operator {
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
        guard try node.string("reduction", default: "none") == "none" else { throw node.unsupported("reduction") }
        return [data]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let data = try node.type(0)
        let sizes = try Self.sizes(node)
        let reader = try IndexReader(node, input: 1)
        let strides = data.shape.rowMajorStrides
        let bytes = sizes.sliceShape.reduce(1, *) * data.elementType.size, total = data.byteCount
        let batchBytes = sizes.batches > 0 ? total / sizes.batches : 0
        let isGather = node.operation == "GatherND"
        return Kernel { arguments in
            let values = unsafe arguments.inputPointer(isGather ? 0 : 2, as: UInt8.self)
            let y = unsafe arguments.outputPointer(0, as: UInt8.self)
            if !isGather { unsafe y.update(from: arguments.inputPointer(0, as: UInt8.self), count: total) }
            for batch in 0..<sizes.batches {
                for index in 0..<sizes.tuplesPerBatch {
                    let tuple = batch * sizes.tuplesPerBatch + index
                    var place = 0
                    for level in 0..<sizes.depth {
                        let axis = sizes.shared + level
                        place += reader.position(arguments, tuple * sizes.depth + level, size: data.shape[axis]) * strides[axis]
                    }
                    let offset = batch * batchBytes + place * data.elementType.size
                    if isGather {
                        unsafe (y + tuple * bytes).update(from: values + offset, count: bytes)
                    } else {
                        unsafe (y + offset).update(from: values + tuple * bytes, count: bytes)
                    }
                }
            }
        }
    }
}
