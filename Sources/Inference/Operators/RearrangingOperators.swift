import Tensors

/// `Split` along one axis: equal parts, or sizes from an attribute (before operator set 13) or a constant input.
struct SplitOperator: Operator {
    static let names = ["Split"]

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> (axis: Int, sizes: [Int]) {
        let type = try node.type(0)
        let axis = try node.axis(node.int("axis", default: 0), rank: type.rank)
        let whole = type.shape[axis]
        var given = try node.ints("split")
        if given == nil, node.hasInput(1) { given = try node.constantInts(1) }
        if let sizes = given {
            guard sizes.count == node.outputCount, sizes.allSatisfy({ $0 >= 0 }), sizes.reduce(0, +) == whole else {
                throw node.malformed("parts of \(sizes) in \(node.outputCount) outputs for a size of \(whole)")
            }
            return (axis, sizes)
        }
        let count = try node.int("num_outputs", default: node.outputCount)
        guard count == node.outputCount, count >= 1 else { throw node.malformed("\(count) parts in \(node.outputCount) outputs") }
        // The last part is what is left.
        let size = (whole + count - 1) / count
        guard size * (count - 1) <= whole, node.attributes["num_outputs"] != nil || whole % count == 0 else {
            throw node.malformed("a size of \(whole) does not divide into \(count) parts")
        }
        return (axis, (0..<count).map { min(size, whole - $0 * size) })
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        let (axis, sizes) = try Self.sizes(node)
        var types: [TensorType] = []
        for size in sizes {
            var shape = type.shape
            shape[axis] = size
            types.append(try node.makeType(shape, type.elementType))
        }
        return types
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let (axis, sizes) = try Self.sizes(node)
        if sizes.count == 1 { return Kernel(.view(ofInput: 0)) }
        let outer = type.shape.prefix(axis).reduce(1, *)
        let inner = type.shape.dropFirst(axis + 1).reduce(1, *) * type.elementType.size
        let row = type.shape[axis] * inner
        return Kernel { arguments in
            guard row > 0 else { return }
            let x = unsafe arguments.inputPointer(0, as: UInt8.self)
            var offset = 0
            for (index, size) in sizes.enumerated() {
                let bytes = size * inner
                if arguments.hasOutput(index), bytes > 0 {
                    let y = unsafe arguments.outputPointer(index, as: UInt8.self)
                    for block in 0..<outer { unsafe (y + block * bytes).update(from: x + block * row + offset, count: bytes) }
                }
                offset += bytes
            }
        }
    }
}

/// `Expand`: broadcast to a constant shape. `Tile`: repeated a constant number of times along each axis.
struct ExpandOperator: Operator {
    static let names = ["Expand", "Tile"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        let given = try node.constantInts(1)
        if node.operation == "Tile" {
            guard given.count == type.rank, given.allSatisfy({ $0 >= 0 }) else { throw node.malformed("repeats \(given) for shape \(type.shape)") }
            return [try node.makeType(zip(type.shape, given).map { $0 * $1 }, type.elementType)]
        }
        guard given.allSatisfy({ $0 >= 0 }), let shape = broadcastShape([type.shape, given]) else {
            throw node.malformed("\(type.shape) does not expand to \(given)")
        }
        return [try node.makeType(shape, type.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let result = node.outputs[0].shape
        if result == type.shape { return Kernel(.view(ofInput: 0)) }
        // Repeats of nothing may be any number.
        if node.outputs[0].count == 0 { return Kernel { _ in } }
        let copy: StridedCopy
        if node.operation == "Tile" {
            // Each axis is two: the repeats, which do not move in the source, and the positions.
            let strides = type.shape.rowMajorStrides
            let repeats = try node.constantInts(1)
            copy = StridedCopy(
                sizes: type.shape.indices.flatMap { [repeats[$0], type.shape[$0]] }, sourceStrides: strides.flatMap { [0, $0] },
                elementSize: type.elementType.size)
        } else {
            copy = StridedCopy(
                sizes: result, sourceStrides: BroadcastWalk.strides(of: type.shape, in: result), elementSize: type.elementType.size)
        }
        return Kernel { arguments in
            unsafe copy.run(from: arguments.inputPointer(0, as: UInt8.self), to: arguments.outputPointer(0, as: UInt8.self))
        }
    }
}

/// `DepthToSpace` and `SpaceToDepth` of [batch, channels, height, width].
struct DepthToSpaceOperator: Operator {
    static let names = ["DepthToSpace", "SpaceToDepth"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        let block = try node.int("blocksize")
        guard type.rank == 4, block >= 1, block <= 1 << 15 else { throw node.malformed("blocksize \(block) for shape \(type.shape)") }
        let (n, c, h, w) = (type.shape[0], type.shape[1], type.shape[2], type.shape[3])
        if node.operation == "DepthToSpace" {
            guard c % (block * block) == 0 else { throw node.malformed("\(c) channels do not make blocks of \(block) × \(block)") }
            return [try node.makeType([n, c / (block * block), h * block, w * block], type.elementType)]
        }
        guard h % block == 0, w % block == 0 else { throw node.malformed("\(h) × \(w) does not divide into blocks of \(block) × \(block)") }
        return [try node.makeType([n, c * block * block, h / block, w / block], type.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let block = try node.int("blocksize")
        let result = node.outputs[0].shape
        if node.outputs[0].count == 0 { return Kernel { _ in } }
        let source: [Int], order: [Int]
        if node.operation == "DepthToSpace" {
            let channels = result[1]
            let isColumnFirst = try node.string("mode", default: "DCR") == "CRD"
            source = isColumnFirst
                ? [result[0], channels, block, block, type.shape[2], type.shape[3]] : [result[0], block, block, channels, type.shape[2], type.shape[3]]
            order = isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
        } else {
            source = [result[0], type.shape[1], result[2], block, result[3], block]
            order = try node.string("mode", default: "DCR") == "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]
        }
        let strides = source.rowMajorStrides
        let copy = StridedCopy(sizes: order.map { source[$0] }, sourceStrides: order.map { strides[$0] }, elementSize: type.elementType.size)
        return Kernel { arguments in
            unsafe copy.run(from: arguments.inputPointer(0, as: UInt8.self), to: arguments.outputPointer(0, as: UInt8.self))
        }
    }
}
