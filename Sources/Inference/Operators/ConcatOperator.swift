import Tensors

/// `Concat` along one axis.
struct ConcatOperator: Operator {
    static let names = ["Concat"]

    private static func axis(_ node: NodeContext) throws(InferenceError) -> Int {
        try node.axis(node.int("axis", default: node.opset < 4 ? 1 : nil), rank: node.type(0).rank)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let first = try node.type(0)
        let axis = try Self.axis(node)
        var shape = first.shape
        shape[axis] = 0
        for index in node.inputs.indices {
            let type = try node.type(index)
            guard type.rank == first.rank, type.elementType == first.elementType,
                type.shape.indices.allSatisfy({ $0 == axis || type.shape[$0] == first.shape[$0] })
            else {
                throw node.malformed("input \(index) is \(type.elementType)\(type.shape), which does not join \(first.elementType)\(first.shape) along axis \(axis)")
            }
            shape[axis] += type.shape[axis]
        }
        return [try node.makeType(shape, first.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let axis = try Self.axis(node)
        let shape = node.outputs[0].shape
        let size = node.outputs[0].elementType.size
        let outer = shape.prefix(axis).reduce(1, *)
        let row = shape.dropFirst(axis).reduce(1, *) * size
        let inner = shape.dropFirst(axis + 1).reduce(1, *) * size
        var parts: [(bytes: Int, offset: Int)] = []
        var offset = 0
        for index in node.inputs.indices {
            let bytes = try node.shape(index)[axis] * inner
            parts.append((bytes, offset))
            offset += bytes
        }
        return Kernel { arguments in
            guard row > 0 else { return }
            let y = unsafe arguments.outputPointer(0, as: UInt8.self)
            for (index, part) in parts.enumerated() where part.bytes > 0 {
                let x = unsafe arguments.inputPointer(index, as: UInt8.self)
                for block in 0..<outer { unsafe (y + block * row + part.offset).update(from: x + block * part.bytes, count: part.bytes) }
            }
        }
    }
}
