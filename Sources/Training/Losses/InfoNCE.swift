import Tensors

/// The right one among many.
///
///     L = − 1/n Σᵢ log ( exp(xᵢ · yᵢ / T) / Σ_j∈N(i) exp(xᵢ · y_j / T) ) ,   N(i): i itself, all of other labels in the batch, and the bank's
///
/// x and y are unit-length embeddings: of two modalities of the same people (across), or of two samples of theirs (within). Rows of the same label are not
/// each other's negatives. Van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, equation 4; with a bank of past embeddings as
/// in He et al., "Momentum Contrast", CVPR 2020.
public struct InfoNCE: Sendable {
    /// T, positive.
    public var temperature: Double

    public init(temperature: Double = 0.07) { self.temperature = temperature }

    /// - Parameters:
    ///   - queries, keys: `[n, d]`, row i of both of the same person.
    ///   - bank: earlier keys with their labels, which have no gradient.
    public func callAsFunction(_ queries: TorchTensor, _ keys: TorchTensor, labels: [Int], bank: MemoryBank? = nil) throws(TorchError) -> TorchTensor {
        let n = labels.count
        let unit = try queries.unitLength()
        var logits = try unit.matmul(keys.unitLength().transposed()) / temperature
        var columns = labels
        if let bank, let past = try bank.embeddings(on: queries.device) {
            logits = try .concatenated([logits, unit.matmul(past.converted(to: queries.elementType).transposed()) / temperature], axis: 1)
            columns += bank.labels
        }
        // Columns of one's own label, but for the key itself, leave the sum.
        var mask = [Float](repeating: 0, count: n * columns.count)
        for row in 0..<n {
            for column in columns.indices where column != row && columns[column] == labels[row] { mask[row * columns.count + column] = -1e9 }
        }
        logits = try logits + TorchTensor(mask, shape: [n, columns.count], device: queries.device)
        return try CrossEntropy()(logits: logits, labels: Array(0..<n))
    }

    /// Both directions, across two modalities: the mean of x against y and y against x.
    public func symmetric(_ x: TorchTensor, _ y: TorchTensor, labels: [Int]) throws(TorchError) -> TorchTensor {
        try (self(x, y, labels: labels) + self(y, x, labels: labels)) * 0.5
    }
}

/// Embeddings of past batches, the newest few thousand, first in first out. Thread-bound.
public final class MemoryBank {
    public let capacity: Int
    public let dimension: Int
    /// Of the rows, oldest first.
    public private(set) var labels: [Int] = []
    private var rows: [Float] = []

    public init(capacity: Int, dimension: Int) {
        self.capacity = capacity
        self.dimension = dimension
    }

    /// Keeps unit-length embeddings `[n, dimension]`, cut off from what made them.
    public func add(_ embeddings: TorchTensor, labels new: [Int]) throws(TorchError) {
        let tensor = try embeddings.detached().unitLength().tensor()
        rows += tensor.values(as: Float.self)
        labels += new
        let surplus = labels.count - capacity
        if surplus > 0 {
            labels.removeFirst(surplus)
            rows.removeFirst(surplus * dimension)
        }
    }

    /// `[count, dimension]`; `nil` while it is empty.
    public func embeddings(on device: TorchDevice = .cpu) throws(TorchError) -> TorchTensor? {
        labels.isEmpty ? nil : try TorchTensor(rows, shape: [labels.count, dimension], device: device)
    }

    /// For a checkpoint.
    public var state: (rows: Tensor, labels: [Int]) { (Tensor(shape: [labels.count, dimension], values: rows), labels) }

    public func restore(rows: Tensor, labels: [Int]) {
        precondition(rows.shape == [labels.count, dimension] && labels.count <= capacity)
        self.rows = rows.values()
        self.labels = labels
    }
}
