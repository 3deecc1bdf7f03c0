/// How embeddings of one person differ from one another, and what makes them differ alike in all directions.
///
/// A cosine takes a difference in any direction for the same. Where pictures of one person differ by light, pose or grain in some directions more than in others, it is better to
/// count those less: within-class covariance normalization (Hatch, Kajarekar and Stolcke, "Within-Class Covariance Normalization for SVM-Based Speaker Recognition", Interspeech 2006).
public struct WithinClassCovariance: Sendable {
    public let size: Int
    /// Of embeddings of unit length about the mean of their person, `[size, size]`.
    public let values: [Double]
    /// People, and embeddings of theirs.
    public let people: Int
    public let samples: Int

    /// - Parameters:
    ///   - groups: each person's embeddings, of any length but zero; those who have one only say nothing.
    ///   - size: numbers of an embedding.
    /// - Throws: where an embedding has no direction, or those of people with several are too few.
    public init(_ groups: [[[Float]]], size: Int) throws(MetricError) {
        var sums = [Double](repeating: 0, count: size * size), people = 0, samples = 0, row = 0
        for group in groups where group.count > 1 {
            var units: [[Double]] = []
            for embedding in group {
                guard embedding.count == size else { throw .shape(what: "embedding \(row)", got: [embedding.count], expected: "\(size)") }
                let length = embedding.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                guard length.isFinite else { throw .notFinite(what: "embedding", index: row) }
                guard length > 0 else { throw .zeroVector(row: row) }
                row += 1
                units.append(embedding.map { Double($0) / length })
            }
            var mean = [Double](repeating: 0, count: size)
            for unit in units { for index in 0..<size { mean[index] += unit[index] / Double(units.count) } }
            for unit in units {
                let off = zip(unit, mean).map { $0 - $1 }
                for row in 0..<size where off[row] != 0 { for column in 0...row { sums[row * size + column] += off[row] * off[column] } }
            }
            people += 1
            samples += group.count
        }
        // As many differences are free as there are embeddings besides each person's mean.
        let free = Double(samples - people)
        guard free >= Double(size) else {
            throw .empty(metric: "within-class covariance", needs: "\(size) more embeddings than people who have several, got \(samples) of \(people)")
        }
        for row in 0..<size {
            for column in 0...row {
                sums[row * size + column] /= free
                sums[column * size + row] = sums[row * size + column]
            }
        }
        (self.size, values, self.people, self.samples) = (size, sums, people, samples)
    }

    /// The symmetric matrix after which differences within a person are as wide in all directions, `((1 − s) W + s · trace(W) / size · I)^(−½)`, so large that the mean width stays.
    ///
    /// - Parameter shrinkage: s, 0…1: towards taking them for equally wide already, against what few samples say by chance.
    /// - Returns: the matrix by rows, and the widest direction's deviation over the narrowest one's, both before.
    public func normalization(shrinkage: Double) -> (matrix: [Double], spread: Double) {
        let eigen = symmetricEigen(values)
        let mean = eigen.values.reduce(0, +) / Double(size)
        let widths = eigen.values.map { ((1 - shrinkage) * max(0, $0) + shrinkage * mean) / mean }
        var matrix = [Double](repeating: 0, count: size * size)
        for (width, vector) in zip(widths, eigen.vectors) {
            let scale = 1 / max(width, 1e-9).squareRoot()
            for row in 0..<size { for column in 0..<size { matrix[row * size + column] += scale * vector[row] * vector[column] } }
        }
        return (matrix, (max(0, eigen.values[0]) / max(eigen.values[size - 1], 1e-12 * eigen.values[0])).squareRoot())
    }
}
