public import Tensors

/// The mean of weights over the last steps, which tells unseen samples apart better than where the last step happened to end (Polyak and Juditsky 1992):
///
///     a ← d a + (1 − d) w      d = min(decay, (1 + t) / (10 + t))
///
/// for step t, so that first weights are soon forgotten. Training goes on from the weights; measured and kept are their means. Running statistics of batch normalisation, which belong
/// to the weights, are averaged as they are. Thread-bound, as its weights are.
public final class WeightAverage {
    public let decay: Double
    private let weights: [TorchTensor], averages: [TorchTensor]

    /// - Parameter decay: 0…1, of a step; 0.999 remembers about a thousand.
    public init(of weights: [TorchTensor], decay: Double) throws(TorchError) {
        self.weights = weights
        self.decay = decay
        var averages: [TorchTensor] = []
        for weight in weights { averages.append(try weight.detached().clone()) }
        self.averages = averages
    }

    /// Takes up the weights as they are after `step` steps, from 1.
    public func update(step: Int) throws(TorchError) {
        let keep = min(decay, Double(1 + step) / Double(10 + step))
        for (average, weight) in zip(averages, weights) { try average.blendInPlace(keep: keep, add: 1 - keep, weight.detached()) }
    }

    /// Puts the means where the weights are, and the weights aside; called again, it puts them back, bit for bit.
    public func exchange() throws(TorchError) {
        for (average, weight) in zip(averages, weights) {
            let aside = try weight.detached().clone()
            try weight.copyInPlace(average)
            try average.copyInPlace(aside)
        }
    }

    /// The means, in the order of the weights.
    public func state() throws(TorchError) -> [Tensor] {
        var state: [Tensor] = []
        for average in averages { state.append(try average.tensor()) }
        return state
    }

    public func restore(_ state: [Tensor]) throws(TorchError) {
        guard state.count == averages.count else {
            throw TorchError(operation: "restore averaged weights", message: "\(state.count) tensors for \(averages.count) weights")
        }
        for (average, tensor) in zip(averages, state) { try average.copyInPlace(TorchTensor(tensor)) }
    }
}
