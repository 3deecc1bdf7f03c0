import Biometrics

extension EvaluationReport {
    /// Measures every condition and role of a table.
    /// - Parameters:
    ///   - trials: the comparisons to make, by item; drawn from each condition's items, seeded, where `nil`.
    ///   - model: what made the embeddings.
    public init(
        _ table: EmbeddingTable, trials: TrialList? = nil, settings: EvaluationProtocol, model: String
    ) throws(EvaluationError) {
        var sections: [Section] = []
        for condition in table.conditions {
            let roles = table.roles(condition)
            for role in roles {
                let measured = SectionMeasurement(condition, role, try table.selection(condition, role), settings)
                sections.append(try measured.section(trials: trials, refused: Self.refusals(table, condition, [role])))
            }
            for pair in settings.crossModal where roles.contains(pair.query) && roles.contains(pair.item) {
                let cross = CrossModalMeasurement(
                    condition, pair, try table.selection(condition, pair.query), try table.selection(condition, pair.item), settings)
                if let section = cross.section(refused: Self.refusals(table, condition, [pair.query, pair.item])) { sections.append(section) }
            }
        }
        guard !sections.isEmpty else { throw EvaluationError(.badData, "no embeddings to evaluate" + (table.refusals.isEmpty ? "" : "; all \(table.refusals.count) items were refused")) }
        self.init(model: model, settings: settings, sections: sections)
    }

    private static func refusals(_ table: EmbeddingTable, _ condition: Condition, _ roles: [EmbeddingRole]) -> [String: Int] {
        table.refusals.filter { $0.row.condition == condition && roles.contains($0.row.role) }.reduce(into: [:]) { $0[$1.reason, default: 0] += 1 }
    }
}

/// The figures of scored trials, alike for one role and for two.
struct VerificationMeasurement {
    var metrics: [EvaluationReport.Metric]
    var curve: EvaluationReport.Curve
    var histogram: EvaluationReport.Histogram

    static let bins = 40
    static let drawnPoints = 400

    init(_ trials: ScoredTrials, _ settings: EvaluationProtocol) {
        let whole = OperatingCurve(trials)
        var names: [(name: String, isHigherBetter: Bool, note: String?)] = [("auc", true, nil), ("eer", false, nil)]
        var functions: [@Sendable (OperatingCurve) -> Double] = [{ $0.areaUnderCurve }, { $0.equalErrorRate.rate }]
        for limit in settings.falseAcceptRates {
            let isResolved = whole.trueAcceptRate(atFalseAccept: limit).isResolved
            names.append(("tar@far=\(limit)", true, isResolved ? nil : "fewer than \(Int((1 / max(limit, 1e-9)).rounded(.up))) impostor trials: measured without a false accept"))
            functions.append { $0.trueAcceptRate(atFalseAccept: limit).rate }
        }
        for cost in settings.costs {
            names.append(("minDCF(\(cost.name))", false, nil))
            functions.append { $0.minimumCost(cost.cost).cost }
        }
        metrics = zip(names, settings.bootstrap.estimates(trials, functions)).map { name, estimate in
            EvaluationReport.Metric(name: name.name, value: estimate.value, interval: estimate.interval, note: name.note, isHigherBetter: name.isHigherBetter)
        }
        metrics.append(EvaluationReport.Metric(name: "minCllr", value: LogLikelihoodRatioCost.minimum(trials), isHigherBetter: false))
        let points = whole.thinned(to: Self.drawnPoints)
        curve = EvaluationReport.Curve(
            falseAccept: points.map(\.falseAccept), falseReject: points.map(\.falseReject),
            threshold: points.map { $0.threshold.isFinite ? $0.threshold : nil })

        let upper = Double(trials.scores.first ?? 1), lower = Double(trials.scores.last ?? 0)
        let width = upper > lower ? upper - lower : 1
        func counts(_ same: Bool) -> [Int] {
            trials.scores(same: same).reduce(into: [Int](repeating: 0, count: Self.bins)) { counts, score in
                counts[min(Self.bins - 1, Int((Double(score) - lower) / width * Double(Self.bins)))] += 1
            }
        }
        histogram = EvaluationReport.Histogram(lower: lower, upper: lower + width, same: counts(true), different: counts(false))
    }
}

/// Measures one role under one condition.
struct SectionMeasurement {
    private let condition: Condition
    private let role: EmbeddingRole
    private let selection: EmbeddingTable.Selection
    private let settings: EvaluationProtocol
    private let people: Labelling

    static let mostConfusions = 20

    init(_ condition: Condition, _ role: EmbeddingRole, _ selection: EmbeddingTable.Selection, _ settings: EvaluationProtocol) {
        self.condition = condition
        self.role = role
        self.selection = selection
        self.settings = settings
        people = Labelling(selection.identities)
    }

