public import ModelBundle

/// Graphs of a fuser alone: embeddings in, one embedding out.
public enum FuserNetwork {
    /// By the name that a recipe gives.
    public static func named(_ name: String, dimension: Int) -> (any Fuser)? {
        switch name {
        case LinearFuser.name: LinearFuser(dimension: dimension)
        case EmbraceNetFuser.name: EmbraceNetFuser(dimension: dimension)
        case AttentionFuser.name: AttentionFuser(dimension: dimension)
        default: nil
        }
    }

    public static let names = [LinearFuser.name, EmbraceNetFuser.name, AttentionFuser.name]

    /// Inputs: one of each modality's name, `[n, size]`, and `weights` `[n, modalities]`; with `drawsShares` also `shares`
    /// `[n, modalities, dimension]`. Output: `embedding` `[n, dimension]` of length 1. The weights' names are the same with and without
    /// `drawsShares`, so that what was trained with one runs with the other.
    public static func graph(
        _ fuser: any Fuser, modalities: [(name: String, size: Int)], drawsShares: Bool = false, seed: UInt64
    ) throws(GraphBuilderError) -> Graph {
        var net = GraphBuilder(name: "fuser \(type(of: fuser).name)", seed: seed)
        let embeddings = modalities.map { (modality: $0.name, value: net.input($0.name, [.free("batch"), .fixed($0.size)])) }
        let weights = net.input("weights", [.free("batch"), .fixed(modalities.count)])
        let shares = drawsShares ? net.input("shares", [.free("batch"), .fixed(modalities.count), .fixed(fuser.dimension)]) : nil
        let fused = fuser.fused(embeddings, weights: weights, shares: shares, in: &net)
        return try net.graph(outputs: ["embedding": net.normalized(fused)])
    }
}
