public import Tensors

/// Embeddings as rows of a matrix: `[count, dimension]` row-major, float32, every element finite.
///
/// Immutable, value semantics; safe to share between threads.
public struct EmbeddingMatrix: Sendable, Equatable {
    public let count: Int
    public let dimension: Int
    /// Elements from one row to the next: the dimension rounded up to whole vectors, zeros in between.
    let stride: Int
    let storage: [Float]

    /// Elements in one vector of the kernels.
    static let lanes = 8

    /// - Parameter values: `[count, dimension]` row-major.
    public init(values: [Float], dimension: Int) throws(MetricError) {
        guard dimension > 0 else { throw .parameter(name: "dimension", got: "\(dimension)", expected: "at least 1") }
        guard values.count.isMultiple(of: dimension) else {
            throw .shape(what: "embeddings", got: [values.count], expected: "a multiple of the dimension \(dimension)")
        }
        if let index = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(what: "element of embedding", index: index / dimension) }
        count = values.count / dimension
        self.dimension = dimension
        stride = (dimension + Self.lanes - 1) / Self.lanes * Self.lanes
        if stride == dimension {
            storage = values
        } else {
            var padded = [Float](repeating: 0, count: count * stride)
            for row in 0..<count {
                padded.replaceSubrange(row * stride..<row * stride + dimension, with: values[row * dimension..<(row + 1) * dimension])
            }
            storage = padded
        }
    }

    public init(rows: [[Float]]) throws(MetricError) {
        let dimension = rows.first?.count ?? 1
        if let row = rows.first(where: { $0.count != dimension }) {
            throw .shape(what: "embedding", got: [row.count], expected: "[\(dimension)], as the first one")
        }
        try self.init(values: rows.flatMap { $0 }, dimension: dimension)
    }

    /// - Parameter tensor: `[count, dimension]`, float32.
    public init(_ tensor: Tensor) throws(MetricError) {
        guard tensor.shape.count == 2, tensor.elementType == .float32 else {
            throw .shape(what: "embeddings of \(tensor.elementType)", got: tensor.shape, expected: "[count, dimension] of float32")
        }
        try self.init(values: tensor.values(), dimension: tensor.shape[1])
    }

    private init(count: Int, dimension: Int, stride: Int, storage: [Float]) {
        self.count = count
        self.dimension = dimension
        self.stride = stride
        self.storage = storage
    }

    /// One embedding, copied out.
    public subscript(row: Int) -> [Float] { Array(storage[row * stride..<row * stride + dimension]) }

    /// `[count, dimension]`, float32.
    public var tensor: Tensor { Tensor(shape: [count, dimension], values: (0..<count).flatMap { self[$0] }) }

    /// The rows with these indices, in their order.
    public func selecting(_ rows: [Int]) -> EmbeddingMatrix {
        var selected: [Float] = []
        selected.reserveCapacity(rows.count * stride)
        for row in rows { selected += storage[row * stride..<(row + 1) * stride] }
        return EmbeddingMatrix(count: rows.count, dimension: dimension, stride: stride, storage: selected)
    }

    /// Every row divided by its Euclidean norm, so that products are cosines.
    public func normalized() throws(MetricError) -> EmbeddingMatrix {
        var unit = storage
        for row in 0..<count {
            let range = row * stride..<(row + 1) * stride
            var sum = 0.0
            for index in range { sum += Double(storage[index]) * Double(storage[index]) }
            guard sum > 1e-24 else { throw .zeroVector(row: row) }
            let scale = 1 / sum.squareRoot()
            for index in range { unit[index] = Float(Double(storage[index]) * scale) }
        }
        return EmbeddingMatrix(count: count, dimension: dimension, stride: stride, storage: unit)
    }

    /// Squared Euclidean norm of every row.
    func squaredNorms() -> [Float] {
        (0..<count).map { row in
            var sum = 0.0
            for index in row * stride..<(row + 1) * stride { sum += Double(storage[index]) * Double(storage[index]) }
            return Float(sum)
        }
    }
}
