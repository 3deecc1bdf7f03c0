public import Biometrics
public import Datasets
public import Evaluation
public import ModelBundle

/// Embeddings of a trained model under every condition, for `Evaluation`.
///
/// Conditions are `both` (all modalities), one for each modality alone, `missing` (each sample without one of its modalities, drawn), and those of
/// `Degradation`. In each of them the fused embedding is role `fused`; a modality's own embedding has the modality's name as its role, alone and clean.
public struct RunEvaluation {
    private let model: FusionModel
    private let data: TrainingData
    private let embedder: SampleEmbedder
    /// Samples of each person at most, chosen by their names.
    public var samplesPerIdentity = 20
    public var seed: UInt64 = 1
    public var degradations: [Degradation] = Degradation.allCases

    /// - Parameter instead: networks that are measured in place of the model's, for example its eight-bit ones: by modality, and `fuser`.
    public init(_ model: FusionModel, _ data: TrainingData, instead: [String: Graph] = [:]) throws {
        self.model = model
        self.data = data
        embedder = try SampleEmbedder(model, data, instead: instead)
    }

    /// - Parameters:
    ///   - subset: whose people; the fused embeddings of people that were learnt from prove nothing.
    ///   - advance: what is being done, and samples done of so many.
    public func table(_ subset: Split.Subset, advance: (String, Int, Int) -> Void = { _, _, _ in }) throws -> EmbeddingTable {
        let people = data.subsets[subset] ?? [:]
        guard people.count >= 2 else {
            throw FitError(.badData, "\(people.count) people in subset '\(subset.rawValue)', at least 2 are needed; take another --subset, or a recipe with a larger share in data.split")
        }
        let indices = people.sorted { $0.key < $1.key }.flatMap { _, samples in
            samples.sorted { StableHash.of(data.samples[$0].name) < StableHash.of(data.samples[$1].name) }.prefix(samplesPerIdentity)
        }
        return try table(indices, advance: advance)
    }

    /// Of these samples.
    public func table(_ indices: [Int], advance: (String, Int, Int) -> Void = { _, _, _ in }) throws -> EmbeddingTable {
        var table = EmbeddingTable()
        let names = model.recipe.modalities.map(\.name)
        let hasFuser = model.fuser != nil
        func add(_ condition: Condition, _ view: SampleView, _ modalities: Set<String>?, single: Bool = false) throws {
            let found = try embedder.embeddings(of: indices, view: view, modalities: modalities) { advance(condition.rawValue, $0, $1) }
            for (index, embeddings) in zip(indices, found) {
                let sample = data.samples[index]
                try Self.add(embeddings.fused, sample, condition, hasFuser ? .fused : EmbeddingRole(rawValue: names[0]), &table)
                guard single, hasFuser, let only = modalities?.first, let slot = names.firstIndex(of: only) else { continue }
                try Self.add(embeddings.modalities[slot], sample, condition, EmbeddingRole(rawValue: only), &table)
            }
        }
        try add(names.count > 1 ? .both : Condition(rawValue: names[0]), .clean, nil)
        if names.count > 1 {
            for name in names { try add(Condition(rawValue: name), .clean, [name], single: true) }
            try addMissing(indices, names, &table, advance)
        }
        for degradation in degradations { try add(Condition(rawValue: degradation.rawValue), .degraded(degradation, seed: seed), nil) }
        return table
    }

    /// Samples of people against ones that contradict themselves: a person's first modality with the others of somebody else, or the other way round.
    public struct Contradictions: Sendable {
        /// `other voice`: the face is the same and the voice is not; `other face`.
        public var name: String
        public var trials: ScoredTrials
    }

    /// Cosines of two samples of one person, and of a sample with the other one contradicted; fusers only.
    /// - Parameter subset: whose people.
    public func contradictions(_ subset: Split.Subset, advance: (Int, Int) -> Void = { _, _ in }) throws -> [Contradictions] {
        let people = (data.subsets[subset] ?? [:]).sorted { $0.key < $1.key }
        let names = model.recipe.modalities.map(\.name)
        guard model.fuser != nil, names.count == 2, people.count >= 2 else { return [] }
        // Two samples of each person, by their names' hashes.
        let pairs = people.compactMap { _, samples -> (Int, Int)? in
            let whole = samples.filter { index in data.samples[index].parts.allSatisfy { $0 != nil } }.sorted { StableHash.of(data.samples[$0].name) < StableHash.of(data.samples[$1].name) }
            return whole.count >= 2 ? (whole[0], whole[whole.count - 1]) : nil
        }
        guard pairs.count >= 2 else { return [] }
        let indices = pairs.flatMap { [$0.0, $0.1] }
        let found = try embedder.embeddings(of: indices, advance: advance)
        let mixed = try embedder.contradictions(found)
        func cosine(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        var own: [Float] = [], byOther: [[Float]] = [[], []]
        for pair in pairs.indices {
            guard let first = found[2 * pair].fused, let second = found[2 * pair + 1].fused else { continue }
            own.append(cosine(first, second))
            for slot in 0..<2 { byOther[slot].append(cosine(first, mixed[slot][2 * pair + 1])) }
        }
        return try (0..<2).map { slot in
            // The one whose first modality is kept has another's second.
            Contradictions(
                name: "other \(names[1 - slot])",
                trials: try ScoredTrials(scores: own + byOther[slot], isSame: own.map { _ in true } + byOther[slot].map { _ in false }))
        }
    }

    /// Each sample without one of the modalities that it has.
    private func addMissing(_ indices: [Int], _ names: [String], _ table: inout EmbeddingTable, _ advance: (String, Int, Int) -> Void) throws {
        let condition = Condition(rawValue: "missing")
        var found: [Int: [Float]] = [:]
        for (slot, name) in names.enumerated() {
            let losers = indices.filter { index in
                let present = data.samples[index].parts.indices.filter { data.samples[index].parts[$0] != nil }
                guard present.count > 1 else { return slot == 0 }
                return present[Int(StableHash.of(data.samples[index].name, seed: seed) % UInt64(present.count))] == slot
            }
            guard !losers.isEmpty else { continue }
            let rest = Set(names).subtracting([name])
            let embeddings = try embedder.embeddings(of: losers, modalities: rest) { advance(condition.rawValue, $0, $1) }
            for (index, embedding) in zip(losers, embeddings) { found[index] = embedding.fused }
        }
        for index in indices { try Self.add(found[index], data.samples[index], condition, .fused, &table) }
    }

    private static func add(_ embedding: [Float]?, _ sample: TrainingData.Sample, _ condition: Condition, _ role: EmbeddingRole, _ table: inout EmbeddingTable) throws {
        let row = EmbeddingTable.Row(item: sample.name, identity: sample.identity, condition: condition, role: role)
        guard let embedding else { return try table.refuse(row, reason: "missing") }
        try table.append(row, embedding)
    }
}
