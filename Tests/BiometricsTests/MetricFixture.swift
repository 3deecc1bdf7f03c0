import Biometrics
import Foundation
import Tensors
import Testing

/// What Fixtures/make_metrics.py wrote.
struct MetricFixture: Decodable, Sendable {
    struct Trials: Decodable, Sendable, CustomTestStringConvertible {
        var name: String
        var scores: [Float]
        var same: [Bool]
        var auc: Double
        var eer: Double
        var tar: [String: Double]
        var dcf: [String: Double]
        var slope: Double
        var offset: Double
        var cllr: Double
        var minimumCllr: Double

        var testDescription: String { name }
        var scored: ScoredTrials { get throws { try ScoredTrials(scores: scores, isSame: same) } }
    }

    struct Clusters: Decodable, Sendable, CustomTestStringConvertible {
        var metric: HDBSCAN.Metric
        var size: Int
        var samples: Int
        /// By the definition, and by the hdbscan package.
        var labels: [Int]
        var package: [Int]
        var coverage: Double
        var nmi: Double?
        var nmiAsClusters: Double
        var purity: Double?

        var testDescription: String { "\(metric) \(size) \(samples)" }
    }

    struct Pairs: Decodable, Sendable {
        var auc: Double
        var eer: Double
        var count: Int
        var same: Int
    }

    struct Shots: Decodable, Sendable {
        var support: [[Int]]
        var queries: [[Int]]
        var right: [[Bool]]
    }

    struct Known: Decodable, Sendable {
        var gallery: [Int]
        var probes: [Int]
        var ranks: [Int]
        var openSet: [String: Double]
    }

    var trials: [Trials]
    var probit: [String: Double]
    var people: [String]
    var pairs: Pairs
    var retrieval: [String: [Double]]
    var clusterings: [Clusters]
    var fewShot: Shots
    var identification: Known

    static let shared: MetricFixture = {
        guard let data = try? Data(contentsOf: url("metrics.json")), let fixture = try? JSONDecoder().decode(MetricFixture.self, from: data) else {
            fatalError("Fixtures/metrics.json cannot be read")
        }
        return fixture
    }()

    static var embeddings: EmbeddingMatrix { get throws { try EmbeddingMatrix(try Tensor(npyFile: url("embeddings.npy"))) } }

    private static func url(_ name: String) -> URL { Bundle.module.bundleURL.appending(path: "Fixtures/\(name)") }
}
