/// A cluster number for each sample, or none.
public struct Clustering: Sendable, Hashable {
    /// The label of a sample that belongs to no cluster.
    public static let noise = -1

    /// From zero, or ``noise``.
    public let labels: [Int]

    public init(labels: [Int]) { self.labels = labels }

    public var clusterCount: Int { (labels.max() ?? Self.noise) + 1 }
    public var noiseCount: Int { labels.count { $0 == Self.noise } }
}