    func section(trials list: TrialList?, refused: [String: Int]) throws(EvaluationError) -> EvaluationReport.Section {
        var section = EvaluationReport.Section(
            condition: condition, role: role, samples: selection.items.count, people: people.count, refused: refused, trials: 0,
            unscoredTrials: 0, metrics: [], confusions: [])
        do {
            let (scored, unscored) = try score(list)
            let verification = VerificationMeasurement(scored.trials, settings)
            section.trials = scored.trials.count
            section.unscoredTrials = unscored
            section.metrics += verification.metrics
            section.metrics.append(calibrated(scored))
            section.reliability = try? Reliability(scored.trials, seed: settings.seed)
            section.curve = verification.curve
            section.histogram = verification.histogram
        } catch let error as EvaluationError where list != nil {
            throw error
        } catch {
            section.metrics.append(undefined("auc", true, "\(error)"))
        }
        section.metrics += clustering()
        section.metrics += retrieval()
        for shots in settings.shots { section.metrics.append(fewShot(shots)) }
        let (identification, confusions) = identification()
        section.metrics += identification
        section.confusions = confusions
        return section
    }

    private func undefined(_ name: String, _ isHigherBetter: Bool, _ reason: String) -> EvaluationReport.Metric {
        EvaluationReport.Metric(name: name, value: nil, note: reason, isHigherBetter: isHigherBetter)
    }

    private func metric(_ name: String, _ isHigherBetter: Bool = true, _ measure: () throws -> Estimate?) -> EvaluationReport.Metric {
        do {
            guard let estimate = try measure() else { return undefined(name, isHigherBetter, "not defined on these samples") }
            return EvaluationReport.Metric(name: name, value: estimate.value, interval: estimate.interval, isHigherBetter: isHigherBetter)
        } catch { return undefined(name, isHigherBetter, "\(error)") }
    }

    /// Trials with the rows that they compare.
    private struct Scored {
        var trials: ScoredTrials
        var scores: [Float]
        var isSame: [Bool]
        var pairs: [(Int, Int)]
    }

    private func score(_ list: TrialList?) throws -> (Scored, unscored: Int) {
        let trials = try list ?? TrialList.sampled(selection.labelledItems, perKind: settings.trialsPerKind, seed: settings.seed)
        let rows = Dictionary(uniqueKeysWithValues: selection.items.enumerated().map { ($1, $0) })
        var pairs: [(Int, Int)] = [], isSame: [Bool] = [], unscored = 0
        for (number, trial) in trials.trials.enumerated() {
            guard let a = rows[trial.a], let b = rows[trial.b] else {
                unscored += 1
                continue
            }
            guard (selection.identities[a] == selection.identities[b]) == trial.isSame else {
                throw EvaluationError(
                    .badData,
                    "trial \(number + 1): '\(trial.a)' and '\(trial.b)' are \(trial.isSame ? "one person" : "different people") in the list, and of '\(selection.identities[a])' and '\(selection.identities[b])' in the table")
            }
            pairs.append((a, b))
            isSame.append(trial.isSame)
        }
        let unit = try selection.embeddings.normalized()
        let scores = unit.products(with: unit, pairs: pairs)
        do {
            let scored = try ScoredTrials(
                scores: scores, isSame: isSame, people: pairs.map { (selection.identities[$0.0], selection.identities[$0.1]) })
            return (Scored(trials: scored, scores: scores, isSame: isSame, pairs: pairs), unscored)
        } catch {
            throw EvaluationError(.badData, "condition \(condition), role \(role): \(error); \(unscored) of \(trials.trials.count) trials have an item without an embedding")
        }
    }

    /// Cllr of scores that were calibrated on other people: these are halved, and each half's trials are judged by what the other's taught.
    private func calibrated(_ scored: Scored) -> EvaluationReport.Metric {
        metric("cllr", false) {
            var generator = SeededGenerator(seed: settings.seed)
            let first = Set(generator.sample(people.count / 2, of: Array(0..<people.count)))
            func half(_ isFirst: Bool) throws -> ScoredTrials {
                let chosen = scored.pairs.indices.filter { index in
                    let pair = scored.pairs[index]
                    return first.contains(Int(people.numbers[pair.0])) == isFirst && first.contains(Int(people.numbers[pair.1])) == isFirst
                }
                return try ScoredTrials(scores: chosen.map { scored.scores[$0] }, isSame: chosen.map { scored.isSame[$0] })
            }
            let halves = [try half(true), try half(false)]
            let costs = [0, 1].map { LogLikelihoodRatioCost.cost(halves[$0], calibration: ScoreCalibration(fitting: halves[1 - $0])) }
            return Estimate((costs[0] + costs[1]) / 2)
        }
    }

