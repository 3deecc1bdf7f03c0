import CKernels
import ModelBundle
import Tensors

/// A constant matrix packed for the product kernel.
struct PackedMatrix {
    private let storage: AlignedStorage

    /// - Parameters:
    ///   - matrix: `depth` × `columns` by the given strides.
    ///   - bias: `columns` elements, or `nil`.
    init(_ node: NodeContext, _ matrix: Tensor, depth: Int, columns: Int, rowStride: Int, columnStride: Int, offset: Int = 0, bias: [Float]?) {
        let variant = node.options.variant
        let count = Int(inference_matrix_packed_count(variant, Int64(depth), Int64(columns)))
        let layout = "matrix \(variant) \(depth) \(columns) \(rowStride) \(columnStride) \(offset) \(bias.map { WeightStore.name(Tensor(shape: [$0.count], values: $0)) } ?? "")"
        storage = node.weights.storage(for: matrix, layout: layout, byteCount: count * 4) { storage in
            unsafe matrix.values(as: Float.self).withUnsafeBufferPointer { values in
                let target = unsafe storage.base.assumingMemoryBound(to: Float.self)
                func pack(_ bias: UnsafePointer<Float>?) {
                    unsafe inference_matrix_pack(
                        variant, Int64(depth), Int64(columns), values.baseAddress! + offset, Int64(rowStride), Int64(columnStride), bias, target)
                }
                if let bias {
                    unsafe bias.withUnsafeBufferPointer { unsafe pack($0.baseAddress!) }
                } else {
                    pack(nil)
                }
            }
        }
    }

    @unsafe var pointer: UnsafePointer<Float> { unsafe UnsafePointer(storage.base.assumingMemoryBound(to: Float.self)) }
}

/// `Gemm`: y = activation(α · A′ · B′ + β · C). `fwoc.Gemm` has the activation.
struct GemmOperator: Operator {
    static let names = ["Gemm", "fwoc.Gemm"]

    private struct Sizes {
        let m: Int, k: Int, n: Int
        let transposesA: Bool, transposesB: Bool
    }

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> Sizes {
        let a = try node.type(0, among: [.float32]).shape, b = try node.type(1, among: [.float32]).shape
        guard a.count == 2, b.count == 2 else { throw node.malformed("operands of shapes \(a) and \(b); expected matrices") }
        let transposesA = try node.int("transA", default: 0) != 0, transposesB = try node.int("transB", default: 0) != 0
        let m = transposesA ? a[1] : a[0], k = transposesA ? a[0] : a[1]
        let n = transposesB ? b[0] : b[1], depth = transposesB ? b[1] : b[0]
        guard k == depth else { throw node.malformed("shapes \(a) and \(b) do not fit (transA \(transposesA), transB \(transposesB))") }
        return Sizes(m: m, k: k, n: n, transposesA: transposesA, transposesB: transposesB)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let sizes = try Self.sizes(node)
        let type = try node.makeType([sizes.m, sizes.n], .float32)
        if node.hasInput(2) {
            let c = try node.type(2, among: [.float32]).shape
            guard broadcastShape([c, type.shape]) == type.shape else { throw node.malformed("C of shape \(c) does not broadcast to \(type.shape)") }
        }
        return [type]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let sizes = try Self.sizes(node)
        let (m, k, n) = (sizes.m, sizes.k, sizes.n)
        let alpha = try node.float("alpha", default: 1), beta = try node.float("beta", default: 1)
        let activation = inference_activation(
            try node.int("activation", default: 0), try node.float("actAlpha", default: 0), try node.float("actBeta", default: 0))
        let (work, overflow) = (m * n).multipliedReportingOverflow(by: k)
        guard !overflow else { throw InferenceError(.tooLarge, "\(node.label): too much work") }
        let variant = node.options.variant
        let cShape = node.hasInput(2) ? try node.shape(2) : nil
        let isRowBias = cShape.map { $0.reduce(1, *) == n && $0.last == n } ?? true
        if let b = node.inputs[1]?.constant, !sizes.transposesA, alpha == 1, isRowBias, cShape == nil || node.inputs[2]?.constant != nil, k > 0 {
            let bias: [Float]? = node.hasInput(2) ? try node.constant(2).values(as: Float.self).map { $0 * beta } : nil
            let matrix = PackedMatrix(
                node, b, depth: k, columns: n, rowStride: sizes.transposesB ? 1 : n, columnStride: sizes.transposesB ? k : 1, bias: bias)
            var kernel = Kernel { arguments in
                unsafe inference_matrix_multiply(
                    variant, Int64(m), Int64(k), Int64(n), arguments.inputPointer(0), Int64(k), matrix.pointer, activation,
                    arguments.optionalInputPointer(3), nil, arguments.outputPointer(0), Int64(n))
            }
            kernel.unreadInputs = [1, 2]
            kernel.multiplyAccumulates = work
            return kernel
        }
        let steps = cShape.map { BroadcastWalk.strides(of: $0, in: [m, n]) } ?? [0, 0]
        var kernel = Kernel { arguments in
            let a = arguments.input(0, as: Float.self), b = arguments.input(1, as: Float.self)
            let hasC = arguments.hasInput(2)
            var y = arguments.output(0, as: Float.self)
            for i in 0..<m {
                for j in 0..<n {
                    var sum: Float = 0
                    for p in 0..<k {
                        sum += a[sizes.transposesA ? p * m + i : i * k + p] * b[sizes.transposesB ? j * k + p : p * n + j]
                    }
                    sum *= alpha
                    if hasC { sum += beta * arguments.input(2, as: Float.self)[i * steps[0] + j * steps[1]] }
                    y[i * n + j] = sum
                }
            }
            unsafe inference_map(variant, activation, arguments.outputPointer(0), arguments.outputPointer(0), Int64(m * n))
        }
        kernel.multiplyAccumulates = work
        return kernel
    }
}

