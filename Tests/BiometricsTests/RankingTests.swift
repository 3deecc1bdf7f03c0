import Biometrics
import Testing

/// Retrieval, few shots and identification against scikit-learn.
@Suite struct RankingTests {
    let fixture = MetricFixture.shared

    private func check(_ retrieval: Retrieval, _ name: String) throws {
        let expected = try #require(fixture.retrieval[name])
        // Cosines in float32 here, float64 there: neighbours in rank may swap at 1e-7.
        #expect(abs(retrieval.meanAveragePrecision - expected[0]) < 1e-5, "\(name): \(retrieval.meanAveragePrecision) against \(expected[0])")
        #expect(retrieval.averagePrecisions.count == Int(expected[1]) && retrieval.people.count == Int(expected[1]))
    }

    @Test func retrievalAgreesWithScikitLearn() throws {
        let embeddings = try MetricFixture.embeddings, people = fixture.people
        let without = try Retrieval(embeddings, people: people)
        try check(without, "withoutSelf")
        #expect(without.leftOut == 15)
        try check(try Retrieval(embeddings, people: people, withSelf: true), "withSelf")
        let half = people.count / 2, first = Array(0..<half), second = Array(half..<people.count)
        try check(
            try Retrieval(
                queries: embeddings.selecting(first), people: Array(people[..<half]), items: embeddings.selecting(second),
                itemPeople: Array(people[half...])), "halves")
        let signs = try EmbeddingMatrix(rows: (0..<embeddings.count).map { row in embeddings[row][..<16].map { $0 > 0 ? 1 : -1 } })
        try check(try Retrieval(signs, people: people), "signs")
    }

    @Test func retrievalByHand() throws {
        // Ranks of the relevant items for "a": 1 and 3.
        let items = try EmbeddingMatrix(rows: [[1, 0.1], [1, 0.5], [1, 1], [0, 1]])
        let query = try EmbeddingMatrix(rows: [[1, 0]])
        let retrieval = try Retrieval(queries: query, people: ["a"], items: items, itemPeople: ["a", "b", "a", "b"])
        #expect(abs(retrieval.meanAveragePrecision - (1 + 2.0 / 3) / 2) < 1e-12)
        // Everything tied: two of four are relevant, wherever they stand.
        let tied = try Retrieval(queries: query, people: ["a"], items: try EmbeddingMatrix(rows: [[1, 0], [1, 0], [1, 0], [1, 0]]), itemPeople: ["a", "b", "a", "b"])
        #expect(tied.meanAveragePrecision == 0.5)
        #expect(throws: MetricError.empty(metric: "mAP", needs: "a person with something to be found")) {
            try Retrieval(queries: query, people: ["c"], items: items, itemPeople: ["a", "b", "a", "b"])
        }
        #expect(throws: MetricError.self) { try Retrieval(queries: query, people: ["a", "b"], items: items, itemPeople: ["a", "b", "a", "b"]) }
        #expect(throws: MetricError.self) { try Retrieval(try EmbeddingMatrix(rows: [[1], [2]]), people: ["a", "b"]) }
    }

    @Test func fewShotAgreesWithNearestCentroid() throws {
        let unit = try MetricFixture.embeddings.normalized()
        #expect(try FewShot.answers(unit, support: fixture.fewShot.support, queries: fixture.fewShot.queries) == fixture.fewShot.right)
        #expect(fixture.fewShot.right.joined().contains(false))
    }

    @Test func fewShotOutcomes() throws {
        let embeddings = try MetricFixture.embeddings
        let one = try FewShot(shots: 1, episodes: 8, seed: 4).measure(embeddings, people: fixture.people)
        let five = try FewShot(shots: 5, episodes: 8, seed: 4).measure(embeddings, people: fixture.people)
        #expect(one.leftOut == 15)
        #expect(five.accuracy > one.accuracy && one.accuracy > 0.5, "\(one.accuracy), \(five.accuracy)")
        #expect(try FewShot(shots: 1, episodes: 8, seed: 4).measure(embeddings, people: fixture.people).accuracy == one.accuracy)
        #expect(try FewShot(shots: 1, episodes: 8, seed: 5).measure(embeddings, people: fixture.people).accuracy != one.accuracy)
        #expect(throws: MetricError.empty(metric: "30-shot accuracy", needs: "at least two people with more than 30 samples")) {
            try FewShot(shots: 30, seed: 1).measure(embeddings, people: fixture.people)
        }
        // Nothing tells these apart: a tie is lost.
        let equal = try EmbeddingMatrix(rows: [[1, 0], [1, 0], [1, 0], [1, 0]])
        #expect(try FewShot(shots: 1, seed: 1).measure(equal, people: ["a", "a", "b", "b"]).accuracy == 0)
    }

    @Test func identificationAgreesWithNumPy() throws {
        let embeddings = try MetricFixture.embeddings, known = fixture.identification
        let identification = try Identification(
            gallery: embeddings.selecting(known.gallery), people: known.gallery.map { fixture.people[$0] },
            probes: embeddings.selecting(known.probes), probePeople: known.probes.map { fixture.people[$0] })
        #expect(identification.peopleAbove == known.ranks)
        #expect(identification.accuracy() == Double(known.ranks.count { $0 == 0 }) / Double(known.ranks.count))
        #expect(identification.cumulativeMatch(ranks: known.gallery.count).last == 1)
        #expect(identification.confusions.count == known.ranks.count { $0 > 0 })
        for (limit, expected) in known.openSet {
            let rate = try #require(Double(limit))
            let open = try #require(identification.openSet(falsePositive: rate))
            #expect(abs(open.truePositive - expected) < 1e-12, "\(limit)")
            #expect(open.falsePositive <= rate + 1e-12)
            #expect(open.isResolved == (rate * Double(identification.strangerCount) >= 1))
        }
    }

    @Test func identificationEdges() throws {
        let gallery = try EmbeddingMatrix(rows: [[1, 0], [1, 0], [0, 1]])
        // The probe is as near to "a" as to "b": lost.
        let tied = try Identification(gallery: gallery, people: ["a", "b", "c"], probes: try EmbeddingMatrix(rows: [[1, 0]]), probePeople: ["a"])
        #expect(tied.accuracy() == 0 && tied.accuracy(rank: 2) == 1 && tied.openSet(falsePositive: 0.1) == nil)
        #expect(tied.confusions.map(\.answered) == ["b"])
        // Two templates of one person count as one person.
        let twice = try Identification(gallery: gallery, people: ["b", "b", "a"], probes: try EmbeddingMatrix(rows: [[1, 0.5]]), probePeople: ["a"])
        #expect(twice.peopleAbove == [1])
        #expect(throws: MetricError.shape(what: "probes", got: [1, 3], expected: "[count, 2], as the gallery")) {
            try Identification(gallery: gallery, people: ["a", "b", "c"], probes: try EmbeddingMatrix(rows: [[1, 0, 0]]), probePeople: ["a"])
        }
    }
}
