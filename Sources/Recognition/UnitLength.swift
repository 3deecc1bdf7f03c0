/// Embeddings are compared by their direction; their length is 1 by convention.
enum UnitLength {
    /// Divides by the Euclidean norm; a vector without direction stays as it is.
    static func normalise(_ vector: inout [Float]) {
        var sum: Float = 0
        for value in vector { sum += value * value }
        guard sum > 1e-12, sum.isFinite else { return }
        let scale = 1 / sum.squareRoot()
        for index in vector.indices { vector[index] *= scale }
    }

    /// Σ a·b; the cosine of two vectors of unit length.
    static func dot(_ a: [Float], _ b: [Float]) -> Float {
        var sum: Float = 0
        for index in a.indices { sum += a[index] * b[index] }
        return sum
    }
}
