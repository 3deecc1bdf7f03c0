import Biometrics
import Testing

@Suite struct LinearAlgebraTests {
    static func random(_ rows: Int, _ columns: Int, _ generator: inout SeededGenerator) -> Matrix {
        Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 })
    }

    @Test(arguments: [(1, 1, 1), (3, 17, 5), (20, 1, 7), (9, 1030, 4)]) func productsAgreeWithTheirDefinition(_ size: (Int, Int, Int)) {
        var generator = SeededGenerator(seed: UInt64(size.1))
        let a = Self.random(size.0, size.1, &generator), b = Self.random(size.2, size.1, &generator)
        let product = a.times(transposeOf: b)
        #expect(product.rows == size.0 && product.columns == size.2)
        var worst = 0.0
        for i in 0..<size.0 { for j in 0..<size.2 { worst = max(worst, abs(zip(a.row(i), b.row(j)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } - Double(product.values[i * size.2 + j]))) } }
        #expect(worst < 1e-3)
        let weights = Self.random(size.2, size.0, &generator)
        let combined = a.combined(by: weights)
        worst = 0
        for j in 0..<size.2 {
            for k in 0..<size.1 {
                let expected = (0..<size.0).reduce(0.0) { $0 + Double(weights.values[j * size.0 + $1]) * Double(a.values[$1 * size.1 + k]) }
                worst = max(worst, abs(expected - Double(combined.values[j * size.1 + k])))
            }
        }
        #expect(worst < 1e-3)
    }

    @Test func linearEquationsAreSolved() {
        // A = BᵀB + I.
        let n = 7
        var generator = SeededGenerator(seed: 3)
        let b = (0..<n * n).map { _ in Double(generator.next() >> 11) * 0x1p-52 - 1 }
        var a = [Double](repeating: 0, count: n * n)
        for i in 0..<n { for j in 0..<n { a[i * n + j] = (0..<n).reduce(i == j ? 1.0 : 0.0) { $0 + b[$1 * n + i] * b[$1 * n + j] } } }
        let sides = (0..<3).map { k in (0..<n).map { Double($0 * k) - 2 } }
        for (x, side) in zip(solve(a, sides), sides) {
            for i in 0..<n { #expect(abs((0..<n).reduce(0.0) { $0 + a[i * n + $1] * x[$1] } - side[i]) < 1e-9) }
        }
    }

    /// Points on a known ellipsoid: its axes and spreads come out, the largest first.
    @Test(arguments: [5, 40]) func theDirectionsOfLargestSpreadAreFound(_ columns: Int) {
        var generator = SeededGenerator(seed: 9)
        var axes = Self.random(3, columns, &generator)
        for i in 0..<3 {
            for j in 0..<i {
                let dot = zip(axes.row(i), axes.row(j)).reduce(0) { $0 + $1.0 * $1.1 }
                for k in 0..<columns { axes.values[i * columns + k] -= dot * axes.values[j * columns + k] }
            }
            let norm = axes.row(i).reduce(0) { $0 + $1 * $1 }.squareRoot()
            for k in 0..<columns { axes.values[i * columns + k] /= norm }
        }
        let spreads: [Float] = [5, 2, 0.7]
        var rows = Matrix(rows: 600, columns: columns)
        for r in 0..<300 {
            let weights = spreads.map { $0 * (Float(generator.next() >> 40) * 0x1p-23 - 1) * 1.7320508 }
            // Each with its opposite: centred.
            for k in 0..<columns {
                let value = (0..<3).reduce(Float(0)) { $0 + weights[$1] * axes.values[$1 * columns + k] }
                rows.values[2 * r * columns + k] = value
                rows.values[(2 * r + 1) * columns + k] = -value
            }
        }
        let found = PrincipalComponents(of: rows, count: 3, seed: 1)
        for i in 0..<3 {
            let alike = abs(zip(found.directions.row(i), axes.row(i)).reduce(0) { $0 + $1.0 * $1.1 })
            #expect(alike > 0.99)
            #expect(abs(found.deviations[i] / spreads[i] - 1) < 0.1)
            for j in 0..<i { #expect(abs(zip(found.directions.row(i), found.directions.row(j)).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-4) }
        }
        // In these directions cosines are what they were.
        func cosine(_ p: [Float], _ q: [Float]) -> Float {
            func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
            return dot(p, q) / (dot(p, p) * dot(q, q)).squareRoot()
        }
        let reduced = rows.times(transposeOf: found.directions)
        for r in 0..<40 { #expect(abs(cosine(Array(rows.row(r)), Array(rows.row(r + 101))) - cosine(Array(reduced.row(r)), Array(reduced.row(r + 101)))) < 0.01) }
        // The same rows and seed, the same directions; rows of nothing are no error.
        #expect(PrincipalComponents(of: rows, count: 3, seed: 1).directions.values == found.directions.values)
        #expect(PrincipalComponents(of: Matrix(rows: 4, columns: 3), count: 2, seed: 1).deviations == [0, 0])
        // More than there are: the rest has no spread.
        let many = PrincipalComponents(of: rows, count: 5, seed: 1)
        #expect(many.deviations.count == 5 && many.deviations[3] < 1e-2)
    }

    private static func isOrthogonal(_ r: Matrix) -> Bool {
        let product = r.times(transposeOf: r)
        return (0..<r.rows).allSatisfy { i in (0..<r.rows).allSatisfy { j in abs(product.values[i * r.rows + j] - (i == j ? 1 : 0)) < 1e-4 } }
    }

    @Test(arguments: [1, 2, 5, 17]) func aRotationIsFoundAgain(_ d: Int) {
        var generator = SeededGenerator(seed: UInt64(d))
        let points = Self.random(40, d, &generator)
        // Any orthogonal matrix, reflections too: the directions of some points.
        let turn = PrincipalComponents(of: Self.random(60, d, &generator), count: d, seed: 3).directions
        let others = points.times(transposeOf: turn)
        let found = nearestRotation(of: points, onto: others)
        #expect(Self.isOrthogonal(found))
        for i in 0..<d { for j in 0..<d { #expect(abs(found.values[i * d + j] - turn.values[j * d + i]) < 1e-3) } }
        // Of noise too none is nearer.
        let noisy = Matrix(rows: 40, columns: d, values: zip(others.values, Self.random(40, d, &generator).values).map { $0 + $1 })
        func distance(_ rotation: Matrix) -> Double {
            let turned = Matrix(rows: d, columns: d, values: (0..<d * d).map { rotation.values[$0 % d * d + $0 / d] })
            return zip(points.times(transposeOf: turned).values, noisy.values).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        }
        let least = distance(nearestRotation(of: points, onto: noisy))
        #expect(least <= distance(found) + 1e-3)
        for _ in 0..<20 { #expect(least < distance(PrincipalComponents(of: Self.random(60, d, &generator), count: d, seed: 3).directions) + 1e-3) }
    }

    @Test func pointsThatLeaveDirectionsOpenAreRotatedAllTheSame() {
        var generator = SeededGenerator(seed: 4)
        // In a plane of five dimensions, and nowhere.
        var points = Self.random(30, 5, &generator)
        for row in 0..<30 { for k in 2..<5 { points.values[row * 5 + k] = 0 } }
        let others = Matrix(rows: 30, columns: 5, values: (0..<30).flatMap { row in [0, 0, points.values[row * 5 + 1], 0, points.values[row * 5]] })
        let found = nearestRotation(of: points, onto: others)
        #expect(Self.isOrthogonal(found) && abs(found.values[4] - 1) < 1e-3 && abs(found.values[7] - 1) < 1e-3)
        #expect(Self.isOrthogonal(nearestRotation(of: Matrix(rows: 3, columns: 4), onto: Matrix(rows: 3, columns: 4))))
    }
}
