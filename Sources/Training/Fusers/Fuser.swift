import Tensors

/// Makes one embedding of several modalities', as nodes of a graph: what trains is what runs.
///
/// A fuser sees embeddings `[n, dₘ]` by modality and `weights` `[n, modalities]`: availability times quality, 0 where a modality is missing. How many
/// modalities there are, and which, is its caller's affair.
public protocol Fuser: Sendable {
    /// As a recipe names it.
    static var name: String { get }
    /// Whether a modality of weight 0 has no influence by construction. A fuser that says `false` was not made for missing ones: its caller must give
    /// it something in their place.
    static var toleratesMissingModality: Bool { get }
    /// Size of the embedding that comes out.
    var dimension: Int { get }

    /// Adds the fuser to a network.
    /// - Parameters:
    ///   - embeddings: by modality, in a fixed order; `[n, dₘ]`.
    ///   - weights: `[n, modalities]`, 0…1.
    ///   - shares: what takes the place of the fuser's own shares in training, `[n, modalities, dimension]`; only of use to those that draw.
    /// - Returns: `[n, dimension]`, of any length.
    func fused(
        _ embeddings: [(modality: String, value: GraphBuilder.Value)], weights: GraphBuilder.Value, shares: GraphBuilder.Value?, in net: inout GraphBuilder
    ) -> GraphBuilder.Value
}

extension GraphBuilder {
    /// Weights `[n, modalities]` that add up to 1; all zero where all are zero.
    mutating func shares(of weights: Value) -> Value {
        let sum = reduceSum(weights, [1], keepsAxes: true)
        return divide(weights, node("Max", [sum.name, constant(.init(scalar: Float(1e-6)))], shape: sum.shape))
    }

    /// Vectors of the modalities `[n, d]` each, weighted by `[n, modalities, d]` or `[n, modalities, 1]` and added → `[n, d]`.
    mutating func weightedSum(_ vectors: [Value], _ shares: Value, dimension: Int) -> Value {
        let stacked = concatenate(vectors.map { reshape($0, [-1, 1, dimension]) }, axis: 1)
        return reduceSum(multiply(stacked, shares), [1])
    }
}
