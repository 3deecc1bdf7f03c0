import CKernels
import Tensors

/// `ReduceMean`, `ReduceSum`, `ReduceMax`, `ReduceMin` and their kin over some axes.
struct ReduceOperator: Operator {
    static let names = [
        "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
    ]

    private static func axes(_ node: NodeContext) throws(InferenceError) -> [Int] {
        let rank = try node.type(0).rank
        let given = try node.axes(input: 1, rank: rank) ?? []
        if given.isEmpty { return try node.int("noop_with_empty_axes", default: 0) != 0 ? [] : Array(0..<rank) }
        return given
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        let axes = try Self.axes(node)
        let keeps = try node.int("keepdims", default: 1) != 0
        return [
            try node.makeType(
                type.shape.enumerated().compactMap { axes.contains($0) ? (keeps ? 1 : nil) : $1 }, type.elementType)
        ]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let axes = try Self.axes(node)
        let strides = shape.rowMajorStrides
        let kept = shape.indices.filter { !axes.contains($0) }
        let walk = ReductionWalk(
            outerSizes: kept.map { shape[$0] }, outerStrides: kept.map { strides[$0] }, innerSizes: axes.sorted().map { shape[$0] },
            innerStrides: axes.sorted().map { strides[$0] })
        let count = Float(axes.reduce(1) { $0 * shape[$1] })
        let kinds = ["ReduceSum": inference_reduce_sum, "ReduceMean": inference_reduce_mean, "ReduceMax": inference_reduce_max, "ReduceMin": inference_reduce_min]
        if let kind = kinds[node.operation], let first = axes.min(), let last = axes.max(), (first...last).allSatisfy({ axes.contains($0) || shape[$0] == 1 }) {
            let variant = node.options.variant
            let outer = Int64(shape[..<first].reduce(1, *)), size = Int64(shape[first...last].reduce(1, *)), inner = Int64(shape[(last + 1)...].reduce(1, *))
            return Kernel { arguments in
                unsafe inference_reduce(variant, Int32(kind), outer, size, inner, arguments.inputPointer(0), arguments.outputPointer(0))
            }
        }
        func kernel(_ start: Double, _ step: @escaping (Double, Float) -> Double, _ finish: @escaping (Double) -> Double = { $0 }) -> Kernel {
            Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: Float.self)
                let y = unsafe arguments.outputPointer(0, as: Float.self)
                walk.run { offsets, target in
                    var sum = start
                    offsets { sum = unsafe step(sum, x[$0]) }
                    unsafe y[target] = Float(finish(sum))
                }
            }
        }
        switch node.operation {
        case "ReduceMean": return kernel(0, { $0 + Double($1) }, { $0 / Double(count) })
        case "ReduceSum": return kernel(0, { $0 + Double($1) })
        case "ReduceMax": return kernel(-.infinity, { max($0, Double($1)) })
        case "ReduceMin": return kernel(.infinity, { min($0, Double($1)) })
        case "ReduceProd": return kernel(1, { $0 * Double($1) })
        case "ReduceL1": return kernel(0, { $0 + Double(abs($1)) })
        case "ReduceL2": return kernel(0, { $0 + Double($1) * Double($1) }, { $0.squareRoot() })
        case "ReduceSumSquare": return kernel(0, { $0 + Double($1) * Double($1) })
        default: throw node.unsupported("this reduction")
        }
    }
}

/// For each element that stays, the elements that are reduced into it.
struct ReductionWalk {
    let outerSizes: [Int], outerStrides: [Int], innerSizes: [Int], innerStrides: [Int]

    /// `body(inner, target)` for each result in row-major order; `inner` visits the offsets that are reduced into it.
    func run(_ body: (_ inner: (_ visit: (Int) -> Void) -> Void, _ target: Int) -> Void) {
        var target = 0
        outer(0, 0) { base in
            body({ visit in inner(0, base, visit) }, target)
            target += 1
        }
    }

    private func outer(_ axis: Int, _ offset: Int, _ visit: (Int) -> Void) {
        guard axis < outerSizes.count else { return visit(offset) }
        for index in 0..<outerSizes[axis] { outer(axis + 1, offset + index * outerStrides[axis], visit) }
    }

    private func inner(_ axis: Int, _ offset: Int, _ visit: (Int) -> Void) {
        guard axis < innerSizes.count else { return visit(offset) }
        if axis == innerSizes.count - 1 {
            for index in 0..<innerSizes[axis] { visit(offset + index * innerStrides[axis]) }
            return
        }
        for index in 0..<innerSizes[axis] { inner(axis + 1, offset + index * innerStrides[axis], visit) }
    }
}
