// core_k(x)  = distance from x to its k-th nearest other sample, k = `minimumSamples`
// d_mreach   = max(core_k(a), core_k(b), d(a, b))                   mutual reachability
// λ          = 1 / d_mreach;   stability(C) = Σ_{x in C} (λ at which x leaves C − λ at which C was born)
//
// The minimum spanning tree of d_mreach gives a hierarchy; splits that leave fewer than `minimumClusterSize` on a side are samples falling
// out of a cluster (the condensed tree); of all clusters that do not contain one another those with the greatest sum of
// stabilities are chosen (excess of mass). The whole is never a cluster itself. Everything outside the chosen ones is noise.
//
// Edge rules: distance 0 counts as 1e-12 of the greatest edge of the tree (1 where all are 0), so that λ is finite. Equal distances are common
// (all neighbours of x within its core distance are equally far): what one distance joins is joined at once, in as many parts as
// there are, so the result is that of the distances and depends on no order. The hdbscan package joins two at a time and lets the order
// decide; of samples that leave at a tie it may put another one (less than 1 % here) into the cluster or the noise. Fewer samples
// than two clusters need are noise. Euclidean distances come from products (‖a‖² + ‖b‖² − 2ab), so those below 1e-3 of the norm are
// rounded. Time O(n² d), memory O(n d).
// References: Campello, Moulavi and Sander, "Density-based clustering based on hierarchical density estimates", PAKDD 2013; McInnes and
// Healy, "Accelerated hierarchical density based clustering", 2017. Tested against the definition in NumPy and the hdbscan package.

/// Clusters of any number and size by density, without labels.
public struct HDBSCAN: Sendable, Hashable {
    public enum Metric: String, Sendable, Hashable, Codable {
        /// 1 − cosine, 0…2.
        case cosine
        case euclidean
    }

    /// At least 2.
    public var minimumClusterSize: Int
    /// At least 1; the larger, the more is noise. The minimum cluster size unless given.
    public var minimumSamples: Int
    public var metric: Metric

    public init(minimumClusterSize: Int, minimumSamples: Int? = nil, metric: Metric = .cosine) {
        self.minimumClusterSize = minimumClusterSize
        self.minimumSamples = minimumSamples ?? minimumClusterSize
        self.metric = metric
    }

    /// Groups the rows.
    public func cluster(_ embeddings: EmbeddingMatrix) throws(MetricError) -> Clustering {
        guard minimumClusterSize >= 2 else { throw .parameter(name: "minimum cluster size", got: "\(minimumClusterSize)", expected: "at least 2") }
        guard minimumSamples >= 1 else { throw .parameter(name: "minimum samples", got: "\(minimumSamples)", expected: "at least 1") }
        guard embeddings.count >= 2 else { return Clustering(labels: [Int](repeating: Clustering.noise, count: embeddings.count)) }
        let points = metric == .cosine ? try embeddings.normalized() : embeddings
        let edges = SpanningTree(points, metric: metric, minimumSamples: minimumSamples).edges
        return Clustering(labels: CondensedTree(edges, count: points.count, minimumClusterSize: minimumClusterSize).labels())
    }
}
