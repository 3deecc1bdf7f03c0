// AP(q) = Σ_{relevant r} P(rank of r) / |relevant|,  P(k) = share of relevant among the first k;   mAP = mean over queries.
//
// Edge rules: items with one score have one rank, the last of them (as scikit-learn's average_precision_score does): a tie earns
// nothing by luck. A query for which nothing relevant can be found is left out and counted. `withSelf` ranks the query's own item
// too, as the fusion study did; it is always found first and raises the figure, most for people with few samples.
// Reference: Manning, Raghavan and Schütze, "Introduction to information retrieval", 2008, 8.4.

/// How well a query's own person comes first when everything is ranked by similarity to it.
public struct Retrieval: Sendable {
    /// Of each query that has something to find, in order.
    public let averagePrecisions: [Double]
    /// The person of each of these queries.
    public let people: [String]
    /// Queries with nothing to find.
    public let leftOut: Int

    /// mAP, 0…1.
    public var meanAveragePrecision: Double { averagePrecisions.reduce(0, +) / Double(averagePrecisions.count) }

    /// Every embedding asks for the others of its person.
    public init(_ embeddings: EmbeddingMatrix, people: [String], withSelf: Bool = false) throws(MetricError) {
        try self.init(queries: embeddings, people: people, items: embeddings, itemPeople: people, skipsDiagonal: !withSelf)
    }

    /// Embeddings of one kind ask for those of another: a face for the voices of its person.
    public init(queries: EmbeddingMatrix, people: [String], items: EmbeddingMatrix, itemPeople: [String]) throws(MetricError) {
        try self.init(queries: queries, people: people, items: items, itemPeople: itemPeople, skipsDiagonal: false)
    }

    private init(queries: EmbeddingMatrix, people: [String], items: EmbeddingMatrix, itemPeople: [String], skipsDiagonal: Bool) throws(MetricError) {
        guard people.count == queries.count else { throw .countMismatch(what: "people of \(queries.count) queries", got: people.count, expected: queries.count) }
        guard itemPeople.count == items.count else { throw .countMismatch(what: "people of \(items.count) items", got: itemPeople.count, expected: items.count) }
        guard queries.dimension == items.dimension else {
            throw .shape(what: "queries", got: [queries.count, queries.dimension], expected: "[count, \(items.dimension)], as the items")
        }
        let labelling = Labelling(itemPeople + people)
        let itemNumbers = labelling.numbers.prefix(items.count), queryNumbers = Array(labelling.numbers.suffix(queries.count))
        var members = [[Int]](repeating: [], count: labelling.count)
        for (index, number) in itemNumbers.enumerated() { members[Int(number)].append(index) }
        let relevantItems = members
        let unitItems = try items.normalized()
        let precisions = try queries.normalized().mapProducts(with: unitItems) { row, scores -> Double? in
            let relevant = relevantItems[Int(queryNumbers[row])].filter { !(skipsDiagonal && $0 == row) }.map { scores[$0] }.sorted(by: >)
            guard !relevant.isEmpty else { return nil }
            return Self.averagePrecision(relevant: relevant, scores: scores, skipping: skipsDiagonal ? row : nil)
        }
        averagePrecisions = precisions.compactMap { $0 }
        self.people = zip(people, precisions).filter { $0.1 != nil }.map(\.0)
        leftOut = people.count - averagePrecisions.count
        guard !averagePrecisions.isEmpty else { throw .empty(metric: "mAP", needs: "a person with something to be found") }
    }

    /// Counts for every item how many relevant ones it precedes: O(items · log relevant), without sorting all items.
    private static func averagePrecision(relevant: [Float], scores: Span<Float>, skipping skipped: Int?) -> Double {
        // entering[k]: items that score at least relevant[k] and less than relevant[k - 1].
        var entering = [Int](repeating: 0, count: relevant.count + 1)
        for index in 0..<scores.count where index != skipped {
            let score = scores[index]
            var low = 0, high = relevant.count
            while low < high {
                let middle = (low + high) / 2
                if relevant[middle] <= score { high = middle } else { low = middle + 1 }
            }
            entering[low] += 1
        }
        var seen = 0, sum = 0.0, index = 0
        while index < relevant.count {
            var end = index
            while end < relevant.count, relevant[end] == relevant[index] { end += 1 }
            seen += entering[index]
            sum += Double(end) / Double(seen) * Double(end - index)
            index = end
        }
        return sum / Double(relevant.count)
    }
}
