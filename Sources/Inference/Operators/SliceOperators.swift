import Tensors

/// `Slice`: a range with step along some axes; attributes before operator set 10, inputs after.
struct SliceOperator: Operator {
    static let names = ["Slice"]

    private struct Range {
        var starts: [Int], counts: [Int], steps: [Int]
    }

    private static func range(_ node: NodeContext) throws(InferenceError) -> Range {
        let shape = try node.shape(0)
        let starts: [Int], ends: [Int], axes: [Int], steps: [Int]
        if node.opset < 10 {
            guard let given = try node.ints("starts"), let until = try node.ints("ends") else { throw node.malformed("attributes 'starts' and 'ends' are missing") }
            starts = given
            ends = until
            axes = try node.ints("axes") ?? Array(given.indices)
            steps = [Int](repeating: 1, count: given.count)
        } else {
            starts = try node.constantInts(1)
            ends = try node.constantInts(2)
            axes = node.hasInput(3) ? try node.constantInts(3) : Array(starts.indices)
            steps = node.hasInput(4) ? try node.constantInts(4) : [Int](repeating: 1, count: starts.count)
        }
        guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
            throw node.malformed("\(starts.count) starts, \(ends.count) ends, \(axes.count) axes, \(steps.count) steps")
        }
        var range = Range(starts: shape.map { _ in 0 }, counts: shape, steps: shape.map { _ in 1 })
        for (position, axis) in try node.axes(axes, rank: shape.count).enumerated() {
            let size = shape[axis], step = steps[position]
            guard step != 0 else { throw node.malformed("step 0 along axis \(axis)") }
            func place(_ value: Int, _ lower: Int, _ upper: Int) -> Int { min(max(value < 0 ? value + size : value, lower), upper) }
            if step > 0 {
                let start = place(starts[position], 0, size), end = place(ends[position], 0, size)
                range.starts[axis] = start
                range.counts[axis] = max(0, (end - start + step - 1) / step)
            } else {
                let start = place(starts[position], -1, size - 1), end = place(ends[position], -1, size - 1)
                range.starts[axis] = max(start, 0)
                range.counts[axis] = max(0, (start - end - step - 1) / -step)
            }
            range.steps[axis] = step
        }
        return range
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        [try node.makeType(Self.range(node).counts, node.type(0).elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let range = try Self.range(node)
        let strides = type.shape.rowMajorStrides
        let isEmpty = range.counts.contains(0)
        if range.counts == type.shape && range.steps.enumerated().allSatisfy({ $1 == 1 || type.shape[$0] == 1 }) { return Kernel(.view(ofInput: 0)) }
        let copy = StridedCopy(
            sizes: range.counts,
            // A size of 1 is walked once whatever its step, which may be as large as an attribute can be.
            sourceStrides: strides.indices.map { range.counts[$0] <= 1 ? 0 : strides[$0] * range.steps[$0] },
            sourceOffset: isEmpty ? 0 : strides.indices.reduce(0) { $0 + strides[$1] * range.starts[$1] }, elementSize: type.elementType.size)
        return Kernel { arguments in
            if isEmpty { return }
            unsafe copy.run(from: arguments.inputPointer(0, as: UInt8.self), to: arguments.outputPointer(0, as: UInt8.self))
        }
    }
}

/// `Gather` along one axis; a negative index counts from the end, one that is outside is clamped.
struct GatherOperator: Operator {
    static let names = ["Gather"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let data = try node.type(0)
        let indices = try node.type(1, among: [.int64, .int32])
        let axis = try node.axis(node.int("axis", default: 0), rank: data.rank)
        guard data.shape[axis] > 0 || indices.count == 0 else { throw node.malformed("gathers from an empty axis") }
        return [try node.makeType(Array(data.shape.prefix(axis)) + indices.shape + Array(data.shape.dropFirst(axis + 1)), data.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let data = try node.type(0), indices = try node.type(1)
        let axis = try node.axis(node.int("axis", default: 0), rank: data.rank)
        let size = data.shape[axis]
        let outer = data.shape.prefix(axis).reduce(1, *)
        let bytes = data.shape.dropFirst(axis + 1).reduce(1, *) * data.elementType.size
        let count = indices.count
        let isWide = indices.elementType == .int64
        return Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: UInt8.self)
            let y = unsafe arguments.outputPointer(0, as: UInt8.self)
            for block in 0..<outer {
                for index in 0..<count {
                    let given = isWide ? arguments.input(1, as: Int64.self)[index] : Int64(arguments.input(1, as: Int32.self)[index])
                    let position = Int(min(max(given < 0 ? given &+ Int64(size) : given, 0), Int64(size) - 1))
                    unsafe (y + (block * count + index) * bytes).update(from: x + (block * size + position) * bytes, count: bytes)
                }
            }
        }
    }
}
