/// Every number of the result comes from one modality, drawn by lot in training; at inference, from all in proportion.
///
///     dₘ = max(0, Wₘ xₘ + bₘ)   (docking),      y_k = d_{r_k, k},  r_k ~ Multinomial(p),      E[y] = Σₘ pₘ dₘ
///
/// with p the weights (availability times quality) brought to a sum of 1. Tolerates a missing modality by construction: with p = 0 it is never
/// drawn. In training ``draw(weights:dimension:)`` gives the lot as `shares`; without it the graph holds the expectation, which is deterministic.
/// Choi and Lee, "EmbraceNet: A robust deep learning architecture for multimodal classification", Information Fusion 51, 2019, equations 1 to 4.
public struct EmbraceNetFuser: Fuser {
    public static let name = "embracenet"
    public static let toleratesMissingModality = true
    public let dimension: Int

    public init(dimension: Int = 256) { self.dimension = dimension }

    public func fused(
        _ embeddings: [(modality: String, value: GraphBuilder.Value)], weights: GraphBuilder.Value, shares: GraphBuilder.Value?, in net: inout GraphBuilder
    ) -> GraphBuilder.Value {
        net.scope("fuser") { net in
            let docked = embeddings.map { net.relu(net.linear($0.value, dimension, initializer: .kaiming(), name: "dock.\($0.modality)")) }
            let own = shares ?? net.reshape(net.shares(of: weights), [-1, embeddings.count, 1])
            return net.weightedSum(docked, own, dimension: dimension)
        }
    }

    /// The lot: 1 for the modality that each number is taken from, 0 for the others, `[n, modalities, dimension]`; drawn by libtorch's generator.
    /// - Parameter weights: `[n, modalities]`, each row with a positive sum.
    public static func draw(weights: TorchTensor, dimension: Int) throws(TorchError) -> TorchTensor {
        let modalities = weights.shape[1]
        let chosen = try weights.multinomial(dimension).unsqueezed(1)
        let all = try TorchTensor((0..<Int64(modalities)).map { $0 }, shape: [1, modalities, 1], device: weights.device)
        return try chosen.isEqual(to: all).converted(to: weights.elementType)
    }
}
