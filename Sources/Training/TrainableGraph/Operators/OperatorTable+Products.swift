import CTorch
import ModelBundle
import Tensors

extension OperatorTable {
    static let products: [String: Evaluation] = [
        "MatMul": { [try $0.input(0).matmul($0.input(1))] },
        "Gemm": gemm,
    ]

    @Sendable private static func gemm(_ node: NodeCall) throws -> [TorchTensor?] {
        var a = try node.input(0), b = try node.input(1)
        guard a.rank == 2, b.rank == 2 else { throw node.malformed("operands of shape \(a.shape) and \(b.shape); expected matrices") }
        if try node.int("transA", default: 0) != 0 { a = try a.transposed() }
        if try node.int("transB", default: 0) != 0 { b = try b.transposed() }
        let alpha = try node.float("alpha", default: 1), beta = try node.float("beta", default: 1)
        if let c = node.optional(2) { return [try c.addingProduct(a, b, beta: beta, alpha: alpha)] }
        let product = try a.matmul(b)
        return [alpha == 1 ? product : try product * alpha]
    }

    static let normalizations: [String: Evaluation] = [
        "BatchNormalization": batchNormalization, "LayerNormalization": layerNormalization,
        "InstanceNormalization": { node in try groupNormalization(node, groups: node.input(0).shape.dropFirst().first ?? 1) },
        "GroupNormalization": { node in try groupNormalization(node, groups: node.int("num_groups")) },
        "LpNormalization": { node in
            let x = try node.input(0)
            let axis = try node.axis(node.int("axis", default: -1), rank: x.rank)
            let p = try node.int("p", default: 2)
            guard p == 1 || p == 2 else { throw node.malformed("p \(p), expected 1 or 2") }
            let norm = try x.reduce(p == 2 ? CTORCH_NORM2 : CTORCH_NORM1, "norm", [axis], true)
            // 0 where the norm is 0; divided by 1 there, so that the slope is finite: rectified embeddings are all zero now and then.
            return [try x / norm.isGreater(than: 0).selecting(norm, else: norm.detached() * 0 + 1)]
        },
        "LRN": localResponseNormalization,
    ]

    @Sendable private static func batchNormalization(_ node: NodeCall) throws -> [TorchTensor?] {
        guard try node.int("training_mode", default: 0) == 0 else {
            throw node.unsupported("training_mode: the executor decides itself when it trains; write the node for inference")
        }
        let x = try node.input(0), mean = try node.input(3), variance = try node.input(4)
        let names = node.node.inputs
        // Statistics that are computed in the graph cannot be moved.
        // One number has no variance: a lone sample is looked at with the running statistics.
        let isLone = x.count == mean.count
        let moves = node.surroundings.updatesStatistics && node.isStatistic(names[3]) && node.isStatistic(names[4]) && !isLone
        let epsilon = try node.float("epsilon", default: 1e-5)
        if !moves, TorchRuntime.isRecording, mean.requiresGradient || variance.requiresGradient {
            // libtorch has no gradient of its own for statistics that a graph computes.
            let shape = [1, mean.count] + [Int](repeating: 1, count: max(x.rank - 2, 0))
            let factor = try node.input(1) * (variance + epsilon).unary(CTORCH_RSQRT, "deviation")
            return [try (x - mean.reshaped(shape)) * factor.reshaped(shape) + node.input(2).reshaped(shape)]
        }
        return [try x.batchNormalized(
            scale: node.input(1), bias: node.input(2), mean: mean, variance: variance, isTraining: moves,
            momentum: 1 - node.float("momentum", default: 0.9), epsilon: epsilon)]
    }

    @Sendable private static func layerNormalization(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), scale = try node.input(1)
        let axis = try node.axis(node.int("axis", default: -1), rank: x.rank)
        let epsilon = try node.float("epsilon", default: 1e-5)
        let shape = Array(x.shape.dropFirst(axis))
        let fits = scale.shape == shape && (node.optional(2).map { $0.shape == shape } ?? true)
        var y = try x.layerNormalized(shape: shape, scale: fits ? scale : nil, bias: fits ? node.optional(2) : nil, epsilon: epsilon)
        if !fits {
            y = try y * scale
            if let bias = node.optional(2) { y = try y + bias }
        }
        guard node.node.outputs.count > 1 else { return [y] }
        let axes = Array(axis..<x.rank)
        return [y, try x.mean(axes, keepsAxes: true), try (x.variance(axes, keepsAxes: true) + epsilon).unary(CTORCH_RSQRT, "deviation")]
    }

    private static func groupNormalization(_ node: NodeCall, groups: Int) throws -> [TorchTensor?] {
        let x = try node.input(0), scale = try node.input(1), bias = try node.input(2)
        guard x.rank >= 2, groups >= 1, x.shape[1] % groups == 0 else { throw node.malformed("\(groups) groups of an input of shape \(x.shape)") }
        let channels = x.shape[1], epsilon = try node.float("epsilon", default: 1e-5)
        // Operator set 18 has one scale for each group.
        func perChannel(_ values: TorchTensor) throws -> TorchTensor {
            values.count == channels ? values : try values.reshaped([groups, 1]).expanded([groups, channels / groups]).reshaped([channels])
        }
        return [try x.groupNormalized(groups: groups, scale: perChannel(scale), bias: perChannel(bias), epsilon: epsilon)]
    }

    @Sendable private static func localResponseNormalization(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let size = try node.int("size")
        guard x.rank >= 2, (1...4096).contains(size) else { throw node.malformed("size \(size) for an input of shape \(x.shape)") }
        let channels = x.shape[1], before = (size - 1) / 2
        let squares = try x.square().padded([Int](repeating: 0, count: 2 * (x.rank - 2)) + [before, size - 1 - before])
        var sum = try squares.sliced(1, 0, channels)
        for offset in 1..<max(size, 1) { sum = try sum + squares.sliced(1, offset, offset + channels) }
        let divisor = try sum * (node.float("alpha", default: 0.0001) / Double(size)) + node.float("bias", default: 1)
        return [try x / divisor.power(node.float("beta", default: 0.75))]
    }
}