/// `MatMul` with NumPy's rules: leading axes are broadcast, a vector is a row or a column.
struct MatrixProductOperator: Operator {
    static let names = ["MatMul"]

    private struct Sizes {
        let batch: [Int], m: Int, k: Int, n: Int
        let left: [Int], right: [Int]
        let output: [Int]
    }

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> Sizes {
        var left = try node.type(0, among: [.float32]).shape, right = try node.type(1, among: [.float32]).shape
        let isRow = left.count == 1, isColumn = right.count == 1
        guard !left.isEmpty, !right.isEmpty else { throw node.malformed("operands of shapes \(left) and \(right)") }
        if isRow { left = [1] + left }
        if isColumn { right = right + [1] }
        let m = left[left.count - 2], k = left[left.count - 1], n = right[right.count - 1]
        guard right[right.count - 2] == k, let batch = broadcastShape([Array(left.dropLast(2)), Array(right.dropLast(2))]) else {
            throw node.malformed("shapes \(try node.shape(0)) and \(try node.shape(1)) do not fit")
        }
        return Sizes(
            batch: batch, m: m, k: k, n: n, left: left, right: right, output: batch + (isRow ? [] : [m]) + (isColumn ? [] : [n]))
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        [try node.makeType(Self.sizes(node).output, .float32)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let sizes = try Self.sizes(node)
        let (k, n) = (sizes.k, sizes.n)
        let (work, overflow) = node.outputs[0].count.multipliedReportingOverflow(by: max(k, 1))
        guard !overflow else { throw InferenceError(.tooLarge, "\(node.label): too much work") }
        let variant = node.options.variant
        let none = inference_activation.identity
        // One constant matrix on the right: packed once, all rows of the left are one matrix.
        if let b = node.inputs[1]?.constant, b.count == k * n, k > 0, sizes.right.dropLast(2).allSatisfy({ $0 == 1 }) {
            let matrix = PackedMatrix(node, b, depth: k, columns: n, rowStride: n, columnStride: 1, bias: nil)
            let rows = try node.type(0).count / k
            var kernel = Kernel { arguments in
                unsafe inference_matrix_multiply(
                    variant, Int64(rows), Int64(k), Int64(n), arguments.inputPointer(0), Int64(k), matrix.pointer, none, nil, nil,
                    arguments.outputPointer(0), Int64(n))
            }
            kernel.unreadInputs = [1]
            kernel.multiplyAccumulates = work
            return kernel
        }
        // Both at run time: the right one is packed for each product.
        let m = sizes.m
        let pairs = BroadcastWalk.offsets(sizes.left.dropLast(2).map { $0 }, sizes.right.dropLast(2).map { $0 }, in: sizes.batch)
        var kernel = Kernel { arguments in
            let a = unsafe arguments.inputPointer(0, as: Float.self), b = unsafe arguments.inputPointer(1, as: Float.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            let packed = unsafe arguments.scratchPointer(as: Float.self)
            for (index, pair) in pairs.enumerated() {
                unsafe inference_matrix_pack(variant, Int64(k), Int64(n), b + pair.1 * k * n, Int64(n), 1, nil, packed)
                unsafe inference_matrix_multiply(
                    variant, Int64(m), Int64(k), Int64(n), a + pair.0 * m * k, Int64(k), packed, none, nil, nil, y + index * m * n, Int64(n))
            }
        }
        kernel.scratchBytes = Int(inference_matrix_packed_count(variant, Int64(k), Int64(n))) * 4
        kernel.multiplyAccumulates = work
        return kernel
    }
}

extension BroadcastWalk {
    /// For each element of the result, which element of either operand it comes from.
    static func offsets(_ left: [Int], _ right: [Int], in result: [Int]) -> [(Int, Int)] {
        var pairs: [(Int, Int)] = []
        BroadcastWalk(left, right, to: result).forEachRun { l, ls, r, rs, _, count in
            for index in 0..<count { pairs.append((l + index * ls, r + index * rs)) }
        }
        return pairs
    }
}
