import CTorch
import ModelBundle
import Tensors

extension OperatorTable {
    static let indexing: [String: Evaluation] = [
        "Gather": gather, "GatherElements": gatherElements, "ScatterElements": scatterElements, "Scatter": scatterElements, "GatherND": gatherND,
        "ScatterND": scatterND, "OneHot": oneHot,
    ]

    /// int64, counted from the front: −1 is the last of `size`.
    private static func positions(_ index: TorchTensor, size: Int, on device: TorchDevice) throws -> TorchTensor {
        let index = try index.converted(to: .int64, device: device)
        return try index.isLess(than: 0).selecting(index + Double(size), else: index)
    }

    @Sendable private static func gather(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), index = try node.input(1)
        let axis = try node.axis(node.int("axis", default: 0), rank: x.rank)
        let flat = try positions(index, size: x.shape[axis], on: x.device).reshaped([index.count])
        let shape = x.shape.prefix(axis) + index.shape + x.shape.dropFirst(axis + 1)
        return [try x.selected(axis, flat).reshaped(Array(shape))]
    }

    @Sendable private static func gatherElements(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let axis = try node.axis(node.int("axis", default: 0), rank: x.rank)
        return [try x.gathered(axis, positions(node.input(1), size: x.shape[axis], on: x.device))]
    }

    private static func scatterKind(_ node: NodeCall) throws -> ctorch_scatter_kind {
        switch try node.string("reduction", default: "none") {
        case "none": CTORCH_SET
        case "add": CTORCH_SCATTER_ADD
        case "mul": CTORCH_SCATTER_MUL
        case "max": CTORCH_SCATTER_MAX
        case "min": CTORCH_SCATTER_MIN
        case let other: throw node.unsupported("reduction '\(other)'")
        }
    }

    @Sendable private static func scatterElements(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let axis = try node.axis(node.int("axis", default: 0), rank: x.rank)
        return [try x.scattered(scatterKind(node), axis, positions(node.input(1), size: x.shape[axis], on: x.device), node.input(2))]
    }

    /// Index tuples [..., k] into the axes of `sizes` as positions in the axes laid out flat.
    private static func flatPositions(_ node: NodeCall, _ index: TorchTensor, sizes: [Int], on device: TorchDevice) throws -> TorchTensor {
        let last = index.rank - 1
        var flat: TorchTensor?
        for (axis, size) in sizes.enumerated() {
            let own = try positions(index.sliced(last, axis, axis + 1), size: size, on: device)
            flat = try flat.map { try $0 * Double(size) + own } ?? own
        }
        guard let flat else { throw node.malformed("index tuples without indices") }
        return try flat.reshaped(Array(index.shape.dropLast()))
    }

    @Sendable private static func gatherND(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), index = try node.input(1)
        let shared = try node.int("batch_dims", default: 0)
        guard index.rank >= 1, let k = index.shape.last, shared >= 0, shared < index.rank, shared + k <= x.rank, k >= 1 else {
            throw node.malformed("indices of shape \(index.shape) into \(x.shape) with \(shared) shared axes")
        }
        let batches = x.shape.prefix(shared).reduce(1, *), sizes = Array(x.shape[shared..<shared + k]), rest = Array(x.shape.dropFirst(shared + k))
        let count = sizes.reduce(1, *)
        var flat = try flatPositions(node, index, sizes: sizes, on: x.device).reshaped([batches, -1])
        if batches > 1 { flat = try flat + TorchTensor.range(batches, step: Double(count), device: x.device).reshaped([batches, 1]) }
        let rows = try x.reshaped([batches * count] + rest).selected(0, flat.reshaped([flat.count]))
        return [try rows.reshaped(Array(index.shape.dropLast()) + rest)]
    }

    @Sendable private static func scatterND(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), index = try node.input(1), updates = try node.input(2)
        guard let k = index.shape.last, k >= 1, k <= x.rank else { throw node.malformed("indices of shape \(index.shape) into \(x.shape)") }
        let sizes = Array(x.shape.prefix(k)), size = x.shape.dropFirst(k).reduce(1, *)
        let flat = try flatPositions(node, index, sizes: sizes, on: x.device)
        let rows = try flat.reshaped([flat.count, 1]).expanded([flat.count, size])
        let result = try x.reshaped([sizes.reduce(1, *), size]).scattered(scatterKind(node), 0, rows, updates.reshaped([flat.count, size]))
        return [try result.reshaped(x.shape)]
    }

    @Sendable private static func oneHot(_ node: NodeCall) throws -> [TorchTensor?] {
        let index = try node.input(0), values = try node.input(2)
        guard let depth = try node.numbers(1)?.first.map({ Int($0) }), (1...1 << 24).contains(depth), values.count == 2 else {
            throw node.malformed("depth, or values of shape \(values.shape); expected two")
        }
        let given = try node.int("axis", default: -1)
        let axis = given < 0 ? given + index.rank + 1 : given
        guard (0...index.rank).contains(axis) else { throw node.malformed("axis \(given)") }
        let device = values.device
        // Indices outside of −depth ..< depth show nothing.
        let rows = try positions(index.converted(to: .int64), size: depth, on: device).unsqueezed(axis)
        var shape = [Int](repeating: 1, count: index.rank + 1)
        shape[axis] = depth
        let isHot = try rows.isEqual(to: TorchTensor.range(depth, device: device).reshaped(shape))
        let parts = try values.reshaped([2]).split([1, 1], axis: 0)
        return [try isHot.selecting(parts[1], else: parts[0])]
    }

    static let constants: [String: Evaluation] = [
        "Constant": constant,
        "ConstantOfShape": { node in
            let shape = try node.integers(0)
            guard shape.allSatisfy({ $0 >= 0 }), shape.reduce(1.0, { $0 * Double($1) }) < 1e10 else { throw node.malformed("shape \(shape)") }
            var value = Tensor(scalar: Float(0))
            if case .tensor(let tensor)? = node.node.attributes["value"] { value = tensor }
            return [try node.made(value).reshaped([Int](repeating: 1, count: shape.count)).expanded(shape)]
        },
        "Shape": { node in
            let shape = try node.input(0).shape
            func clamped(_ position: Int) -> Int { min(max(position < 0 ? position + shape.count : position, 0), shape.count) }
            let start = clamped(try node.int("start", default: 0)), end = clamped(try node.int("end", default: shape.count))
            let part = start < end ? shape[start..<end].map { Int64($0) } : []
            return [try TorchTensor(part, shape: [part.count])]
        },
        "Size": { [try TorchTensor([Int64($0.input(0).count)], shape: [])] },
        "Range": { node in
            guard let start = try node.numbers(0)?.first, let limit = try node.numbers(1)?.first, let delta = try node.numbers(2)?.first, delta != 0 else {
                throw node.malformed("start, limit or delta is missing, or delta is 0")
            }
            let count = max(0, ((limit - start) / delta).rounded(.up))
            guard count < 1e9 else { throw node.malformed("\(count) elements") }
            return [try TorchTensor.range(Int(count), start: start, step: delta, node.input(0).elementType)]
        },
    ]

    @Sendable private static func constant(_ node: NodeCall) throws -> [TorchTensor?] {
        guard let tensor = node.node.constant else { throw node.unsupported("a constant without a number or tensor") }
        return [try node.made(tensor)]
    }
}

extension Node {
    /// What a `Constant` node holds; `nil` for text and sparse tensors.
    var constant: Tensor? {
        for (name, attribute) in attributes {
            switch (name, attribute) {
            case ("value", .tensor(let tensor)): return tensor
            case ("value_float", .float(let value)): return Tensor(scalar: value)
            case ("value_int", .int(let value)): return Tensor(scalar: Int64(value))
            case ("value_floats", .floats(let values)): return Tensor(shape: [values.count], values: values)
            case ("value_ints", .ints(let values)): return Tensor(shape: [values.count], values: values.map { Int64($0) })
            default: continue
            }
        }
        return nil
    }
}
