import Tensors

/// Modalities in shares that the network chooses by what it sees of them.
///
///     sₘ = vₘ · tanh(Uₘ xₘ) + log wₘ,      a = softmax(s),      y = Σₘ aₘ (Wₘ xₘ + bₘ)
///
/// w are the weights (availability times quality): they are the prior, and a modality of weight 0 gets a share of less than 10⁻⁸. Tolerates a
/// missing modality by construction. Gated multimodal units (Arevalo et al., 2017) with the attention of Bahdanau et al., ICLR 2015.
public struct AttentionFuser: Fuser {
    public static let name = "attention"
    public static let toleratesMissingModality = true
    public let dimension: Int
    /// Numbers that a score is made of.
    public let hidden: Int

    public init(dimension: Int = 256, hidden: Int = 32) {
        self.dimension = dimension
        self.hidden = hidden
    }

    public func fused(
        _ embeddings: [(modality: String, value: GraphBuilder.Value)], weights: GraphBuilder.Value, shares: GraphBuilder.Value?, in net: inout GraphBuilder
    ) -> GraphBuilder.Value {
        net.scope("fuser") { net in
            let scores = embeddings.map { net.linear(net.tanh(net.linear($0.value, hidden, name: "see.\($0.modality)")), 1, bias: false, name: "score.\($0.modality)") }
            let bounded = net.node("Max", [weights.name, net.constant(Tensor(scalar: Float(1e-12)))], shape: weights.shape)
            let prior = net.node("Log", [bounded.name], shape: weights.shape)
            // Scores are kept within ±4, so that none can outweigh the prior of a missing modality.
            let limited = net.scale(net.tanh(net.scale(net.concatenate(scores, axis: 1), by: 0.25)), by: 4)
            let own = net.reshape(net.softmax(net.add(limited, prior)), [-1, embeddings.count, 1])
            let values = embeddings.map { net.linear($0.value, dimension, name: "value.\($0.modality)") }
            return net.weightedSum(values, own, dimension: dimension)
        }
    }
}
