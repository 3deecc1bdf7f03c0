/// The embeddings side by side, through one linear layer: y = W [x₁ … x_M] + b.
///
/// Does not tolerate a missing modality: it has no notion of one, and its weights are not looked at. Zeros in its place are what such a network is usually
/// given, and what it was trained with if whole modalities were dropped in training.
public struct LinearFuser: Fuser {
    public static let name = "linear"
    public static let toleratesMissingModality = false
    public let dimension: Int

    public init(dimension: Int = 256) { self.dimension = dimension }

    public func fused(
        _ embeddings: [(modality: String, value: GraphBuilder.Value)], weights: GraphBuilder.Value, shares: GraphBuilder.Value?, in net: inout GraphBuilder
    ) -> GraphBuilder.Value {
        net.scope("fuser") { net in net.linear(net.concatenate(embeddings.map(\.value), axis: 1), dimension, name: "mix") }
    }
}
