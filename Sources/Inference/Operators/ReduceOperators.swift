import CKernels
import Foundation
import Tensors

/// `ReduceMean`, `ReduceSum`, `ReduceMax`, `ReduceMin` and their kin over some axes.
struct ReduceOperator: NumericOperator {
    static let names = [
        "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
        "ReduceLogSum", "ReduceLogSumExp",
    ]

    private static func axes(_ node: NodeContext) throws(InferenceError) -> [Int] {
        let rank = try node.type(0).rank
        let given = try node.axes(input: 1, rank: rank) ?? []
        if given.isEmpty { return try node.int("noop_with_empty_axes", default: 0) != 0 ? [] : Array(0..<rank) }
        return given
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let isOrdering = node.operation == "ReduceMax" || node.operation == "ReduceMin"
        let type = try node.type(0, among: isOrdering ? ElementType.allCases : ElementType.numbers)
        let axes = try Self.axes(node)
        let keeps = try node.int("keepdims", default: 1) != 0
        return [
            try node.makeType(
                type.shape.enumerated().compactMap { axes.contains($0) ? (keeps ? 1 : nil) : $1 }, type.elementType)
        ]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let axes = try Self.axes(node)
        let strides = shape.rowMajorStrides
        let kept = shape.indices.filter { !axes.contains($0) }
        let walk = ReductionWalk(
            outerSizes: kept.map { shape[$0] }, outerStrides: kept.map { strides[$0] }, innerSizes: axes.sorted().map { shape[$0] },
            innerStrides: axes.sorted().map { strides[$0] })
        let count = Double(axes.reduce(1) { $0 * shape[$1] })
        let kinds = ["ReduceSum": inference_reduce_sum, "ReduceMean": inference_reduce_mean, "ReduceMax": inference_reduce_max, "ReduceMin": inference_reduce_min]
        if E.self == Float.self, let kind = kinds[node.operation], let first = axes.min(), let last = axes.max(), (first...last).allSatisfy({ axes.contains($0) || shape[$0] == 1 }) {
            let variant = node.options.variant
            let outer = Int64(shape[..<first].reduce(1, *)), size = Int64(shape[first...last].reduce(1, *)), inner = Int64(shape[(last + 1)...].reduce(1, *))
            return Kernel { arguments in
                unsafe inference_reduce(variant, Int32(kind), outer, size, inner, arguments.inputPointer(0), arguments.outputPointer(0))
            }
        }
        // Integers wrap within their type; floats are summed in double precision.
        func exact(_ start: E, _ step: @escaping (E, E) -> E) -> Kernel {
            Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: E.self), y = unsafe arguments.outputPointer(0, as: E.self)
                walk.run { offsets, target in
                    var result = start
                    offsets { result = unsafe step(result, x[$0]) }
                    unsafe y[target] = result
                }
            }
        }
        func rounded(_ start: Double, _ step: @escaping (Double, Double) -> Double, _ finish: @escaping (Double) -> Double = { $0 }) -> Kernel {
            Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: E.self), y = unsafe arguments.outputPointer(0, as: E.self)
                walk.run { offsets, target in
                    var result = start
                    offsets { result = unsafe step(result, x[$0].double) }
                    unsafe y[target] = E(converting: finish(result))
                }
            }
        }
        let isBool = try node.type(0).elementType == .bool
        let isFloat = ElementType.floats.contains(E.elementType)
        let one = E(converting: 1)
        switch node.operation {
        case "ReduceMax": return exact(.lowest) { max($0, $1) }
        case "ReduceMin": return exact(isBool ? one : .highest) { min($0, $1) }
        case "ReduceMean": return rounded(0, { $0 + $1 }, { $0 / count })
        case "ReduceSum": return isFloat ? rounded(0, { $0 + $1 }) : exact(.zero) { E.sum($0, $1) }
        case "ReduceProd": return isFloat ? rounded(1, { $0 * $1 }) : exact(one) { E.product($0, $1) }
        case "ReduceL1":
            return isFloat ? rounded(0, { $0 + abs($1) }) : exact(.zero) { E.sum($0, $1 < .zero ? E.difference(.zero, $1) : $1) }
        case "ReduceL2": return rounded(0, { $0 + $1 * $1 }, { $0.squareRoot() })
        case "ReduceSumSquare": return isFloat ? rounded(0, { $0 + $1 * $1 }) : exact(.zero) { E.sum($0, E.product($1, $1)) }
        case "ReduceLogSum": return rounded(0, { $0 + $1 }, { log($0) })
        case "ReduceLogSumExp":
            return Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: E.self), y = unsafe arguments.outputPointer(0, as: E.self)
                walk.run { offsets, target in
                    var largest = -Double.infinity, sum = 0.0
                    offsets { largest = unsafe max(largest, x[$0].double) }
                    // Nothing, or nothing but negative infinities.
                    let shift = largest.isFinite ? largest : 0
                    offsets { sum += unsafe exp(x[$0].double - shift) }
                    unsafe y[target] = E(converting: log(sum) + shift)
                }
            }
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
