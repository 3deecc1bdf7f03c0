import CTorch
public import Tensors

/// Stochastic gradient descent with momentum (Polyak 1964; Nesterov's after Sutskever et al. 2013) and weight decay:
///
///     g ← g + λ w      v ← μ v + g      w ← w − η v      (Nesterov: w ← w − η (g + μ v))
///
/// Weights without a gradient are left alone. Thread-bound, as its weights are.
public final class StochasticGradientDescent {
    public var learningRate: Double
    public var momentum: Double
    public var weightDecay: Double
    public var isNesterov: Bool
    /// Steps taken.
    public private(set) var stepCount = 0
    public let weights: [TorchTensor]
    private let velocities: [TorchTensor]

    public init(
        _ weights: [TorchTensor], learningRate: Double, momentum: Double = 0.9, weightDecay: Double = 0, isNesterov: Bool = false
    ) throws(TorchError) {
        self.weights = weights
        self.learningRate = learningRate
        self.momentum = momentum
        self.weightDecay = weightDecay
        self.isNesterov = isNesterov
        var velocities: [TorchTensor] = []
        for weight in weights { velocities.append(try weight.zerosLike()) }
        self.velocities = velocities
    }

    public func step() throws(TorchError) {
        var settings = ctorch_sgd()
        (settings.learning_rate, settings.momentum, settings.weight_decay, settings.nesterov) = (learningRate, momentum, weightDecay, isNesterov)
        let handles = unsafe [weights, velocities].map { unsafe $0.map { unsafe $0.handle } }
        try TorchError.check(unsafe ctorch_sgd_step(&settings, handles[0], handles[1], Int32(weights.count)), "SGD step")
        stepCount += 1
    }

    /// Velocities in the order of the weights.
    public func state() throws(TorchError) -> [Tensor] {
        var state: [Tensor] = []
        for velocity in velocities { state.append(try velocity.tensor()) }
        return state
    }

    /// Goes on from what ``state()`` gave after `stepCount` steps.
    public func restore(_ state: [Tensor], stepCount: Int) throws(TorchError) {
        guard state.count == weights.count else {
            throw TorchError(operation: "restore SGD", message: "\(state.count) tensors for \(weights.count) weights")
        }
        for (velocity, tensor) in zip(velocities, state) { try velocity.copyInPlace(TorchTensor(tensor)) }
        self.stepCount = stepCount
    }
}
