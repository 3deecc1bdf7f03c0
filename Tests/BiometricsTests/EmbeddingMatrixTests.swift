import Biometrics
import Tensors
import Testing

@Suite struct EmbeddingMatrixTests {
    private func random(_ count: Int, _ dimension: Int, seed: UInt64) throws -> EmbeddingMatrix {
        var generator = SeededGenerator(seed: seed)
        return try EmbeddingMatrix(values: (0..<count * dimension).map { _ in Float(generator.below(2001) - 1000) / 1000 }, dimension: dimension)
    }

    @Test(arguments: [(1, 1, 1), (2, 3, 7), (33, 65, 8), (67, 31, 19), (5, 130, 256), (32, 32, 9)])
    func productsAreThoseOfTheDefinition(rows: Int, columns: Int, dimension: Int) throws {
        let a = try random(rows, dimension, seed: 1), b = try random(columns, dimension, seed: 2)
        let blocked = a.mapProducts(with: b) { row, products in (row, (0..<products.count).map { products[$0] }) }
        #expect(blocked.map(\.0) == Array(0..<rows))
        var checked = 0
        for (row, products) in blocked {
            #expect(products.count == columns)
            #expect(products == a.products(with: b, pairs: (0..<columns).map { (row, $0) }), "blocks and pairs agree to the last bit")
            for column in 0..<columns {
                let x = a[row], y = b[column]
                let expected = zip(x, y).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                // Each of the additions rounds to 2^-24 of sums that stay below the dimension.
                #expect(abs(Double(products[column]) - expected) <= Double(dimension * dimension) * 6e-8)
                checked += 1
            }
        }
        #expect(checked == rows * columns)
    }

    @Test func productsAreSymmetric() throws {
        let a = try random(41, 37, seed: 3)
        let all = a.mapProducts(with: a) { _, products in (0..<products.count).map { products[$0] } }
        for i in 0..<41 { for j in 0..<i { #expect(all[i][j] == all[j][i]) } }
    }

    @Test func allPairsAgreeWithScikitLearn() throws {
        let trials = try ScoredTrials.allPairs(try MetricFixture.embeddings, identities: MetricFixture.shared.people)
        let expected = MetricFixture.shared.pairs
        #expect(trials.count == expected.count && trials.sameCount == expected.same)
        let curve = OperatingCurve(trials)
        // One swap of neighbours at float32's precision moves the area by 2e-8 and the rate by one of 34569 comparisons.
        #expect(abs(curve.areaUnderCurve - expected.auc) < 1e-6)
        #expect(abs(curve.equalErrorRate.rate - expected.eer) < 1e-4)
        #expect(trials.scores(same: true).count == expected.same)
    }

    @Test func formsAndRefusals() throws {
        let matrix = try EmbeddingMatrix(Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6] as [Float]))
        #expect(matrix[1] == [4, 5, 6] && matrix.tensor == Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6] as [Float]))
        #expect(matrix.selecting([1, 0, 1])[2] == [4, 5, 6])
        let unit = try matrix.normalized()[0]
        #expect(abs(unit.reduce(0) { $0 + $1 * $1 } - 1) < 1e-6)
        #expect(throws: MetricError.zeroVector(row: 1)) { try EmbeddingMatrix(rows: [[1, 0], [0, 0]]).normalized() }
        #expect(throws: MetricError.notFinite(what: "element of embedding", index: 1)) { try EmbeddingMatrix(rows: [[1, 0], [0, .infinity]]) }
        #expect(throws: MetricError.shape(what: "embedding", got: [1], expected: "[2], as the first one")) { try EmbeddingMatrix(rows: [[1, 0], [0]]) }
        #expect(throws: MetricError.self) { try EmbeddingMatrix(Tensor(shape: [2], values: [1, 2] as [Float])) }
        #expect(throws: MetricError.self) { try EmbeddingMatrix(values: [1, 2, 3], dimension: 2) }
        #expect(throws: MetricError.self) { try EmbeddingMatrix(values: [], dimension: 0) }
    }
}
