/// Cross-entropy of a classification.
///
///     L = − 1/n Σᵢ Σ_c t_ic log softmax(z_i)_c,   t_ic = (1 − ε) [c = yᵢ] + ε / C
///
/// ε is the label smoothing of Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016; 0 is the plain loss.
public struct CrossEntropy: Sendable {
    /// 0 ..< 1.
    public var smoothing: Double

    public init(smoothing: Double = 0) { self.smoothing = smoothing }

    /// - Parameters:
    ///   - logits: `[n, classes]`.
    ///   - labels: n classes, from 0.
    /// - Returns: a scalar, the mean over the batch.
    public func callAsFunction(logits: TorchTensor, labels: [Int]) throws(TorchError) -> TorchTensor {
        let logProbabilities = try logits.logSoftmax(-1)
        let index = try TorchTensor(labels.map(Int64.init), shape: [labels.count, 1], device: logits.device)
        let right = try logProbabilities.gathered(1, index).mean()
        guard smoothing > 0 else { return try -right }
        return try -(right * (1 - smoothing) + logProbabilities.mean() * smoothing)
    }
}
