import Tensors

/// The right one among many.
///
///     L = − 1/n Σᵢ log ( exp(xᵢ · yᵢ / T) / Σ_j∈N(i) exp(xᵢ · y_j / T) ) ,   N(i): i itself, all of other labels in the batch, and the bank's
///
/// x and y are unit-length embeddings: of two modalities of the same people (across), or of two samples of theirs (within). Rows of the same label are not
/// each other's negatives. Van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, equation 4; with a bank of past embeddings as
/// in He et al., "Momentum Contrast", CVPR 2020, or of running means as in Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance
/// Discrimination", CVPR 2018.
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

/// Embeddings of past batches: the newest few thousand, first in first out; or with a momentum m > 0 one for each label, v ← m v + (1 − m) x of length 1, and
/// those of the labels that were seen last. Thread-bound.
public final class MemoryBank {
    public let capacity: Int
    public let dimension: Int
    /// 0 ..< 1.
    public let momentum: Double
    /// Of the rows, oldest first.
    public private(set) var labels: [Int] = []
    private var rows: [Float] = []

    public init(capacity: Int, dimension: Int, momentum: Double = 0) {
        self.capacity = capacity
        self.dimension = dimension
        self.momentum = momentum
    }

    /// Keeps unit-length embeddings `[n, dimension]`, cut off from what made them.
    public func add(_ embeddings: TorchTensor, labels new: [Int]) throws(TorchError) {
        add(try embeddings.detached().unitLength().tensor().values(as: Float.self), labels: new)
    }

    /// Keeps rows of length 1.
    func add(_ values: [Float], labels new: [Int]) {
        precondition(values.count == new.count * dimension)
        for (index, label) in new.enumerated() {
            var row = Array(values[index * dimension..<(index + 1) * dimension])
            if momentum > 0, let place = labels.firstIndex(of: label) {
                let share = Float(momentum)
                for (number, old) in rows[place * dimension..<(place + 1) * dimension].enumerated() { row[number] = share * old + (1 - share) * row[number] }
                let length = max(row.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
                row = row.map { $0 / length }
                labels.remove(at: place)
                rows.removeSubrange(place * dimension..<(place + 1) * dimension)
            }
            labels.append(label)
            rows += row
        }
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

    /// Whether a checkpoint's bank can be this one's.
    public func fits(rows: Tensor, labels: [Int]) -> Bool {
        rows.shape == [labels.count, dimension] && labels.count <= capacity && rows.elementType == .float32
    }

    /// For a checkpoint.
    public var state: (rows: Tensor, labels: [Int]) { (Tensor(shape: [labels.count, dimension], values: rows), labels) }

    /// - Precondition: ``fits(rows:labels:)``.
    public func restore(rows: Tensor, labels: [Int]) {
        precondition(fits(rows: rows, labels: labels))
        self.rows = rows.values()
        self.labels = labels
    }
}
