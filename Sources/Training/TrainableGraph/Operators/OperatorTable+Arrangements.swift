import CTorch
import ModelBundle
import Tensors

extension OperatorTable {
    static let arrangements: [String: Evaluation] = [
        "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Expand": expand, "Concat": concat, "Slice": slice, "Split": split,
        "Pad": pad, "Tile": tile, "DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth,
        "Transpose": { node in
            let x = try node.input(0)
            return [try x.permuted(node.ints("perm", count: x.rank) ?? Array((0..<x.rank).reversed()))]
        },
    ]

    @Sendable private static func reshape(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        var shape = try node.opset < 5 ? node.ints("shape") ?? [] : node.integers(1)
        if try node.int("allowzero", default: 0) == 0 {
            for index in shape.indices where shape[index] == 0 {
                guard index < x.rank else { throw node.malformed("size \(index) of \(shape) is that of the input, which has shape \(x.shape)") }
                shape[index] = x.shape[index]
            }
        }
        // libtorch cannot tell what −1 is where there are no elements.
        if x.count == 0, let free = shape.firstIndex(of: -1) {
            let others = shape.enumerated().reduce(1) { $1.offset == free ? $0 : $0 * $1.element }
            guard others != 0 else { throw node.malformed("shape \(shape) of an input without elements") }
            shape[free] = 0
        }
        return [try x.reshaped(shape)]
    }

    @Sendable private static func flatten(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let given = try node.int("axis", default: 1)
        let axis = given < 0 ? given + x.rank : given
        guard (0...x.rank).contains(axis) else { throw node.malformed("axis \(given) of an input of shape \(x.shape)") }
        return [try x.reshaped([x.shape.prefix(axis).reduce(1, *), x.shape.dropFirst(axis).reduce(1, *)])]
    }

