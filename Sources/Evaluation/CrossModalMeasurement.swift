import Biometrics

/// One role against another: is this the voice of that face, and which of all voices is it.
///
/// Both encoders must map into one space, which equal dimensions do not prove: encoders that never saw each other give an AUC of ½.
struct CrossModalMeasurement {
    private let condition: Condition
    private let roles: EvaluationProtocol.RolePair
    private let queries: EmbeddingTable.Selection
    private let items: EmbeddingTable.Selection
    private let settings: EvaluationProtocol

    init(
        _ condition: Condition, _ roles: EvaluationProtocol.RolePair, _ queries: EmbeddingTable.Selection, _ items: EmbeddingTable.Selection,
        _ settings: EvaluationProtocol
    ) {
        self.condition = condition
        self.roles = roles
        self.queries = queries
        self.items = items
        self.settings = settings
    }

    /// `nil` where the two cannot be in one space, as their dimensions differ.
    func section(refused: [String: Int]) -> EvaluationReport.Section? {
        guard queries.embeddings.dimension == items.embeddings.dimension else { return nil }
        var section = EvaluationReport.Section(
            condition: condition, role: roles.query, against: roles.item, samples: queries.items.count + items.items.count,
            people: Set(queries.identities + items.identities).count, refused: refused, trials: 0, unscoredTrials: 0, metrics: [], confusions: [])
        do {
            let pairs = drawPairs()
            let scores = try queries.embeddings.normalized().products(with: try items.embeddings.normalized(), pairs: pairs)
            let people = pairs.map { (queries.identities[$0.0], items.identities[$0.1]) }
            let trials = try ScoredTrials(scores: scores, isSame: people.map { $0.0 == $0.1 }, people: people)
            let verification = VerificationMeasurement(trials, settings)
            section.trials = trials.count
            section.metrics += verification.metrics
            section.curve = verification.curve
            section.histogram = verification.histogram
        } catch {
            section.metrics.append(EvaluationReport.Metric(name: "auc", value: nil, note: "\(error)", isHigherBetter: true))
        }
        for (name, from, to) in [("map(\(roles.query) to \(roles.item))", queries, items), ("map(\(roles.item) to \(roles.query))", items, queries)] {
            var metric = EvaluationReport.Metric(name: name, isHigherBetter: true)
            do {
                let retrieval = try Retrieval(queries: from.embeddings, people: from.identities, items: to.embeddings, itemPeople: to.identities)
                let estimate = try settings.bootstrap.mean(retrieval.averagePrecisions, people: retrieval.people)
                (metric.value, metric.interval) = (estimate.value, estimate.interval)
            } catch { metric.note = "\(error)" }
            section.metrics.append(metric)
        }
        return section
    }

    /// Rows to compare, by identity as ``TrialList/sampled(_:perKind:seed:)`` draws them: of one person and of two, alike in number.
    private func drawPairs() -> [(Int, Int)] {
        let labelling = Labelling((queries.identities + items.identities).sorted())
        let numbers = Dictionary(uniqueKeysWithValues: labelling.names.enumerated().map { ($1, $0) })
        func members(_ selection: EmbeddingTable.Selection) -> [[Int]] {
            var members = [[Int]](repeating: [], count: labelling.count)
            for row in selection.items.indices.sorted(by: { selection.items[$0] < selection.items[$1] }) {
                if let number = numbers[selection.identities[row]] { members[number].append(row) }
            }
            return members
        }
        let asking = members(queries), asked = members(items)
        let common = labelling.names.indices.filter { !asking[$0].isEmpty && !asked[$0].isEmpty }
        let askers = labelling.names.indices.filter { !asking[$0].isEmpty }, answerers = labelling.names.indices.filter { !asked[$0].isEmpty }
        var generator = SeededGenerator(seed: settings.seed)
        var drawn: Set<SIMD2<Int>> = [], pairs: [(Int, Int)] = []
        func draw(_ limit: Int, _ pair: () -> SIMD2<Int>?) {
            var taken = 0
            for _ in 0..<20 * limit where taken < limit {
                guard let pair = pair(), drawn.insert(pair).inserted else { continue }
                pairs.append((pair.x, pair.y))
                taken += 1
            }
        }
        func row(_ rows: [Int]) -> Int { rows[generator.below(rows.count)] }
        let samePairs = common.reduce(0) { $0 + asking[$1].count * asked[$1].count }
        draw(min(settings.trialsPerKind, samePairs)) {
            guard !common.isEmpty else { return nil }
            let person = common[generator.below(common.count)]
            return SIMD2(row(asking[person]), row(asked[person]))
        }
        draw(min(settings.trialsPerKind, queries.items.count * items.items.count - samePairs)) {
            let a = askers[generator.below(askers.count)], b = answerers[generator.below(answerers.count)]
            return a == b ? nil : SIMD2(row(asking[a]), row(asked[b]))
        }
        return pairs
    }
}
