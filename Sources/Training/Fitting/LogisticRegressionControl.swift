import Biometrics
public import Datasets
public import Evaluation
import Tensors

/// What a fusion has to beat: one modality's encoder as it is, and a logistic regression that tells pairs of one person from pairs of two.
///
///     P(same) = σ(b + Σ_k w_k |a_k − b_k|)
///
/// over unit-length embeddings; learnt on pairs of the training people by Adam until it hardly moves, measured on the others.
public struct LogisticRegressionControl {
    private let model: FusionModel
    private let data: TrainingData
    private let slot: Int
    public var seed: UInt64 = 1
    public var samplesPerIdentity = 20
    private static let steps = 300, rate = 0.05, pairs = 4000

    /// - Parameter modality: whose encoder.
    public init(_ model: FusionModel, _ data: TrainingData, modality: String) throws {
        guard let slot = model.recipe.modalities.firstIndex(where: { $0.name == modality }) else {
            throw FitError(.configuration, "--control \(modality): the run has \(model.recipe.modalities.map(\.name).joined(separator: ", "))")
        }
        (self.model, self.data, self.slot) = (model, data, slot)
    }

    /// - Parameter subset: whose people it is measured on.
    public func section(_ subset: Split.Subset, settings: EvaluationProtocol) throws -> EvaluationReport.Section {
        let name = model.recipe.modalities[slot].name
        let learnt = try pairs(.train, perKind: Self.pairs), asked = try pairs(subset, perKind: settings.trialsPerKind)
        let size = model.dimensions[slot]
        let weights = try TorchTensor.zeros([size, 1]), bias = try TorchTensor.zeros([1])
        try weights.setRequiresGradient(true)
        try bias.setRequiresGradient(true)
        let optimizer = try Adam([weights, bias], learningRate: Self.rate)
        let x = try TorchTensor(learnt.differences.flatMap { $0 }, shape: [learnt.differences.count, size])
        let y = try TorchTensor(learnt.isSame.map { $0 ? Float(1) : -1 }, shape: [learnt.isSame.count, 1])
        for _ in 0..<Self.steps {
            try weights.setGradient(nil)
            try bias.setGradient(nil)
            // − log σ(y z): the two kinds are as many.
            try (-((x.matmul(weights) + bias) * y).logSigmoid().mean()).backward()
            try optimizer.step()
        }
        let scores = try TorchRuntime.withoutGradients {
            try (TorchTensor(asked.differences.flatMap { $0 }, shape: [asked.differences.count, size]).matmul(weights) + bias).tensor().values(as: Float.self)
        }
        let trials = try ScoredTrials(scores: scores, isSame: asked.isSame, people: asked.people)
        return EvaluationReport.section(
            Condition(rawValue: "control"), EmbeddingRole(rawValue: name), trials, samples: asked.samples, people: Set(asked.people.flatMap { [$0.0, $0.1] }).count, settings: settings)
    }

    private struct Pairs {
        var differences: [[Float]] = []
        var isSame: [Bool] = []
        var people: [(String, String)] = []
        var samples = 0
    }

    private func pairs(_ subset: Split.Subset, perKind: Int) throws -> Pairs {
        let indices = (data.subsets[subset] ?? [:]).sorted { $0.key < $1.key }.flatMap { _, samples in
            samples.filter { data.samples[$0].parts[slot] != nil }.sorted { StableHash.of(data.samples[$0].name) < StableHash.of(data.samples[$1].name) }.prefix(samplesPerIdentity)
        }
        var embeddings: [String: (identity: String, values: [Float])] = [:]
        for (index, found) in zip(indices, try SampleEmbedder(model, data).embeddings(of: indices)) {
            if let values = found.modalities[slot] { embeddings[data.samples[index].name] = (data.samples[index].identity, values) }
        }
        let items = embeddings.map { TrialList.LabelledItem(name: $0.key, identity: $0.value.identity) }
        var pairs = Pairs(samples: items.count)
        for trial in try TrialList.sampled(items, perKind: perKind, seed: seed).trials {
            guard let a = embeddings[trial.a], let b = embeddings[trial.b] else { continue }
            pairs.differences.append(zip(a.values, b.values).map { abs($0 - $1) })
            pairs.isSame.append(trial.isSame)
            pairs.people.append((a.identity, b.identity))
        }
        return pairs
    }
}
