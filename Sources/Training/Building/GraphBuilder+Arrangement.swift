import ModelBundle
import Tensors

extension GraphBuilder {
    /// The shape of two operands together; `nil` where they do not broadcast.
    private func broadcast(_ x: Value, _ y: Value) -> [ValueInfo.Dimension]? {
        let rank = max(x.rank, y.rank)
        var shape: [ValueInfo.Dimension] = []
        for axis in 0..<rank {
            let a = axis < rank - x.rank ? .fixed(1) : x.shape[axis - (rank - x.rank)], b = axis < rank - y.rank ? .fixed(1) : y.shape[axis - (rank - y.rank)]
            switch (a, b) {
            case (.fixed(1), let other), (let other, .fixed(1)): shape.append(other)
            case (.fixed(let left), .fixed(let right)):
                guard left == right else { return nil }
                shape.append(a)
            case (.fixed, _): shape.append(a)
            case (_, .fixed): shape.append(b)
            // An unnamed free size takes the other's name.
            case (.free(let name), _): shape.append(name.isEmpty ? b : a)
            }
        }
        return shape
    }

    private mutating func elementwise(_ operation: String, _ x: Value, _ y: Value) -> Value {
        guard let shape = broadcast(x, y) else {
            fail("\(operation) of \(x.shape.text) and \(y.shape.text)")
            return x
        }
        return node(operation, [x.name, y.name], shape: shape, elementType: x.elementType)
    }

    public mutating func add(_ x: Value, _ y: Value) -> Value { elementwise("Add", x, y) }
    public mutating func subtract(_ x: Value, _ y: Value) -> Value { elementwise("Sub", x, y) }
    public mutating func multiply(_ x: Value, _ y: Value) -> Value { elementwise("Mul", x, y) }
    public mutating func divide(_ x: Value, _ y: Value) -> Value { elementwise("Div", x, y) }

    /// By a constant.
    public mutating func scale(_ x: Value, by factor: Float) -> Value { node("Mul", [x.name, constant(Tensor(scalar: factor))], shape: x.shape) }

    public mutating func softmax(_ x: Value, axis: Int = -1) -> Value { node("Softmax", [x.name], ["axis": .int(axis)], shape: x.shape) }

    public mutating func reduceMean(_ x: Value, _ axes: [Int], keepsAxes: Bool = false) -> Value { reduce("ReduceMean", x, axes, keepsAxes, isInput: false) }
    public mutating func reduceMax(_ x: Value, _ axes: [Int], keepsAxes: Bool = false) -> Value { reduce("ReduceMax", x, axes, keepsAxes, isInput: false) }
    public mutating func reduceSum(_ x: Value, _ axes: [Int], keepsAxes: Bool = false) -> Value { reduce("ReduceSum", x, axes, keepsAxes, isInput: true) }

    private mutating func reduce(_ operation: String, _ x: Value, _ axes: [Int], _ keepsAxes: Bool, isInput: Bool) -> Value {
        let own = axes.map { $0 < 0 ? $0 + x.rank : $0 }
        guard Set(own).count == axes.count, own.allSatisfy({ x.shape.indices.contains($0) }) else {
            fail("\(operation) over axes \(axes) of \(x.shape.text)")
            return x
        }
        let shape = x.shape.indices.compactMap { own.contains($0) ? (keepsAxes ? ValueInfo.Dimension.fixed(1) : nil) : x.shape[$0] }
        var attributes: [String: Attribute] = ["keepdims": .int(keepsAxes ? 1 : 0)]
        if !isInput { attributes["axes"] = .ints(axes) }
        return node(operation, [x.name] + (isInput ? [constant(axes)] : []), attributes, shape: shape)
    }

    /// Everything after the batch in one axis.
    public mutating func flatten(_ x: Value) -> Value {
        var count: Int? = 1
        for axis in 1..<max(x.rank, 1) { count = count.flatMap { known in x.size(axis).map { known * $0 } } }
        guard x.rank >= 1 else {
            fail("flattens a scalar")
            return x
        }
        return node("Flatten", [x.name], ["axis": .int(1)], shape: [x.shape[0], count.map { .fixed($0) } ?? .free("")], elementType: x.elementType)
    }

    /// 0 keeps the size at that place, one −1 is what remains.
    public mutating func reshape(_ x: Value, _ sizes: [Int]) -> Value {
        var shape: [ValueInfo.Dimension] = []
        for (axis, size) in sizes.enumerated() {
            switch size {
            case 0 where axis < x.rank: shape.append(x.shape[axis])
            case 1...: shape.append(.fixed(size))
            case -1:
                // What remains, where all is known; sizes that are kept cancel out even where they are free.
                let kept = Set(sizes.indices.filter { sizes[$0] == 0 && $0 < x.rank })
                let own = x.shape.indices.filter { !kept.contains($0) }.map { x.size($0) }
                let others = sizes.indices.filter { !kept.contains($0) && $0 != axis }.reduce(1) { $0 * sizes[$1] }
                let total = own.reduce(Optional(1)) { product, size in product.flatMap { known in size.map { known * $0 } } }
                shape.append(total.map { others > 0 ? .fixed($0 / others) : .free("") } ?? .free(""))
            default:
                fail("reshapes \(x.shape.text) to \(sizes)")
                return x
            }
        }
        let from = x.shape.indices.map { x.size($0) }, to = shape.map { dimension -> Int? in if case .fixed(let size) = dimension { size } else { nil } }
        if !from.contains(nil), !to.contains(nil), from.reduce(1, { $0 * ($1 ?? 1) }) != to.reduce(1, { $0 * ($1 ?? 1) }) {
            fail("reshapes \(x.shape.text) to \(sizes)")
            return x
        }
        return node("Reshape", [x.name, constant(sizes)], shape: shape, elementType: x.elementType)
    }

    public mutating func transpose(_ x: Value, _ order: [Int]) -> Value {
        guard order.sorted() == Array(0..<x.rank) else {
            fail("transposes \(x.shape.text) by \(order)")
            return x
        }
        return node("Transpose", [x.name], ["perm": .ints(order)], shape: order.map { x.shape[$0] }, elementType: x.elementType)
    }

    public mutating func concatenate(_ values: [Value], axis: Int) -> Value {
        guard let first = values.first, values.allSatisfy({ $0.rank == first.rank }) else {
            fail("concatenates \(values.map(\.shape.text).joined(separator: ", "))")
            return values.first ?? Value(name: "", shape: [], elementType: .float32)
        }
        let own = axis < 0 ? axis + first.rank : axis
        guard first.shape.indices.contains(own) else {
            fail("concatenates along axis \(axis) of \(first.shape.text)")
            return first
        }
        var shape = first.shape
        let sizes = values.map { $0.size(own) }
        shape[own] = sizes.contains(nil) ? .free("") : .fixed(sizes.reduce(0) { $0 + ($1 ?? 0) })
        return node("Concat", values.map(\.name), ["axis": .int(own)], shape: shape, elementType: first.elementType)
    }

    /// Positions start ..< end along an axis of fixed size.
    public mutating func slice(_ x: Value, axis: Int, _ range: Range<Int>) -> Value {
        let own = axis < 0 ? axis + x.rank : axis
        guard let size = x.size(own), range.lowerBound >= 0, range.upperBound <= size, !range.isEmpty else {
            fail("positions \(range) of axis \(axis) of \(x.shape.text)")
            return x
        }
        var shape = x.shape
        shape[own] = .fixed(range.count)
        return node("Slice", [x.name, constant([range.lowerBound]), constant([range.upperBound]), constant([own])], shape: shape, elementType: x.elementType)
    }
}
