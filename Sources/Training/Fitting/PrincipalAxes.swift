/// The directions in which embeddings spread most about zero: fewer numbers that have nearly the same cosines.
///
/// By orthogonal iteration on the second moments (Golub and Van Loan, "Matrix Computations", 8.2.4). Not about the mean: cosines are not, either.
public struct PrincipalAxes: Sendable {
    /// `[count, dimension]`, orthonormal.
    public let axes: [[Float]]
    /// The part of the squared lengths that they keep, 0…1.
    public let share: Double

    /// - Parameters:
    ///   - rows: embeddings of one length.
    ///   - count: at most their length.
    public init(of rows: [[Float]], count: Int) {
        let d = rows.first?.count ?? count
        precondition(count <= d, "\(count) axes of \(d) numbers")
        var moments = [Double](repeating: 0, count: d * d)
        for row in rows {
            for i in 0..<d where row[i] != 0 {
                let value = Double(row[i])
                for j in 0..<d { moments[i * d + j] += value * Double(row[j]) }
            }
        }
        // From the unit vectors: the same rows give the same axes.
        var axes = (0..<count).map { k -> [Double] in
            (0..<d).map { i -> Double in
                if i == k { return 1 }
                let spread = (31 * i + 17 * k) % 13 - 6
                return 1e-3 * Double(spread)
            }
        }
        Self.orthonormalise(&axes)
        for _ in 0..<15 {
            axes = axes.map { axis in
                var image = [Double](repeating: 0, count: d)
                for i in 0..<d where axis[i] != 0 {
                    let value = axis[i]
                    for j in 0..<d { image[j] += value * moments[i * d + j] }
                }
                return image
            }
            Self.orthonormalise(&axes)
        }
        self.axes = axes.map { $0.map(Float.init) }
        let all = (0..<d).reduce(0.0) { $0 + moments[$1 * d + $1] }
        let kept = axes.reduce(0.0) { sum, axis in
            var value = 0.0
            for i in 0..<d { for j in 0..<d { value += axis[i] * moments[i * d + j] * axis[j] } }
            return sum + value
        }
        share = all > 0 ? kept / all : 1
    }

    public func applied(to row: [Float]) -> [Float] {
        axes.map { axis in
            var sum: Float = 0
            for i in row.indices { sum += axis[i] * row[i] }
            return sum
        }
    }

    private static func orthonormalise(_ rows: inout [[Double]]) {
        for i in rows.indices {
            // Twice: once loses orthogonality where rows are nearly parallel.
            for _ in 0..<2 {
                for j in 0..<i {
                    var dot = 0.0
                    for k in rows[i].indices { dot += rows[i][k] * rows[j][k] }
                    for k in rows[i].indices { rows[i][k] -= dot * rows[j][k] }
                }
            }
            var square = 0.0
            for value in rows[i] { square += value * value }
            if square > 1e-24 {
                let scale = 1 / square.squareRoot()
                for k in rows[i].indices { rows[i][k] *= scale }
            } else {
                // Nothing is left in this direction; any that is not there yet will do.
                for k in rows[i].indices { rows[i][k] = k == i ? 1 : 0 }
            }
        }
    }
}
