// c_p = Σ_{k shots of p} x / ‖x‖, normalised;   answer(x) = argmax_p cos(x, c_p);   accuracy = mean over people of the share of right answers.
//
// Each episode draws k samples of every person as shots; the others are queries. People with no more than k samples have no
// query and are left out (and counted). A person counts as much as any other, however many samples they have.
// Edge rules: a tie is lost, never won. Shots that cancel each other out (centroid zero) make the episode an error.
// Reference: Snell, Swersky and Zemel, "Prototypical networks for few-shot learning", 2017. Tested against scikit-learn's NearestCentroid.

/// Accuracy of knowing people from few samples each.
public struct FewShot: Sendable {
    /// Samples of each person to learn from, at least 1.
    public var shots: Int
    public var episodes: Int
    public var seed: UInt64

    public init(shots: Int, episodes: Int = 10, seed: UInt64) {
        self.shots = shots
        self.episodes = episodes
        self.seed = seed
    }

    public struct Outcome: Sendable {
        /// Mean over people of their mean over episodes, 0…1.
        public var accuracy: Double { byPerson.reduce(0) { $0 + $1.accuracy } / Double(byPerson.count) }
        /// Each person's share of right answers over all episodes.
        public var byPerson: [(person: String, accuracy: Double)]
        /// People with too few samples.
        public var leftOut: Int
    }

    public func measure(_ embeddings: EmbeddingMatrix, people: [String]) throws(MetricError) -> Outcome {
        guard people.count == embeddings.count else { throw .countMismatch(what: "people of \(embeddings.count) embeddings", got: people.count, expected: embeddings.count) }
        guard shots >= 1, episodes >= 1 else { throw .parameter(name: "shots and episodes", got: "\(shots) and \(episodes)", expected: "at least 1 each") }
        let labelling = Labelling(people)
        let usable = zip(labelling.names, labelling.members).filter { $0.1.count > shots }
        guard usable.count >= 2 else { throw .empty(metric: "\(shots)-shot accuracy", needs: "at least two people with more than \(shots) samples") }
        let unit = try embeddings.normalized()
        var right = [Double](repeating: 0, count: usable.count), asked = [Double](repeating: 0, count: usable.count)
        for episode in 0..<episodes {
            var generator = SeededGenerator(seed: seed, stream: episode)
            let support = usable.map { generator.sample(shots, of: $0.1) }
            let queries = zip(usable, support).map { person, shots in person.1.filter { !shots.contains($0) } }
            for (person, answers) in try Self.answers(unit, support: support, queries: queries).enumerated() {
                right[person] += Double(answers.count { $0 })
                asked[person] += Double(answers.count)
            }
        }
        return Outcome(byPerson: usable.indices.map { (usable[$0].0, right[$0] / asked[$0]) }, leftOut: labelling.count - usable.count)
    }

    /// Of each person's queries, whether the nearest centroid is theirs.
    /// - Parameters:
    ///   - unit: rows of unit length.
    ///   - support, queries: rows of each person; every person has shots.
    public static func answers(_ unit: EmbeddingMatrix, support: [[Int]], queries: [[Int]]) throws(MetricError) -> [[Bool]] {
        let centroids = try EmbeddingMatrix(rows: support.map { rows in
            rows.reduce(into: [Float](repeating: 0, count: unit.dimension)) { sum, row in
                let values = unit[row]
                for index in values.indices { sum[index] += values[index] }
            }
        }).normalized()
        let owners = queries.enumerated().flatMap { person, rows in rows.map { _ in person } }
        let answers = unit.selecting(queries.flatMap { $0 }).mapProducts(with: centroids) { row, scores in
            let own = owners[row]
            for other in 0..<scores.count where other != own && scores[other] >= scores[own] { return false }
            return true
        }
        var start = 0
        return queries.map { rows in
            defer { start += rows.count }
            return Array(answers[start..<start + rows.count])
        }
    }
}
