import CTorch
public import Tensors

/// Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) where the decay is decoupled:
///
///     m ← β₁ m + (1 − β₁) g      v ← β₂ v + (1 − β₂) g²      w ← w − η (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
///
/// with g ← g + λ w before, or w ← (1 − η λ) w instead. Weights without a gradient are left alone. The same elements are computed in the same order
/// whatever the number of threads; the state can be read and written exactly. Thread-bound, as its weights are.
public final class Adam {
    public var learningRate: Double
    public var beta1: Double, beta2: Double, epsilon: Double
    public var weightDecay: Double
    public var decouplesDecay: Bool
    /// Steps taken.
    public private(set) var stepCount = 0
    public let weights: [TorchTensor]
    private let firstMoments: [TorchTensor], secondMoments: [TorchTensor]

    public init(
        _ weights: [TorchTensor], learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
        decouplesDecay: Bool = false
    ) throws(TorchError) {
        self.weights = weights
        self.learningRate = learningRate
        (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
        self.weightDecay = weightDecay
        self.decouplesDecay = decouplesDecay
        var moments: [TorchTensor] = []
        for weight in weights + weights { moments.append(try weight.zerosLike()) }
        firstMoments = Array(moments.prefix(weights.count))
        secondMoments = Array(moments.suffix(weights.count))
    }

    public func step() throws(TorchError) {
        var settings = ctorch_adam()
        (settings.learning_rate, settings.beta1, settings.beta2, settings.epsilon) = (learningRate, beta1, beta2, epsilon)
        (settings.weight_decay, settings.decouples_decay, settings.step) = (weightDecay, decouplesDecay, Int64(stepCount + 1))
        let handles = unsafe [weights, firstMoments, secondMoments].map { unsafe $0.map { unsafe $0.handle } }
        try TorchError.check(unsafe ctorch_adam_step(&settings, handles[0], handles[1], handles[2], Int32(weights.count)), "Adam step")
        stepCount += 1
    }

    /// Moments in the order of the weights: first ones, then second ones.
    public func state() throws(TorchError) -> [Tensor] {
        var state: [Tensor] = []
        for moment in firstMoments + secondMoments { state.append(try moment.tensor()) }
        return state
    }

    /// Goes on from what ``state()`` gave after `stepCount` steps.
    public func restore(_ state: [Tensor], stepCount: Int) throws(TorchError) {
        guard state.count == 2 * weights.count else {
            throw TorchError(operation: "restore Adam", message: "\(state.count) tensors for \(weights.count) weights; expected \(2 * weights.count)")
        }
        for (moment, tensor) in zip(firstMoments + secondMoments, state) { try moment.copyInPlace(TorchTensor(tensor)) }
        self.stepCount = stepCount
    }
}
