public import Tensors

/// Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024) for weights that are matrices, ``Adam`` with decoupled decay for all others:
///
///     B ← μ B + G      O ≈ U Vᵀ of G + μ B = U Σ Vᵀ      W ← (1 − η λ) W − η · 0.2 √max(m, n) · O
///
/// O by five steps of Newton and Schulz, X ← a X + (b A + c A²) X with A = X Xᵀ, which bring all singular values near 1: every direction in which a layer can move
/// counts alike, where Adam follows the few strong ones. The factor (Liu et al., "Muon is scalable for LLM training", 2025) gives an update the size of AdamW's, so that
/// both take the same learning rate. A convolution's weight is the matrix `[outputs, inputs · kernel]`.
///
/// In ``Precision/mixed`` the larger matrices are multiplied in bfloat16, as Jordan et al. do: of the direction the first two or three digits count.
///
/// Weights without a gradient are left alone. Thread-bound, as its weights are.
public final class Muon: Optimizer {
    public var learningRate: Double
    public var momentum: Double
    public var weightDecay: Double
    /// Steps taken.
    public private(set) var stepCount = 0
    private let matrices: [TorchTensor], velocities: [TorchTensor]
    private let others: Adam
    private let precision: Precision
    /// Sides of matrices: smaller ones have few directions to balance, larger ones are lists of people.
    private static let sides = 8...2048
    /// Products of smaller matrices are as fast in `float32`.
    private static let leastNarrowed = 96

    public init(_ weights: [TorchTensor], learningRate: Double, momentum: Double = 0.95, weightDecay: Double = 0, precision: Precision = .single) throws(TorchError) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.weightDecay = weightDecay
        self.precision = precision
        matrices = weights.filter { Self.isMatrix($0.shape) }
        var velocities: [TorchTensor] = []
        for weight in matrices { velocities.append(try weight.zerosLike()) }
        self.velocities = velocities
        others = try Adam(weights.filter { !Self.isMatrix($0.shape) }, learningRate: learningRate, weightDecay: weightDecay, decouplesDecay: true)
    }

    /// Whether a weight of this shape is moved as a matrix. Depthwise convolutions are none: each of their channels is a layer of its own.
    public static func isMatrix(_ shape: [Int]) -> Bool {
        shape.count >= 2 && shape[1] > 1 && sides.contains(shape[0]) && sides.contains(shape.dropFirst().reduce(1, *))
    }

    public func step() throws(TorchError) {
        others.learningRate = learningRate
        try others.step()
        for (weight, velocity) in zip(matrices, velocities) {
            guard let gradient = try weight.gradient() else { continue }
            let shape = weight.shape, rows = shape[0], columns = shape.dropFirst().reduce(1, *)
            try velocity.blendInPlace(keep: momentum, add: 1, gradient)
            let direction = try Self.orthogonalized((gradient + velocity * momentum).reshaped([rows, columns]), precision: precision)
            let size = 0.2 * Double(max(rows, columns)).squareRoot()
            try weight.blendInPlace(keep: 1 - learningRate * weightDecay, add: -learningRate * size, direction.reshaped(shape))
        }
        stepCount += 1
    }

    /// A matrix with the singular vectors of the given one and singular values of 0.7 to 1.2; zeros stay zeros.
    public static func orthogonalized(_ matrix: TorchTensor, precision: Precision = .single) throws(TorchError) -> TorchTensor {
        let (a, b, c) = (3.4445, -4.7750, 2.0315)
        let isTall = matrix.shape[0] > matrix.shape[1]
        var x = try isTall ? matrix.transposed() : matrix
        x = try x / (x.norm() + 1e-12)
        let isNarrow = precision == .mixed && TrainableGraph.hasBFloat16(matrix.device) && matrix.elementType == .float32 && x.shape[0] >= leastNarrowed
        if isNarrow { x = try x.narrowed() }
        for _ in 0..<5 {
            let square = try x.matmul(x.transposed())
            x = try x.addingProduct(square.addingProduct(square, square, beta: b, alpha: c), x, beta: a)
        }
        if isNarrow { x = try x.widened() }
        return try isTall ? x.transposed() : x
    }

    /// Velocities of matrices, then the moments of the others.
    public func state() throws(TorchError) -> [Tensor] {
        var state: [Tensor] = []
        for velocity in velocities { state.append(try velocity.tensor()) }
        return try state + others.state()
    }

    /// Goes on from what ``state()`` gave after `stepCount` steps.
    public func restore(_ state: [Tensor], stepCount: Int) throws(TorchError) {
        guard state.count == velocities.count + 2 * others.weights.count else {
            throw TorchError(operation: "restore Muon", message: "\(state.count) tensors for \(velocities.count) matrices and \(others.weights.count) other weights")
        }
        for (velocity, tensor) in zip(velocities, state) { try velocity.copyInPlace(TorchTensor(tensor)) }
        try others.restore(Array(state.dropFirst(velocities.count)), stepCount: stepCount)
        self.stepCount = stepCount
    }
}
