import Foundation

/// The rotation or reflection `R` that brings points nearest to others: the least ‖A·R − B‖² of all orthogonal `R`, `[d, d]`.
///
/// Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966: with `AᵀB = U·S·Vᵀ`, `R = U·Vᵀ`. Directions of which the points say nothing go where
/// there is room.
/// - Parameters:
///   - points: A, `[n, d]`.
///   - others: B, `[n, d]`.
public func nearestRotation(of points: Matrix, onto others: Matrix) -> Matrix {
    precondition(points.rows == others.rows && points.columns == others.columns, "points [\(points.rows), \(points.columns)] and [\(others.rows), \(others.columns)]")
    let d = points.columns
    // AᵀB, and from it V and S² of (AᵀB)ᵀ·AᵀB.
    var product = [Double](repeating: 0, count: d * d)
    for row in 0..<points.rows {
        let a = points.row(row), b = others.row(row)
        for (i, x) in a.enumerated() where x != 0 { for (j, y) in b.enumerated() { product[i * d + j] += Double(x) * Double(y) } }
    }
    var gram = [Double](repeating: 0, count: d * d)
    for k in 0..<d { for i in 0..<d { let x = product[k * d + i]; for j in 0..<d { gram[i * d + j] += x * product[k * d + j] } } }
    let v = symmetricEigen(gram).vectors
    // Columns of U, by falling S: AᵀB·v, made orthogonal to those before; where nothing is left, the first axis that has something left.
    var u: [[Double]] = []
    let least = 1e-9 * product.reduce(0) { $0 + $1 * $1 }.squareRoot()
    var spare = 0
    func remainder(_ candidate: [Double]) -> [Double] {
        var rest = candidate
        for _ in 0..<2 {
            for known in u {
                let share = zip(rest, known).reduce(0) { $0 + $1.0 * $1.1 }
                for k in 0..<d { rest[k] -= share * known[k] }
            }
        }
        return rest
    }
    func length(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    for direction in v {
        var column = remainder((0..<d).map { i in (0..<d).reduce(0) { $0 + product[i * d + $1] * direction[$1] } })
        var size = length(column)
        if size > least { u.append(column.map { $0 / size }); continue }
        repeat {
            column = remainder((0..<d).map { $0 == spare ? 1 : 0 })
            size = length(column)
            spare += 1
        } while size < 1e-3 && spare < d
        u.append(column.map { $0 / size })
    }
    var rotation = Matrix(rows: d, columns: d)
    for (left, right) in zip(u, v) { for i in 0..<d { for j in 0..<d { rotation.values[i * d + j] += Float(left[i] * right[j]) } } }
    return rotation
}
