/// Comparisons of two samples with the score of each and the truth: what verification is measured on.
///
/// Sorted by score once, descending, so that a curve is one pass over them, and so is one more resample of them.
public struct ScoredTrials: Sendable {
    /// Descending.
    public let scores: [Float]
    /// Whether the comparison at this position was of one person with themself.
    public let isSame: [Bool]
    /// The people of each comparison as small numbers, where they are known.
    let people: [SIMD2<Int32>]?
    let personCount: Int

    public var count: Int { scores.count }
    public var sameCount: Int { isSame.count { $0 } }

    /// - Parameters:
    ///   - scores: the higher, the more alike. Finite.
    ///   - people: who the two samples of each comparison are of. Given, intervals are computed by resampling people
    ///     (``Bootstrap``), because comparisons that share a person are not independent.
    /// - Throws: where there is no comparison of one kind, as no verification metric is defined then.
    public init(scores: [Float], isSame: [Bool], people: [(String, String)]? = nil) throws(MetricError) {
        guard isSame.count == scores.count else { throw .countMismatch(what: "labels of \(scores.count) scores", got: isSame.count, expected: scores.count) }
        if let people, people.count != scores.count {
            throw .countMismatch(what: "pairs of people of \(scores.count) scores", got: people.count, expected: scores.count)
        }
        var numbers: [String: Int32] = [:]
        func number(_ person: String) -> Int32 {
            if let known = numbers[person] { return known }
            numbers[person] = Int32(numbers.count)
            return Int32(numbers.count - 1)
        }
        let numbered = people?.map { SIMD2(number($0.0), number($0.1)) }
        try self.init(scores: scores, isSame: isSame, numbered: numbered, personCount: numbers.count)
    }

    /// As above, with people as numbers from zero: as many comparisons as a large gallery has would be slow with names.
    public init(scores: [Float], isSame: [Bool], people: [SIMD2<Int32>]) throws(MetricError) {
        guard isSame.count == scores.count else { throw .countMismatch(what: "labels of \(scores.count) scores", got: isSame.count, expected: scores.count) }
        guard people.count == scores.count else { throw .countMismatch(what: "pairs of people of \(scores.count) scores", got: people.count, expected: scores.count) }
        let most = people.reduce(Int32(-1)) { max($0, max($1.x, $1.y)) }
        try self.init(scores: scores, isSame: isSame, numbered: people, personCount: Int(most) + 1)
    }

    /// - Parameter people: numbers from zero, where they are known.
    init(scores: [Float], isSame: [Bool], numbered people: [SIMD2<Int32>]?, personCount: Int) throws(MetricError) {
        if let index = scores.firstIndex(where: { !$0.isFinite }) { throw .notFinite(what: "score", index: index) }
        guard isSame.contains(true) else { throw .empty(metric: "verification", needs: "at least one comparison of a person with themself") }
        guard isSame.contains(false) else { throw .empty(metric: "verification", needs: "at least one comparison of two people") }
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        self.scores = order.map { scores[$0] }
        self.isSame = order.map { isSame[$0] }
        self.people = people.map { people in order.map { people[$0] } }
        self.personCount = personCount
    }

    /// Scores of the comparisons of one kind, descending: what a histogram shows.
    public func scores(same: Bool) -> [Float] { zip(scores, isSame).filter { $0.1 == same }.map(\.0) }

    /// Every pair of rows with the cosine of the two as its score.
    ///
    /// For n embeddings there are n(n−1)/2 pairs, 50 million for 10 000, which take 1.7 GB while they are sorted: sample pairs where that is too much.
    /// - Parameters:
    ///   - embeddings: need not be normalised.
    ///   - identities: who each row is of.
    public static func allPairs(_ embeddings: EmbeddingMatrix, identities: [String]) throws(MetricError) -> ScoredTrials {
        guard identities.count == embeddings.count else {
            throw .countMismatch(what: "identities of \(embeddings.count) embeddings", got: identities.count, expected: embeddings.count)
        }
        let unit = try embeddings.normalized()
        let people = Labelling(identities)
        let rows = unit.mapProducts(with: unit) { row, products in (row + 1 < products.count) ? (row + 1..<products.count).map { products[$0] } : [] }
        var isSame: [Bool] = [], pairs: [SIMD2<Int32>] = []
        isSame.reserveCapacity(unit.count * (unit.count - 1) / 2)
        pairs.reserveCapacity(unit.count * (unit.count - 1) / 2)
        for row in 0..<unit.count {
            for other in row + 1..<max(unit.count, row + 1) {
                let pair = SIMD2(people.numbers[row], people.numbers[other])
                isSame.append(pair.x == pair.y)
                pairs.append(pair)
            }
        }
        return try ScoredTrials(scores: rows.flatMap { $0 }, isSame: isSame, numbered: pairs, personCount: people.count)
    }
}
