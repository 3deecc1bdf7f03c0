public import Biometrics

/// What is measured and how: everything that a figure depends on besides the embeddings. Stored with the figures.
public struct EvaluationProtocol: Sendable, Hashable, Codable {
    /// Of every draw: trials, galleries, shots and intervals.
    public var seed: UInt64
    /// Trials of each kind where no list is given.
    public var trialsPerKind: Int
    /// Draws behind every interval; zero for none.
    public var replicates: Int
    public var confidence: Double
    /// False accept rates at which the true accept rate is given.
    public var falseAcceptRates: [Double]
    /// Named costs for minDCF.
    public var costs: [NamedCost]
    public var minimumClusterSize: Int
    public var minimumSamples: Int
    public var clusterMetric: HDBSCAN.Metric
    /// Samples per person for few-shot accuracy.
    public var shots: [Int]
    public var episodes: Int
    /// False positive identification rates for the open set.
    public var falsePositiveRates: [Double]
    /// Share of people that are not enrolled in the open set, between 0 and 1.
    public var strangerShare: Double
    /// Roles whose embeddings share one space: the first asks for the second and the other way round.
    public var crossModal: [RolePair]

    public struct NamedCost: Sendable, Hashable, Codable {
        public var name: String
        public var cost: DetectionCost

        public init(_ name: String, _ cost: DetectionCost) {
            self.name = name
            self.cost = cost
        }
    }

    public struct RolePair: Sendable, Hashable, Codable {
        public var query: EmbeddingRole
        public var item: EmbeddingRole

        public init(query: EmbeddingRole, item: EmbeddingRole) {
            self.query = query
            self.item = item
        }
    }

    /// The settings of the comparison tables; every one can be changed.
    public init(seed: UInt64) {
        self.seed = seed
        trialsPerKind = 10_000
        replicates = 1000
        confidence = 0.95
        falseAcceptRates = [0.1, 0.01, 0.001]
        costs = [NamedCost("voxceleb", .voxCeleb), NamedCost("sre2016", .sre2016)]
        minimumClusterSize = 3
        minimumSamples = 2
        clusterMetric = .cosine
        shots = [1, 5]
        episodes = 20
        falsePositiveRates = [0.1, 0.01]
        strangerShare = 0.5
        crossModal = [RolePair(query: .face, item: .voice)]
    }

    var bootstrap: Bootstrap { Bootstrap(replicates: replicates, level: confidence, seed: seed) }
}
