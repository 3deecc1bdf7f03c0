import Biometrics
import Testing

@Suite struct WithinClassCovarianceTests {
    /// Groups of unit vectors about a mean of their own, wider in some directions than in others.
    private static func groups(_ count: Int, size: Int, seed: UInt64) -> [[[Float]]] {
        var generator = SeededGenerator(seed: seed)
        func number() -> Float { Float(generator.next() >> 40) * 0x1p-23 - 1 }
        return (0..<count).map { group in
            let centre = (0..<size).map { _ in number() }
            return (0..<1 + group % 5).map { _ in
                let values = centre.enumerated().map { $1 + Float($0 + 1) / Float(size) * 0.3 * number() }
                let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return values.map { $0 / length }
            }
        }
    }

    private static func product(_ a: [Double], _ b: [Double], _ n: Int) -> [Double] {
        (0..<n * n).map { place in (0..<n).reduce(0) { $0 + a[place / n * n + $1] * b[$1 * n + place % n] } }
    }

    @Test(arguments: [3, 8, 17]) func `It is what its definition says, and the normalization makes it even`(_ n: Int) throws {
        let groups = Self.groups(60, size: n, seed: UInt64(n))
        let covariance = try WithinClassCovariance(groups, size: n)
        // By the definition: of all pairs of one person's embeddings, half the mean product of their differences.
        var expected = [Double](repeating: 0, count: n * n), free = 0.0
        for group in groups where group.count > 1 {
            free += Double(group.count - 1)
            for (i, a) in group.enumerated() {
                for b in group[..<i] {
                    let off = zip(a, b).map { Double($0) - Double($1) }
                    for row in 0..<n { for column in 0..<n { expected[row * n + column] += off[row] * off[column] / Double(group.count) } }
                }
            }
        }
        for (a, b) in zip(covariance.values, expected) { #expect(abs(a - b / free) < 1e-6) }
        #expect(covariance.people == 48 && covariance.samples == 48 / 4 * 14)
        // M W M = mean · I, and M is symmetric.
        let (matrix, spread) = covariance.normalization(shrinkage: 0)
        let even = Self.product(Self.product(matrix, covariance.values, n), matrix, n), mean = (0..<n).reduce(0) { $0 + covariance.values[$1 * n + $1] } / Double(n)
        for row in 0..<n {
            for column in 0..<n {
                #expect(abs(even[row * n + column] - (row == column ? mean : 0)) < 1e-6 * mean)
                #expect(abs(matrix[row * n + column] - matrix[column * n + row]) < 1e-9)
            }
        }
        #expect(spread > 1.2)
        // All shrinkage is no change.
        for (place, value) in covariance.normalization(shrinkage: 1).matrix.enumerated() { #expect(abs(value - (place / n == place % n ? 1 : 0)) < 1e-9) }
    }

    @Test func `Too few, none with several, and embeddings that point nowhere are refused`() {
        let groups = Self.groups(4, size: 17, seed: 2)
        #expect(throws: MetricError.empty(metric: "within-class covariance", needs: "17 more embeddings than people who have several, got 9 of 3")) { try WithinClassCovariance(groups, size: 17) }
        #expect(throws: MetricError.empty(metric: "within-class covariance", needs: "2 more embeddings than people who have several, got 0 of 0")) { try WithinClassCovariance([[[1, 0]], [[0, 1]]], size: 2) }
        #expect(throws: MetricError.zeroVector(row: 1)) { try WithinClassCovariance([[[1, 0], [0, 0], [0, 1]]], size: 2) }
        #expect(throws: MetricError.notFinite(what: "embedding", index: 0)) { try WithinClassCovariance([[[.nan, 0], [1, 0], [0, 1]]], size: 2) }
        #expect(throws: MetricError.shape(what: "embedding 1", got: [3], expected: "2")) { try WithinClassCovariance([[[1, 0], [1, 0, 0]]], size: 2) }
    }
}