    @Sendable private static func squeeze(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let given = node.opset >= 13 ? (node.hasInput(1) ? try node.integers(1) : nil) : try node.ints("axes")
        let axes = try given.map { try node.axes($0, rank: x.rank) } ?? x.shape.indices.filter { x.shape[$0] == 1 }
        for axis in axes where x.shape[axis] != 1 { throw node.malformed("axis \(axis) of shape \(x.shape) is not 1") }
        return [try x.reshaped(x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] })]
    }

    @Sendable private static func unsqueeze(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let given = try node.opset >= 13 ? node.integers(1) : node.ints("axes") ?? []
        let axes = try node.axes(given, rank: x.rank + given.count)
        var shape = x.shape
        for axis in axes.sorted() { shape.insert(1, at: axis) }
        return [try x.reshaped(shape)]
    }

    @Sendable private static func expand(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        var shape = try node.integers(1)
        // Broadcast both ways.
        var own = x.shape
        while shape.count < own.count { shape.insert(1, at: 0) }
        while own.count < shape.count { own.insert(1, at: 0) }
        let target = try zip(own, shape).map { size, wanted in
            guard size == wanted || size == 1 || wanted == 1 else { throw node.malformed("an input of shape \(x.shape) does not expand to \(shape)") }
            return size == 1 ? wanted : size
        }
        return [try x.expanded(target)]
    }

    @Sendable private static func concat(_ node: NodeCall) throws -> [TorchTensor?] {
        let all = try node.inputs.indices.map { try node.input($0) }
        guard let first = all.first else { throw node.malformed("no inputs") }
        let axis = try node.axis(node.int("axis", default: node.opset < 4 ? 1 : nil), rank: first.rank)
        return [try TorchTensor.concatenated(all, axis: axis)]
    }

    @Sendable private static func slice(_ node: NodeCall) throws -> [TorchTensor?] {
        var x = try node.input(0)
        let isOld = node.opset < 10
        let starts = try isOld ? node.ints("starts") ?? [] : node.integers(1), ends = try isOld ? node.ints("ends") ?? [] : node.integers(2)
        let given = isOld ? try node.ints("axes") : node.hasInput(3) ? try node.integers(3) : nil
        let axes = try node.axes(given ?? Array(starts.indices), rank: x.rank)
        let steps = !isOld && node.hasInput(4) ? try node.integers(4) : starts.map { _ in 1 }
        guard starts.count == axes.count, ends.count == axes.count, steps.count == axes.count, !steps.contains(0) else {
            throw node.malformed("starts \(starts), ends \(ends), axes \(axes), steps \(steps)")
        }
        for (index, axis) in axes.enumerated() {
            let size = x.shape[axis], step = steps[index]
            func clamped(_ position: Int, _ lower: Int, _ upper: Int) -> Int { min(max(position < 0 ? position + size : position, lower), upper) }
            if step > 0 {
                let start = clamped(starts[index], 0, size)
                x = try x.sliced(axis, start, max(start, clamped(ends[index], 0, size)), step: step)
            } else {
                let positions = Array(Swift.stride(from: clamped(starts[index], 0, size - 1), to: clamped(ends[index], -1, size - 1), by: step))
                x = try x.selected(axis, TorchTensor(positions.map { Int64($0) }, shape: [positions.count], device: x.device))
            }
        }
        return [x]
    }

    @Sendable private static func split(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let axis = try node.axis(node.int("axis", default: 0), rank: x.rank)
        let size = x.shape[axis], count = node.node.outputs.count
        let given = node.opset >= 13 ? (node.hasInput(1) ? try node.integers(1) : nil) : try node.ints("split")
        var sizes = given ?? []
        if given == nil {
            let piece = (size + count - 1) / count
            sizes = (0..<count).map { max(0, min(piece, size - $0 * piece)) }
        }
        guard sizes.count == count, sizes.reduce(0, +) == size, sizes.allSatisfy({ $0 >= 0 }) else {
            throw node.malformed("pieces \(sizes) of a size of \(size) for \(count) outputs")
        }
        return try x.split(sizes, axis: axis)
    }

    @Sendable private static func pad(_ node: NodeCall) throws -> [TorchTensor?] {
        var x = try node.input(0)
        let given = try node.opset < 11 ? node.ints("pads") ?? [] : node.integers(1)
        let value = try node.opset < 11 ? node.float("value", default: 0) : node.numbers(2)?.first ?? 0
        let axes = node.hasInput(3) ? try node.axes(node.integers(3), rank: x.rank) : Array(0..<x.rank)
        guard given.count == 2 * axes.count else { throw node.malformed("pads \(given) for \(axes.count) axes") }
        var before = [Int](repeating: 0, count: x.rank), after = before
        for (index, axis) in axes.enumerated() { (before[axis], after[axis]) = (given[index], given[axes.count + index]) }
        let mode = try node.string("mode", default: "constant")
        if mode == "constant" { return [try x.padded((0..<x.rank).reversed().flatMap { [before[$0], after[$0]] }, value: value)] }
        for axis in 0..<x.rank where before[axis] != 0 || after[axis] != 0 {
            let size = x.shape[axis]
            guard size > 0 else { throw node.malformed("\(mode) padding of an empty axis \(axis)") }
            let positions = (-before[axis]..<max(size + after[axis], -before[axis])).map { position -> Int64 in
                switch mode {
                case "edge": return Int64(min(max(position, 0), size - 1))
                case "wrap": return Int64(((position % size) + size) % size)
                default:
                    guard size > 1 else { return 0 }
                    let period = 2 * (size - 1), folded = ((position % period) + period) % period
                    return Int64(folded < size ? folded : period - folded)
                }
            }
            guard ["edge", "wrap", "reflect"].contains(mode) else { throw node.unsupported("mode '\(mode)'") }
            x = try x.selected(axis, TorchTensor(positions, shape: [positions.count], device: x.device))
        }
        return [x]
    }

    @Sendable private static func tile(_ node: NodeCall) throws -> [TorchTensor?] {
        var x = try node.input(0)
        let repeats = try node.integers(1)
        guard repeats.count == x.rank, repeats.allSatisfy({ (0...65536).contains($0) }) else { throw node.malformed("repeats \(repeats) of shape \(x.shape)") }
        for (axis, count) in repeats.enumerated() where count != 1 {
            x = count == 0 ? try x.sliced(axis, 0, 0) : try TorchTensor.concatenated([TorchTensor](repeating: x, count: count), axis: axis)
        }
        return [x]
    }

    @Sendable private static func depthToSpace(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let block = try node.int("blocksize")
        guard x.rank == 4, block >= 1, x.shape[1] % (block * block) == 0 else { throw node.malformed("blocks of \(block) in an input of shape \(x.shape)") }
        let (n, c, h, w) = (x.shape[0], x.shape[1] / (block * block), x.shape[2], x.shape[3])
        let isRowFirst = try node.string("mode", default: "DCR") == "DCR"
        let parts = isRowFirst ? try x.reshaped([n, block, block, c, h, w]).permuted([0, 3, 4, 1, 5, 2]) : try x.reshaped([n, c, block, block, h, w]).permuted([0, 1, 4, 2, 5, 3])
        return [try parts.reshaped([n, c, h * block, w * block])]
    }

    @Sendable private static func spaceToDepth(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let block = try node.int("blocksize")
        guard x.rank == 4, block >= 1, x.shape[2] % block == 0, x.shape[3] % block == 0 else { throw node.malformed("blocks of \(block) in an input of shape \(x.shape)") }
        let (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2] / block, x.shape[3] / block)
        // Which of channel and place in the block counts first.
        let order = try node.string("mode", default: "DCR") == "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]
        return [try x.reshaped([n, c, h, block, w, block]).permuted(order).reshaped([n, c * block * block, h, w])]
    }
}
