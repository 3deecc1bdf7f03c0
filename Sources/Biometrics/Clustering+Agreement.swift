#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// coverage = samples in a cluster / samples
// NMI      = I(people; clusters) / ½ (H(people) + H(clusters))          arithmetic normalisation
// purity   = Σ_clusters (samples of the cluster's most frequent person) / samples in clusters
//
// NMI and purity are of the samples that are in a cluster; coverage says how many these are, and neither figure means anything
// without the other. `noiseAsClusters` counts every noise sample as a cluster of its own instead, which punishes refusing to answer.
// Edge rules: NMI is 1 where there is one person and one cluster, 0 where the mutual information is 0; undefined (`nil`) without a
// sample in a cluster.
// Reference: Strehl and Ghosh, "Cluster ensembles", 2002; scikit-learn's normalized_mutual_info_score (average_method "arithmetic"), which it is tested against.

extension Clustering {
    /// How samples in no cluster enter into the agreement.
    public enum NoiseRule: String, Sendable, Codable {
        case leftOut
        case asClusters
    }

    /// Share of samples that are in a cluster, 0…1.
    /// - Parameter weights: of each sample; one each unless given.
    public func coverage(weights: [Double]? = nil) -> Double? {
        let weights = weights ?? [Double](repeating: 1, count: labels.count)
        let total = weights.reduce(0, +)
        return total > 0 ? zip(labels, weights).reduce(0) { $0 + ($1.0 == Self.noise ? 0 : $1.1) } / total : nil
    }

    /// Normalised mutual information of clusters and people, 0…1.
    /// - Precondition: as many people as samples.
    public func normalizedMutualInformation(_ people: Labelling, weights: [Double]? = nil, noise: NoiseRule = .leftOut) -> Double? {
        guard let table = ContingencyTable(self, people, weights: weights, noise: noise) else { return nil }
        let people = table.people.filter { $0 > 0 }, clusters = table.clusters.filter { $0 > 0 }
        if people.count == 1 && clusters.count == 1 { return 1 }
        func entropy(_ weights: [Double]) -> Double { -weights.reduce(0) { $0 + $1 / table.total * log($1 / table.total) } }
        var information = 0.0
        for (cell, weight) in table.cells where weight > 0 {
            information += weight / table.total * log(weight * table.total / (table.clusters[cell.x] * table.people[cell.y]))
        }
        guard information > 1e-15 else { return 0 }
        return min(1, information / ((entropy(people) + entropy(clusters)) / 2))
    }

    /// Share of the samples in clusters that are of their cluster's most frequent person, 0…1.
    public func purity(_ people: Labelling, weights: [Double]? = nil) -> Double? {
        guard let table = ContingencyTable(self, people, weights: weights, noise: .leftOut) else { return nil }
        var largest = [Double](repeating: 0, count: table.clusters.count)
        for (cell, weight) in table.cells { largest[cell.x] = max(largest[cell.x], weight) }
        return largest.reduce(0, +) / table.total
    }
}

/// How much of each person lies in each cluster.
private struct ContingencyTable {
    /// (cluster, person) with its weight, in a fixed order: sums must not depend on that of a hash table.
    var cells: [(SIMD2<Int>, Double)] = []
    var clusters: [Double]
    var people: [Double]
    var total = 0.0

    /// `nil` where nothing has weight.
    init?(_ clustering: Clustering, _ labelling: Labelling, weights: [Double]?, noise: Clustering.NoiseRule) {
        precondition(labelling.numbers.count == clustering.labels.count, "\(labelling.numbers.count) people of \(clustering.labels.count) samples")
        clusters = [Double](repeating: 0, count: clustering.clusterCount)
        people = [Double](repeating: 0, count: labelling.count)
        var weightByCell: [SIMD2<Int>: Double] = [:]
        for index in clustering.labels.indices {
            let weight = weights?[index] ?? 1
            var cluster = clustering.labels[index]
            if cluster == Clustering.noise {
                guard noise == .asClusters else { continue }
                cluster = clusters.count
                clusters.append(0)
            }
            let person = Int(labelling.numbers[index])
            weightByCell[SIMD2(cluster, person), default: 0] += weight
            clusters[cluster] += weight
            people[person] += weight
            total += weight
        }
        if total <= 0 { return nil }
        cells = weightByCell.map { ($0.key, $0.value) }.sorted { ($0.0.x, $0.0.y) < ($1.0.x, $1.0.y) }
    }
}
