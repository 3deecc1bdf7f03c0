// Closed set: rank-k = share of probes with fewer than k people above the right one; everybody asked for is enrolled.
// Open set:   TPIR(t) = share of probes of enrolled people whose right person is first and scores ≥ t,
//             FPIR(t) = share of probes of people who are not enrolled whose first person scores ≥ t;
//             reported is TPIR at the lowest threshold with FPIR ≤ limit.
//
// A person's score is the highest of their templates' cosines. Edge rules: a tie is lost, never won (the other person counts as above); a
// limit below 1 / strangers gives the threshold just above every stranger and `isResolved` false.
// Reference: Grother, Ngan and Hanaoka, NIST IR 8271 (FRVT part 2: identification); ISO/IEC 19795-1.

/// Who of the enrolled a probe is, measured over probes of known truth.
public struct Identification: Sendable {
    /// For each probe of an enrolled person: how many people scored at least as high as the right one (0: recognised).
    public let peopleAbove: [Int]
    /// For each probe of an enrolled person: the right person's score.
    let rightScores: [Float]
    /// The person of each of these probes.
    public let probePeople: [String]
    /// For each probe of a stranger: the highest score of anybody.
    let strangerScores: [Float]
    let strangerPeople: [String]
    /// For each probe of an enrolled person that was taken for another: (who it was, who it was taken for).
    public let confusions: [(actual: String, answered: String)]

    /// - Parameters:
    ///   - gallery: templates; need not be normalised. - people: of each template.
    ///   - probes: of each embedding the person; those without a template in the gallery are strangers.
    public init(gallery: EmbeddingMatrix, people: [String], probes: EmbeddingMatrix, probePeople: [String]) throws(MetricError) {
        guard people.count == gallery.count else { throw .countMismatch(what: "people of \(gallery.count) templates", got: people.count, expected: gallery.count) }
        guard probePeople.count == probes.count else { throw .countMismatch(what: "people of \(probes.count) probes", got: probePeople.count, expected: probes.count) }
        guard gallery.count > 0, probes.count > 0 else { throw .empty(metric: "identification", needs: "a gallery and probes") }
        guard gallery.dimension == probes.dimension else {
            throw .shape(what: "probes", got: [probes.count, probes.dimension], expected: "[count, \(gallery.dimension)], as the gallery")
        }
        let enrolled = Labelling(people)
        let numbers = Dictionary(uniqueKeysWithValues: enrolled.names.enumerated().map { ($1, $0) })
        let templates = try gallery.normalized(), queries = try probes.normalized()
        struct Answer: Sendable {
            var above = 0
            var right: Float = -.infinity
            var best = -1
            var bestScore: Float = -.infinity
        }
        let answers = queries.mapProducts(with: templates) { row, products in
            var scores = [Float](repeating: -.infinity, count: enrolled.count)
            for index in 0..<products.count { scores[Int(enrolled.numbers[index])] = max(scores[Int(enrolled.numbers[index])], products[index]) }
            var answer = Answer()
            let right = numbers[probePeople[row]]
            if let right { answer.right = scores[right] }
            for (person, score) in scores.enumerated() where person != right {
                if right != nil, score >= answer.right { answer.above += 1 }
                if score > answer.bestScore { (answer.best, answer.bestScore) = (person, score) }
            }
            return answer
        }
        var peopleAbove: [Int] = [], rightScores: [Float] = [], known: [String] = [], strangers: [Float] = [], strangerPeople: [String] = []
        var confusions: [(actual: String, answered: String)] = []
        for (answer, person) in zip(answers, probePeople) {
            if numbers[person] != nil {
                peopleAbove.append(answer.above)
                rightScores.append(answer.right)
                known.append(person)
                if answer.above > 0 { confusions.append((person, enrolled.names[answer.best])) }
            } else {
                strangers.append(answer.bestScore)
                strangerPeople.append(person)
            }
        }
        self.peopleAbove = peopleAbove
        self.rightScores = rightScores
        self.probePeople = known
        strangerScores = strangers
        self.strangerPeople = strangerPeople
        self.confusions = confusions
    }

    public var strangerCount: Int { strangerScores.count }

    /// Share of probes of enrolled people whose right person is among the first `rank`; `nil` without such probes.
    public func accuracy(rank: Int = 1) -> Double? {
        peopleAbove.isEmpty ? nil : Double(peopleAbove.count { $0 < rank }) / Double(peopleAbove.count)
    }

    /// Rank-1, rank-2, …: the cumulative match characteristic.
    public func cumulativeMatch(ranks: Int) -> [Double] { (1...max(1, ranks)).compactMap { accuracy(rank: $0) } }

    /// Rank-1 accuracy of weighted probes, for ``Bootstrap``.
    public var hits: [Double] { peopleAbove.map { $0 == 0 ? 1 : 0 } }

    /// What is answered while strangers are taken for somebody no more often than a limit.
    public struct OpenSet: Sendable, Hashable {
        /// True positive identification rate, 0…1.
        public var truePositive: Double
        /// False positive identification rate at the threshold, at most the limit.
        public var falsePositive: Double
        /// Somebody is named where the score exceeds this.
        public var threshold: Float
        public var isResolved: Bool
    }

    /// - Parameter limit: false positive identification rate, 0…1.
    /// - Returns: `nil` where there are no strangers, or nobody is enrolled.
    public func openSet(falsePositive limit: Double) -> OpenSet? {
        guard !strangerScores.isEmpty, !peopleAbove.isEmpty else { return nil }
        let sorted = strangerScores.sorted(by: >)
        // The highest score that may not be exceeded: as many strangers above it as the limit allows.
        let allowed = min(Int((limit * Double(sorted.count) * (1 + 1e-12)).rounded(.down)), sorted.count)
        let threshold = allowed < sorted.count ? sorted[allowed] : -Float.infinity
        let accepted = zip(peopleAbove, rightScores).count { $0.0 == 0 && $0.1 > threshold }
        return OpenSet(
            truePositive: Double(accepted) / Double(peopleAbove.count),
            falsePositive: Double(sorted.count { $0 > threshold }) / Double(sorted.count), threshold: threshold, isResolved: allowed >= 1)
    }

    /// One for each probe of an enrolled person: 1 where it is named rightly at a threshold.
    public func hits(above threshold: Float) -> [Double] { zip(peopleAbove, rightScores).map { $0.0 == 0 && $0.1 > threshold ? 1 : 0 } }
}
