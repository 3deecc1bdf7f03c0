import CTorch
import Tensors

extension OperatorTable {
    static let reductions: [String: Evaluation] = {
        var table: [String: Evaluation] = [:]
        let plain: [(String, ctorch_reduce_op)] = [
            ("ReduceSum", CTORCH_SUM), ("ReduceMean", CTORCH_MEAN), ("ReduceProd", CTORCH_PROD), ("ReduceMax", CTORCH_MAX), ("ReduceMin", CTORCH_MIN),
            ("ReduceL1", CTORCH_NORM1), ("ReduceL2", CTORCH_NORM2), ("ReduceLogSumExp", CTORCH_LOG_SUM_EXP),
        ]
        for (name, operation) in plain { table[name] = { node in try reduce(node, node.input(0), operation) } }
        table["ReduceLogSum"] = { node in try reduce(node, node.input(0), CTORCH_SUM).map { try $0?.log() } }
        table["ReduceSumSquare"] = { node in try reduce(node, node.input(0).square(), CTORCH_SUM) }
        table["Softmax"] = { try softmax($0, isLogarithm: false) }
        table["LogSoftmax"] = { try softmax($0, isLogarithm: true) }
        table["ArgMax"] = { try argExtreme($0, isLargest: true) }
        table["ArgMin"] = { try argExtreme($0, isLargest: false) }
        table["CumSum"] = cumulativeSum
        table["TopK"] = topK
        return table
    }()

    private static func reduce(_ node: NodeCall, _ x: TorchTensor, _ operation: ctorch_reduce_op) throws -> [TorchTensor?] {
        // Axes became an input with operator set 13 (sum) and 18 (all others).
        let isInput = node.opset >= (node.operation == "ReduceSum" ? 13 : 18)
        let given = isInput ? (node.hasInput(1) ? try node.integers(1) : nil) : try node.ints("axes")
        let keeps = try node.int("keepdims", default: 1) != 0
        if given == nil || given == [], try node.int("noop_with_empty_axes", default: 0) != 0 { return [x] }
        let axes = given == nil || given == [] ? Array(0..<x.rank) : try node.axes(given ?? [], rank: x.rank)
        if x.rank == 0 { return [operation == CTORCH_NORM1 || operation == CTORCH_NORM2 ? try x.absolute() : x] }
        if axes.contains(where: { x.shape[$0] == 0 }), operation == CTORCH_MAX || operation == CTORCH_MIN, x.isFloat {
            var shape = x.shape
            for axis in axes { shape[axis] = 1 }
            let empty = try TorchTensor.full(shape, operation == CTORCH_MAX ? -.infinity : .infinity, x.elementType, device: x.device)
            return [keeps ? empty : try empty.reshaped(x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] })]
        }
        if x.elementType == .bool {
            return [try x.reduce(operation == CTORCH_MAX ? CTORCH_ANY : CTORCH_ALL, "reduce", axes, keeps)]
        }
        return [try x.reduce(operation, "reduce", axes, keeps)]
    }

    private static func softmax(_ node: NodeCall, isLogarithm: Bool) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let axis = try node.axis(node.int("axis", default: node.opset < 13 ? 1 : -1), rank: x.rank)
        guard node.opset < 13 else { return [isLogarithm ? try x.logSoftmax(axis) : try x.softmax(axis)] }
        // Before operator set 13 everything from the axis on is one.
        let flat = try x.reshaped([x.shape.prefix(axis).reduce(1, *), x.shape.dropFirst(axis).reduce(1, *)])
        return [try (isLogarithm ? flat.logSoftmax(1) : flat.softmax(1)).reshaped(x.shape)]
    }

    private static func argExtreme(_ node: NodeCall, isLargest: Bool) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let axis = try node.axis(node.int("axis", default: 0), rank: x.rank)
        let keeps = try node.int("keepdims", default: 1) != 0
        guard try node.int("select_last_index", default: 0) != 0 else {
            return [isLargest ? try x.argMax(axis, keepsAxis: keeps) : try x.argMin(axis, keepsAxis: keeps)]
        }
        let flipped = try x.flipped([axis])
        let position = isLargest ? try flipped.argMax(axis, keepsAxis: keeps) : try flipped.argMin(axis, keepsAxis: keeps)
        return [try -position + Double(x.shape[axis] - 1)]
    }

    @Sendable private static func cumulativeSum(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        guard let given = try node.integers(1).first else { throw node.malformed("no axis") }
        let axis = try node.axis(given, rank: x.rank)
        let isReversed = try node.int("reverse", default: 0) != 0
        let source = isReversed ? try x.flipped([axis]) : x
        var sum = try source.cumulativeSum(axis)
        if try node.int("exclusive", default: 0) != 0 { sum = try sum - source }
        return [isReversed ? try sum.flipped([axis]) : sum]
    }

    @Sendable private static func topK(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let axis = try node.axis(node.int("axis", default: -1), rank: x.rank)
        guard let k = try node.opset < 10 ? node.int("k") : node.integers(1).first, k >= 0, k <= x.shape[axis] else { throw node.malformed("k for shape \(x.shape)") }
        // A stable order, so that equal elements come as ONNX wants them: the first first.
        let (values, indices) = try x.sorted(axis: axis, isDescending: node.int("largest", default: 1) != 0)
        return [try values.sliced(axis, 0, k), try indices.sliced(axis, 0, k)]
    }
}
