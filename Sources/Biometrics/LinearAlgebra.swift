import Foundation

/// Rows of numbers, `[rows, columns]` row-major.
public struct Matrix: Sendable {
    public let rows: Int
    public let columns: Int
    public var values: [Float]

    public init(rows: Int, columns: Int, values: [Float]? = nil) {
        self.rows = rows
        self.columns = columns
        self.values = values ?? [Float](repeating: 0, count: rows * columns)
        precondition(self.values.count == rows * columns, "\(self.values.count) numbers for \(rows)×\(columns)")
    }

    public func row(_ index: Int) -> ArraySlice<Float> { values[index * columns..<(index + 1) * columns] }

    /// `self · otherᵀ`, `[rows, other.rows]`.
    public func times(transposeOf other: Matrix) -> Matrix {
        precondition(columns == other.columns)
        var result = Matrix(rows: rows, columns: other.rows)
        let n = columns
        unsafe values.withUnsafeBufferPointer { a in
            unsafe other.values.withUnsafeBufferPointer { b in
                unsafe result.values.withUnsafeMutableBufferPointer { c in
                    for i in 0..<rows {
                        let p = unsafe UnsafeRawPointer(a.baseAddress! + i * n)
                        for j in 0..<other.rows {
                            let q = unsafe UnsafeRawPointer(b.baseAddress! + j * n)
                            var sum = SIMD16<Float>(repeating: 0)
                            var k = 0
                            while k + 16 <= n {
                                let x = unsafe p.loadUnaligned(fromByteOffset: 4 * k, as: SIMD16<Float>.self), y = unsafe q.loadUnaligned(fromByteOffset: 4 * k, as: SIMD16<Float>.self)
                                sum += x * y
                                k += 16
                            }
                            var total = sum.sum()
                            while k < n {
                                unsafe total += a[i * n + k] * b[j * n + k]
                                k += 1
                            }
                            unsafe c[i * other.rows + j] = total
                        }
                    }
                }
            }
        }
        return result
    }

    /// `selfᵀ · other` with `other` `[rows, m]`, transposed: `[m, columns]`. Sums rows, so that memory is read in order.
    public func combined(by weights: Matrix) -> Matrix {
        precondition(weights.columns == rows)
        var result = Matrix(rows: weights.rows, columns: columns)
        let n = columns
        unsafe values.withUnsafeBufferPointer { a in
            unsafe result.values.withUnsafeMutableBufferPointer { c in
                // Blocks of columns that stay in the cache.
                var start = 0
                while start < n {
                    let end = min(start + 1024, n)
                    for i in 0..<rows {
                        for j in 0..<weights.rows {
                            let w = weights.values[j * rows + i]
                            if w == 0 { continue }
                            for k in start..<end { unsafe c[j * n + k] += w * a[i * n + k] }
                        }
                    }
                    start = end
                }
            }
        }
        return result
    }
}

/// Solves `A x = b` for a symmetric positive definite `[n, n]` matrix and several right sides (Cholesky).
public func solve(_ matrix: [Double], _ sides: [[Double]]) -> [[Double]] {
    let n = Int(Double(matrix.count).squareRoot())
    var l = matrix
    for j in 0..<n {
        for k in 0..<j { for i in j..<n { l[i * n + j] -= l[i * n + k] * l[j * n + k] } }
        let d = max(l[j * n + j], 1e-12).squareRoot()
        for i in j..<n { l[i * n + j] /= d }
    }
    return sides.map { side in
        var x = side
        for i in 0..<n {
            for k in 0..<i { x[i] -= l[i * n + k] * x[k] }
            x[i] /= l[i * n + i]
        }
        for i in stride(from: n - 1, through: 0, by: -1) {
            for k in i + 1..<n { x[i] -= l[k * n + i] * x[k] }
            x[i] /= l[i * n + i]
        }
        return x
    }
}

