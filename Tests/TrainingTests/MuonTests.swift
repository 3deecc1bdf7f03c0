import Foundation
import NodeTestCases
import Tensors
import Testing
import Training

/// Muon beside singular values that are found one rotation at a time.
@Suite struct MuonTests {
    /// Singular vectors and values of `[rows, columns]`, rows ≥ columns, by one-sided Jacobi rotations: columns of `u · σ`, and `v`.
    private static func singular(_ matrix: [Double], _ rows: Int, _ columns: Int) -> (u: [Double], sigma: [Double], v: [Double]) {
        var a = matrix, v = (0..<columns * columns).map { $0 % (columns + 1) == 0 ? 1.0 : 0 }
        for _ in 0..<60 {
            for p in 0..<columns {
                for q in p + 1..<columns {
                    var (alpha, beta, gamma) = (0.0, 0.0, 0.0)
                    for i in 0..<rows {
                        let (x, y) = (a[i * columns + p], a[i * columns + q])
                        (alpha, beta, gamma) = (alpha + x * x, beta + y * y, gamma + x * y)
                    }
                    guard abs(gamma) > 1e-15 * (alpha * beta).squareRoot() else { continue }
                    let zeta = (beta - alpha) / (2 * gamma), t = (zeta >= 0 ? 1.0 : -1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                    let c = 1 / (1 + t * t).squareRoot(), s = c * t
                    func rotate(_ m: inout [Double], _ count: Int) {
                        for i in 0..<count {
                            let (x, y) = (m[i * columns + p], m[i * columns + q])
                            (m[i * columns + p], m[i * columns + q]) = (c * x - s * y, s * x + c * y)
                        }
                    }
                    rotate(&a, rows)
                    rotate(&v, columns)
                }
            }
        }
        let sigma = (0..<columns).map { j in (0..<rows).reduce(0) { $0 + a[$1 * columns + j] * a[$1 * columns + j] }.squareRoot() }
        for j in 0..<columns { for i in 0..<rows { a[i * columns + j] /= max(1e-300, sigma[j]) } }
        return (a, sigma, v)
    }

    /// The definition on singular values, which is all that the iteration changes.
    private static func reference(_ matrix: [Double], _ rows: Int, _ columns: Int) -> [Double] {
        guard rows >= columns else {
            let turned = (0..<rows * columns).map { matrix[$0 % rows * columns + $0 / rows] }, result = reference(turned, columns, rows)
            return (0..<rows * columns).map { result[$0 % columns * rows + $0 / columns] }
        }
        let (u, sigma, v) = singular(matrix, rows, columns)
        let length = sigma.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let moved = sigma.map { value in (0..<5).reduce(value / length) { x, _ in 3.4445 * x - 4.7750 * x * x * x + 2.0315 * x * x * x * x * x } }
        return (0..<rows * columns).map { index in (0..<columns).reduce(0) { $0 + u[index / columns * columns + $1] * moved[$1] * v[index % columns * columns + $1] } }
    }

    @Test(arguments: [[17, 17], [9, 31], [31, 9], [8, 8], [40, 33]])
    func `A matrix is brought near the rotation in it`(_ shape: [Int]) throws {
        let matrix = TestData.noise(shape, seed: 5).doubles
        let made = try Muon.orthogonalized(TorchTensor(matrix, shape: shape)).doubles()
        #expect(relativeError(made, Self.reference(matrix, shape[0], shape[1])) < 1e-9)
        let (_, sigma, _) = shape[0] >= shape[1] ? Self.singular(made, shape[0], shape[1]) : Self.singular((0..<made.count).map { made[$0 % shape[0] * shape[1] + $0 / shape[0]] }, shape[1], shape[0])
        #expect(sigma.count { (0.6...1.25).contains($0) } >= sigma.count - 1, "\(sigma)")
        // Its size does not count, and nothing is made of nothing.
        #expect(relativeError(try Muon.orthogonalized(TorchTensor(matrix.map { $0 * 1e4 }, shape: shape)).doubles(), made) < 1e-9)
        #expect(try Muon.orthogonalized(.zeros(shape)).doubles().allSatisfy { $0 == 0 })
    }

    /// The direction of two or three digits: every singular value near 1, and the matrix near the one of float32.
    @Test(arguments: [[96, 130], [130, 96], [101, 101]])
    func `In bfloat16 a matrix comes as near`(_ shape: [Int]) throws {
        guard TrainableGraph.hasBFloat16(.cpu) else {
            print("SKIPPED: this processor does not multiply in bfloat16; Muon in it is not tested here")
            return
        }
        let matrix = try TorchTensor(TestData.noise(shape, seed: 5))
        let exact = try Muon.orthogonalized(matrix).doubles(), made = try Muon.orthogonalized(matrix, precision: .mixed)
        #expect(made.elementType == .float32)
        let values = try made.doubles()
        #expect(values != exact)
        #expect(relativeError(values, exact) < 0.05)
        // What is too small for it stays in float32.
        let small = try TorchTensor(TestData.noise([95, 200], seed: 6))
        #expect(try Muon.orthogonalized(small, precision: .mixed).doubles() == Muon.orthogonalized(small).doubles())
    }

    @Test func `Matrices and convolutions follow the equations, everything else Adam`() throws {
        let shapes = [[12, 10], [9, 4, 3, 1], [16, 1, 3, 3], [11], [3000, 8]]
        #expect(shapes.map(Muon.isMatrix) == [true, true, false, false, false])
        func weights() throws -> [TorchTensor] {
            try shapes.enumerated().map { try TorchTensor(TestData.noise($1, seed: UInt64($0 + 1))).converted(to: .float64, layout: $1.count == 4 ? .channelsLast : .rowMajor).clone() }
        }
        let own = try weights(), others = try Array(weights().dropFirst(2))
        let muon = try Muon(own, learningRate: 0.02, momentum: 0.9, weightDecay: 0.1), adam = try Adam(others, learningRate: 0.02, weightDecay: 0.1, decouplesDecay: true)
        var w = try own.prefix(2).map { try $0.doubles() }, velocity = w.map { $0.map { _ in 0.0 } }
        for step in 1...3 {
            let gradients = shapes.enumerated().map { TestData.noise($1, seed: UInt64(10 * step + $0)).doubles }
            for (weight, (shape, gradient)) in zip(own, zip(shapes, gradients)) { try weight.setGradient(TorchTensor(gradient, shape: shape)) }
            for (weight, (shape, gradient)) in zip(others, zip(shapes, gradients).dropFirst(2)) { try weight.setGradient(TorchTensor(gradient, shape: shape)) }
            try muon.step()
            try adam.step()
            for k in 0..<2 {
                let rows = shapes[k][0], columns = w[k].count / rows
                velocity[k] = zip(velocity[k], gradients[k]).map { 0.9 * $0 + $1 }
                let direction = Self.reference(zip(velocity[k], gradients[k]).map { 0.9 * $0 + $1 }, rows, columns)
                w[k] = zip(w[k], direction).map { (1 - 0.02 * 0.1) * $0 - 0.02 * 0.2 * Double(max(rows, columns)).squareRoot() * $1 }
                #expect(relativeError(try own[k].doubles(), w[k]) < 1e-9)
            }
            for (a, b) in zip(own.dropFirst(2), others) { #expect(try a.doubles() == b.doubles()) }
        }
        // Without a gradient a weight stays where it is.
        let before = try own[0].doubles()
        try own[0].setGradient(nil)
        try muon.step()
        #expect(try own[0].doubles() == before)
        #expect(throws: TorchError.self) { try muon.restore([], stepCount: 1) }
    }
}
