import Biometrics
import Testing

@Suite struct ClusteringTests {
    /// Cluster numbers in the order of first appearance, so that two numberings of the same groups are equal.
    private func canonical(_ labels: [Int]) -> [Int] {
        var numbers: [Int: Int] = [:]
        return labels.map { label in
            if label < 0 { return -1 }
            if let known = numbers[label] { return known }
            numbers[label] = numbers.count
            return numbers.count - 1
        }
    }

    @Test(arguments: MetricFixture.shared.clusterings)
    func agreesWithTheDefinitionAndThePackage(fixture: MetricFixture.Clusters) throws {
        let clustering = try HDBSCAN(minimumClusterSize: fixture.size, minimumSamples: fixture.samples, metric: fixture.metric)
            .cluster(try MetricFixture.embeddings)
        #expect(canonical(clustering.labels) == canonical(fixture.labels))
        let ours = canonical(clustering.labels), package = fixture.package
        // Each of our clusters is one of the package's, but for samples that leave at a tie; with one neighbour there are no ties.
        var names: [Int: [Int: Int]] = [:]
        for (a, b) in zip(ours, package) { names[a, default: [:]][b, default: 0] += 1 }
        let agreeing = names.values.reduce(0) { $0 + ($1.values.max() ?? 0) }
        #expect(agreeing >= ours.count - (fixture.samples == 1 ? 0 : 2), "\(ours.count - agreeing) samples differ")
    }

    @Test(arguments: MetricFixture.shared.clusterings)
    func agreementAgreesWithScikitLearn(fixture: MetricFixture.Clusters) throws {
        let clustering = Clustering(labels: fixture.labels), people = Labelling(MetricFixture.shared.people)
        #expect(abs((clustering.coverage() ?? .nan) - fixture.coverage) < 1e-12)
        #expect(abs((clustering.normalizedMutualInformation(people, noise: .asClusters) ?? .nan) - fixture.nmiAsClusters) < 1e-12)
        if let nmi = fixture.nmi, let purity = fixture.purity {
            #expect(abs((clustering.normalizedMutualInformation(people) ?? .nan) - nmi) < 1e-12)
            #expect(abs((clustering.purity(people) ?? .nan) - purity) < 1e-12)
        } else {
            #expect(clustering.normalizedMutualInformation(people) == nil && clustering.purity(people) == nil)
        }
    }

    @Test func weightsAreRepetitions() throws {
        let people = ["a", "a", "b", "b", "c"], labels = [0, 0, 0, 1, -1], weights = [2.0, 1, 0, 3, 1]
        var repeatedPeople: [String] = [], repeatedLabels: [Int] = []
        for index in labels.indices {
            for _ in 0..<Int(weights[index]) {
                repeatedPeople.append(people[index])
                repeatedLabels.append(labels[index])
            }
        }
        let weighted = Clustering(labels: labels), repeated = Clustering(labels: repeatedLabels)
        let once = Labelling(people), again = Labelling(repeatedPeople)
        #expect(weighted.coverage(weights: weights) == repeated.coverage())
        #expect(weighted.purity(once, weights: weights) == repeated.purity(again))
        let a = try #require(weighted.normalizedMutualInformation(once, weights: weights)), b = try #require(repeated.normalizedMutualInformation(again))
        #expect(abs(a - b) < 1e-12)
    }

    @Test func edgesOfAgreement() {
        let one = Labelling(["a", "a"]), two = Labelling(["a", "b"])
        #expect(Clustering(labels: [0, 0]).normalizedMutualInformation(one) == 1)
        #expect(Clustering(labels: [0, 0]).normalizedMutualInformation(two) == 0)
        #expect(Clustering(labels: [0, 1]).normalizedMutualInformation(two) == 1)
        #expect(Clustering(labels: []).coverage() == nil)
    }

    @Test func duplicatesFormClusters() throws {
        // Distance zero: λ would be infinite.
        let rows: [[Float]] = [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [-1, -0.5]]
        let clustering = try HDBSCAN(minimumClusterSize: 3, minimumSamples: 1).cluster(try EmbeddingMatrix(rows: rows))
        #expect(canonical(clustering.labels) == [0, 0, 0, 1, 1, 1, -1])
        let same = try HDBSCAN(minimumClusterSize: 2, minimumSamples: 1).cluster(try EmbeddingMatrix(rows: [[Float]](repeating: [1, 2], count: 9)))
        #expect(same.labels.allSatisfy { $0 >= -1 } && same.labels.count == 9)
    }

    @Test func tooFewSamplesAreNoise() throws {
        let hdbscan = HDBSCAN(minimumClusterSize: 5)
        #expect(try hdbscan.cluster(try EmbeddingMatrix(rows: [])).labels.isEmpty)
        #expect(try hdbscan.cluster(try EmbeddingMatrix(rows: [[1]])).labels == [-1])
        #expect(try hdbscan.cluster(try EmbeddingMatrix(rows: [[1], [2], [3]])).labels == [-1, -1, -1])
        #expect(throws: MetricError.parameter(name: "minimum cluster size", got: "1", expected: "at least 2")) {
            try HDBSCAN(minimumClusterSize: 1).cluster(try EmbeddingMatrix(rows: [[1], [2]]))
        }
        #expect(throws: MetricError.zeroVector(row: 1)) { try hdbscan.cluster(try EmbeddingMatrix(rows: [[1], [0]])) }
    }
}