/// Eigenvalues, falling, and vectors (rows) of a symmetric `[n, n]` matrix by Jacobi's rotations.
public func symmetricEigen(_ matrix: [Double]) -> (values: [Double], vectors: [[Double]]) {
    let n = Int(Double(matrix.count).squareRoot())
    var a = matrix
    var v = [Double](repeating: 0, count: n * n)
    for i in 0..<n { v[i * n + i] = 1 }
    for _ in 0..<40 {
        var off = 0.0, all = 0.0
        for i in 0..<n { for j in 0..<n { all += a[i * n + j] * a[i * n + j]; if i != j { off += a[i * n + j] * a[i * n + j] } } }
        if off <= 1e-18 * all { break }
        for p in 0..<n - 1 {
            for q in p + 1..<n where abs(a[p * n + q]) > 1e-300 {
                let theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q])
                let t = (theta < 0 ? -1.0 : 1.0) / (abs(theta) + (theta * theta + 1).squareRoot())
                let c = 1 / (t * t + 1).squareRoot(), s = t * c
                for k in 0..<n {
                    let x = a[k * n + p], y = a[k * n + q]
                    a[k * n + p] = c * x - s * y
                    a[k * n + q] = s * x + c * y
                }
                for k in 0..<n {
                    let x = a[p * n + k], y = a[q * n + k]
                    a[p * n + k] = c * x - s * y
                    a[q * n + k] = s * x + c * y
                    let f = v[p * n + k], g = v[q * n + k]
                    v[p * n + k] = c * f - s * g
                    v[q * n + k] = s * f + c * g
                }
            }
        }
    }
    let order = (0..<n).sorted { a[$0 * n + $0] > a[$1 * n + $1] }
    return (order.map { a[$0 * n + $0] }, order.map { i in Array(v[i * n..<(i + 1) * n]) })
}

/// The directions of largest spread about zero: fewer numbers that have nearly the same products. By subspace iteration (Halko, Martinsson and Tropp, "Finding structure with randomness", 2011).
public struct PrincipalComponents: Sendable {
    /// `[count, columns]`, orthonormal.
    public let directions: Matrix
    /// Standard deviation along each.
    public let deviations: [Float]

    /// - Parameter rows: centred.
    public init(of rows: Matrix, count: Int, seed: UInt64) {
        let wanted = min(count + 12, rows.rows, rows.columns)
        var generator = SeededGenerator(seed: seed)
        var q = Matrix(rows: wanted, columns: rows.columns, values: (0..<wanted * rows.columns).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 })
        Self.orthonormalise(&q)
        for _ in 0..<4 {
            // qᵀ ← Xᵀ X qᵀ
            let projected = q.times(transposeOf: rows)
            q = rows.combined(by: projected)
            Self.orthonormalise(&q)
        }
        let scores = q.times(transposeOf: rows)
        let gram = scores.times(transposeOf: scores)
        let eigen = symmetricEigen(gram.values.map { Double($0) / Double(rows.rows) })
        let kept = min(count, wanted)
        let turn = Matrix(rows: kept, columns: wanted, values: eigen.vectors.prefix(kept).flatMap { $0.map(Float.init) })
        directions = q.combined(by: turn)
        deviations = eigen.values.prefix(kept).map { Float(max($0, 0).squareRoot()) }
    }

    /// Gram and Schmidt, twice: once loses orthogonality in single precision.
    private static func orthonormalise(_ q: inout Matrix) {
        let n = q.columns
        for i in 0..<q.rows {
            for _ in 0..<2 {
                for j in 0..<i {
                    var dot: Float = 0
                    for k in 0..<n { dot += q.values[i * n + k] * q.values[j * n + k] }
                    for k in 0..<n { q.values[i * n + k] -= dot * q.values[j * n + k] }
                }
            }
            var square: Float = 0
            for k in 0..<n { square += q.values[i * n + k] * q.values[i * n + k] }
            let scale = 1 / max(square.squareRoot(), 1e-20)
            for k in 0..<n { q.values[i * n + k] *= scale }
        }
    }
}
