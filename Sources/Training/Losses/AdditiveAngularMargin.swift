import Foundation

/// Logits of a classification whose right class must win by an angle.
///
///     z_ic = s · cos(θ_ic + m [c = yᵢ]),   cos θ_ic = xᵢ · w_c / (|xᵢ| |w_c|)
///
/// Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019, equation 3. Beyond θ = π − m, where cos(θ + m)
/// would rise again, the straight line cos θ − m · sin m goes on, as in the authors' code. To be given to ``CrossEntropy``.
public struct AdditiveAngularMargin: Sendable {
    /// s, positive.
    public var scale: Double
    /// m, radians, 0 ..< π/2.
    public var margin: Double

    public init(scale: Double = 30, margin: Double = 0.3) {
        self.scale = scale
        self.margin = margin
    }

    /// - Parameters:
    ///   - embeddings: `[n, d]`, of any length.
    ///   - centres: `[classes, d]`, of any length.
    ///   - labels: n classes, from 0.
    /// - Returns: logits `[n, classes]`.
    public func callAsFunction(embeddings: TorchTensor, centres: TorchTensor, labels: [Int]) throws(TorchError) -> TorchTensor {
        let cosine = try embeddings.unitLength().matmul(centres.unitLength().transposed())
        guard margin > 0 else { return try cosine * scale }
        let classes = centres.shape[0]
        var chosen = [Float](repeating: 0, count: labels.count * classes)
        for (row, label) in labels.enumerated() { chosen[row * classes + label] = 1 }
        let isRight = try TorchTensor(chosen, shape: [labels.count, classes], device: embeddings.device).isGreater(than: 0.5)
        // cos(θ + m) = cos θ cos m − sin θ sin m. The bound keeps the root's slope finite.
        let sine = try (-(cosine.square()) + 1).clamped(1e-8, 1).squareRoot()
        let turned = try cosine * cos(margin) - sine * sin(margin)
        let beyond = try cosine - margin * sin(margin)
        let moved = try cosine.isGreater(than: cos(.pi - margin)).selecting(turned, else: beyond)
        return try isRight.selecting(moved, else: cosine) * scale
    }
}
