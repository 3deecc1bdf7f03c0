/// Cross-entropy of yes and no, for answers that are probabilities already and truths that may lie between.
///
///     L = − Σ w [ t ln p + (1 − t) ln (1 − p) ] / Σ w ,   p clipped to ε … 1 − ε
///
/// A teacher's probability is such a truth; L is then its cross-entropy, whose least value is not 0.
public struct BinaryCrossEntropy: Sendable {
    /// ε: `float32` holds no probability nearer to 1 whose logarithm is worth having.
    public static let floor = 1e-6

    public init() {}

    /// - Parameters:
    ///   - probabilities: 0…1, any shape.
    ///   - truths: of the same shape, 0…1.
    ///   - weights: of the same shape, at least 0; equal ones where `nil`.
    /// - Returns: a scalar, the weighted mean.
    public func callAsFunction(_ probabilities: TorchTensor, _ truths: TorchTensor, weights: TorchTensor? = nil) throws(TorchError) -> TorchTensor {
        let p = try probabilities.clamped(Self.floor, 1 - Self.floor)
        let yes = try truths * p.log(), no = try (-truths + 1) * (-p + 1).log()
        guard let weights else { return try -(yes + no).mean() }
        return try -((yes + no) * weights).sum() / weights.sum().clamped(Self.floor, .infinity)
    }
}
