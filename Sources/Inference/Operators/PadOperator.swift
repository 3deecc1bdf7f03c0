import Tensors

/// `Pad`: constant, reflect or edge; negative pads cut.
struct PadOperator: Operator {
    static let names = ["Pad"]

    private static func pads(_ node: NodeContext) throws(InferenceError) -> (before: [Int], after: [Int]) {
        let rank = try node.type(0).rank
        var pads: [Int]
        if node.opset < 11 {
            guard let given = try node.ints(node.attributes["pads"] != nil ? "pads" : "paddings") else { throw node.malformed("attribute 'pads' is missing") }
            pads = given
        } else {
            pads = try node.constantInts(1)
            if node.hasInput(3) {
                let axes = try node.axes(node.constantInts(3), rank: rank)
                guard pads.count == 2 * axes.count else { throw node.malformed("\(pads.count) pads for \(axes.count) axes") }
                var all = [Int](repeating: 0, count: 2 * rank)
                for (position, axis) in axes.enumerated() {
                    all[axis] = pads[position]
                    all[rank + axis] = pads[axes.count + position]
                }
                pads = all
            }
        }
        guard pads.count == 2 * rank else { throw node.malformed("\(pads.count) pads for \(rank) axes, expected \(2 * rank)") }
        return (Array(pads.prefix(rank)), Array(pads.suffix(rank)))
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        let (before, after) = try Self.pads(node)
        return [try node.makeType(type.shape.indices.map { before[$0] + type.shape[$0] + after[$0] }, type.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let shape = type.shape, output = node.outputs[0].shape
        let (before, _) = try Self.pads(node)
        let mode = try node.string("mode", default: "constant")
        let size = type.elementType.size
        // For each axis, which input position each output position shows; −1: the fill value.
        var sources: [[Int]] = []
        for axis in shape.indices {
            sources.append(
                try (0..<output[axis]).map { position throws(InferenceError) in
                    let index = position - before[axis]
                    if index >= 0 && index < shape[axis] { return index }
                    switch mode {
                    case "constant": return -1
                    case "edge":
                        guard shape[axis] > 0 else { throw node.malformed("edge of an empty axis") }
                        return min(max(index, 0), shape[axis] - 1)
                    case "reflect":
                        guard shape[axis] > 1 else { throw node.malformed("reflection of an axis of size \(shape[axis])") }
                        let period = 2 * (shape[axis] - 1)
                        let phase = ((index % period) + period) % period
                        return phase < shape[axis] ? phase : period - phase
                    case "wrap":
                        guard shape[axis] > 0 else { throw node.malformed("wrap of an empty axis") }
                        return ((index % shape[axis]) + shape[axis]) % shape[axis]
                    default: throw node.unsupported("mode '\(mode)'")
                    }
                })
        }
        var fill = [UInt8](repeating: 0, count: size)
        if node.opset < 11 {
            if type.elementType == .float32 { fill = Tensor(scalar: try node.float("value", default: 0)).bytes }
        } else if node.hasInput(2) {
            let value = try node.constant(2)
            guard value.count == 1, value.elementType == type.elementType else { throw node.malformed("fill value of type \(value.elementType)\(value.shape)") }
            fill = value.bytes
        }
        let strides = shape.rowMajorStrides
        // Axes from here on are copied whole: nothing is added to them. The one before is copied in one piece and filled around it.
        var whole = shape.count
        while whole > 0 && output[whole - 1] == shape[whole - 1] && before[whole - 1] == 0 { whole -= 1 }
        if mode == "constant", whole > 0, fill.allSatisfy({ $0 == fill[0] }), before.allSatisfy({ $0 >= 0 }), node.outputs[0].count > 0,
            zip(output, shape).enumerated().allSatisfy({ $1.0 >= $1.1 + before[$0] })
        {
            let byte = fill[0]
            let outputStrides = output.rowMajorStrides
            let piece = shape[whole - 1] * strides[whole - 1] * size
            let outputBytes = node.outputs[0].byteCount
            let isEmpty = shape.contains(0)
            return Kernel { arguments in
                let y = unsafe arguments.outputPointer(0, as: UInt8.self)
                let x = unsafe arguments.inputPointer(0, as: UInt8.self)
                unsafe y.update(repeating: byte, count: outputBytes)
                func walk(_ axis: Int, _ from: Int, _ to: Int) {
                    if axis == whole - 1 {
                        unsafe (y + (to + before[axis] * outputStrides[axis]) * size).update(from: x + from * size, count: piece)
                        return
                    }
                    for index in 0..<shape[axis] { walk(axis + 1, from + index * strides[axis], to + (index + before[axis]) * outputStrides[axis]) }
                }
                if !isEmpty { walk(0, 0, 0) }
            }
        }
        let map = sources
        let total = node.outputs[0].count
        let fillBytes = fill
        return Kernel { arguments in
            guard total > 0 else { return }
            let y = unsafe arguments.outputPointer(0, as: UInt8.self)
            let x = unsafe arguments.inputPointer(0, as: UInt8.self)
            var target = unsafe y
            func walk(_ axis: Int, _ offset: Int) {
                let isLast = axis == map.count - 1
                for source in map[axis] {
                    let next = source < 0 || offset < 0 ? -1 : offset + source * strides[axis]
                    if !isLast {
                        walk(axis + 1, next)
                    } else {
                        if next < 0 {
                            for (index, byte) in fillBytes.enumerated() { unsafe target[index] = byte }
                        } else {
                            unsafe target.update(from: x + next * size, count: size)
                        }
                        unsafe target += size
                    }
                }
            }
            if map.isEmpty {
                unsafe y.update(from: x, count: size)
            } else {
                walk(0, 0)
            }
        }
    }
}