    private func clustering() -> [EvaluationReport.Metric] {
        let hdbscan = HDBSCAN(minimumClusterSize: settings.minimumClusterSize, minimumSamples: settings.minimumSamples, metric: settings.clusterMetric)
        let clustering: Clustering
        do { clustering = try hdbscan.cluster(selection.embeddings) } catch {
            return ["nmi", "coverage", "purity"].map { undefined($0, true, "\(error)") }
        }
        let people = people
        func estimate(_ name: String, isCentred: Bool = true, _ measure: @escaping @Sendable ([Double]) -> Double?) -> EvaluationReport.Metric {
            metric(name) { settings.bootstrap.estimate(people: selection.identities, isCentred: isCentred, measure) }
        }
        return [
            estimate("nmi") { clustering.normalizedMutualInformation(people, weights: $0) },
            estimate("nmi(noise as clusters)") { clustering.normalizedMutualInformation(people, weights: $0, noise: .asClusters) },
            estimate("coverage", isCentred: false) { clustering.coverage(weights: $0) },
            estimate("purity") { clustering.purity(people, weights: $0) },
            EvaluationReport.Metric(name: "clusters per person", value: Double(clustering.clusterCount) / Double(people.count), note: "best at 1", isHigherBetter: true),
        ]
    }

    private func retrieval() -> [EvaluationReport.Metric] {
        [("map", false), ("map(with self)", true)].map { name, withSelf in
            metric(name) {
                let retrieval = try Retrieval(selection.embeddings, people: selection.identities, withSelf: withSelf)
                return try settings.bootstrap.mean(retrieval.averagePrecisions, people: retrieval.people)
            }
        }
    }

    private func fewShot(_ shots: Int) -> EvaluationReport.Metric {
        metric("\(shots)-shot accuracy") {
            let outcome = try FewShot(shots: shots, episodes: settings.episodes, seed: settings.seed).measure(selection.embeddings, people: selection.identities)
            return try settings.bootstrap.mean(outcome.byPerson.map(\.accuracy), people: outcome.byPerson.map(\.person))
        }
    }

    /// One sample of each person is enrolled. Closed set: of everybody with another one; open set: without the strangers' share of people.
    private func identification() -> ([EvaluationReport.Metric], [EvaluationReport.Confusion]) {
        var generator = SeededGenerator(seed: settings.seed)
        let members = people.members
        let enrolled = members.map { $0[generator.below($0.count)] }
        func measure(_ isEnrolled: (Int) -> Bool, strangers: Bool) throws -> Identification {
            let gallery = members.indices.filter(isEnrolled).map { enrolled[$0] }
            let probes = selection.items.indices.filter { row in
                let person = Int(people.numbers[row])
                return isEnrolled(person) ? row != enrolled[person] : strangers
            }
            return try Identification(
                gallery: selection.embeddings.selecting(gallery), people: gallery.map { selection.identities[$0] },
                probes: selection.embeddings.selecting(probes), probePeople: probes.map { selection.identities[$0] })
        }
        var confusions: [EvaluationReport.Confusion] = []
        var metrics: [EvaluationReport.Metric] = []
        let closed = Result { try measure({ members[$0].count >= 2 }, strangers: false) }
        for rank in [1, 5] {
            metrics.append(metric("rank-\(rank)") {
                let identification = try closed.get()
                return try settings.bootstrap.mean(identification.peopleAbove.map { $0 < rank ? 1 : 0 }, people: identification.probePeople)
            })
        }
        if let closed = try? closed.get() {
            var counts: [SIMD2<Int32>: Int] = [:]
            let numbers = Dictionary(uniqueKeysWithValues: people.names.enumerated().map { ($1, Int32($0)) })
            for confusion in closed.confusions { counts[SIMD2(numbers[confusion.actual] ?? 0, numbers[confusion.answered] ?? 0), default: 0] += 1 }
            confusions = counts.sorted { ($1.value, $0.key.x, $0.key.y) < ($0.value, $1.key.x, $1.key.y) }.prefix(Self.mostConfusions).map {
                EvaluationReport.Confusion(actual: people.names[Int($0.key.x)], answered: people.names[Int($0.key.y)], count: $0.value)
            }
        }
        let strangerCount = Int((Double(people.count) * settings.strangerShare).rounded())
        let strangers = Set(generator.sample(min(strangerCount, people.count), of: Array(0..<people.count)))
        let open = Result { try measure({ !strangers.contains($0) }, strangers: true) }
        for limit in settings.falsePositiveRates {
            var note: String?
            var result = metric("tpir@fpir=\(limit)") {
                let identification = try open.get()
                guard let set = identification.openSet(falsePositive: limit) else { return nil }
                if !set.isResolved { note = "too few strangers for this rate: measured without a false positive" }
                return try settings.bootstrap.mean(identification.hits(above: set.threshold), people: identification.probePeople)
            }
            if let note { result.note = note }
            metrics.append(result)
        }
        return (metrics, confusions)
    }
}
