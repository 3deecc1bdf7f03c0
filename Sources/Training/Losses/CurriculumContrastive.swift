import Foundation

/// Two modalities of one person near, those of two people apart, with negatives that grow harder.
///
///     L = 1/2n Σᵢ ( d(fᵢ, vᵢ)² + max(0, m − d(fᵢ, v_σ(i)))² ) ,   d the Euclidean distance of unit vectors
///
/// Of all voices of other people in the batch, sorted from the furthest (easiest) to the nearest (hardest), σ takes the one at the share τ; each face in turn is a
/// negative for each voice alike. τ rises with the epochs, ``Curriculum``.
/// Nagrani et al., "Learnable PINs: Cross-Modal Embeddings for Person Identity", ECCV 2018, sections 3 and 4.1; the loss itself is of Chopra et al., CVPR 2005.
public struct CurriculumContrastive: Sendable {
    /// How hard the negatives are, by epoch.
    public struct Curriculum: Sendable, Hashable {
        public var start: Double
        public var step: Double
        /// Epochs between steps, at least 1.
        public var every: Int
        public var end: Double

        public init(start: Double = 0.3, step: Double = 0.1, every: Int = 2, end: Double = 0.8) {
            self.start = start
            self.step = step
            self.every = every
            self.end = end
        }

        /// τ, 0 (easiest) … 1 (hardest).
        public func difficulty(epoch: Int) -> Double { min(end, start + step * Double(epoch / max(1, every))) }
    }

    /// m, of distances between unit vectors, which are 0…2.
    public var margin: Double

    public init(margin: Double = 0.6) { self.margin = margin }

    /// For each row the column of another label at the share τ between the furthest and the nearest; `nil` where all are of the same label.
    /// - Parameter distances: `[n, n]`, row-major.
    public static func negatives(distances: [Double], labels: [Int], difficulty: Double) -> [Int?] {
        let n = labels.count
        precondition(distances.count == n * n)
        return (0..<n).map { row in
            let others = (0..<n).filter { labels[$0] != labels[row] }
                .sorted { (distances[row * n + $0], $0) > (distances[row * n + $1], $1) }
            guard !others.isEmpty else { return nil }
            return others[Int((min(max(difficulty, 0), 1) * Double(others.count - 1)).rounded())]
        }
    }

    /// - Parameters:
    ///   - first, second: `[n, d]`, row i of both of the same person; brought to length 1.
    ///   - labels: n identities.
    ///   - difficulty: τ.
    /// - Returns: a scalar.
    public func callAsFunction(_ first: TorchTensor, _ second: TorchTensor, labels: [Int], difficulty: Double) throws(TorchError) -> TorchTensor {
        let n = labels.count
        let squared = try first.unitLength().squaredDistances(to: second.unitLength())
        let values = try squared.detached().doubles()
        let flat = try squared.reshaped([n * n])
        let own = try flat.selected(0, TorchTensor((0..<n).map { Int64($0 * n + $0) }, shape: [n], device: first.device)).mean()
        let turned = (0..<n * n).map { values[$0 % n * n + $0 / n] }
        let fromFirst = Self.negatives(distances: values, labels: labels, difficulty: difficulty).enumerated().compactMap { row, column in column.map { row * n + $0 } }
        let fromSecond = Self.negatives(distances: turned, labels: labels, difficulty: difficulty).enumerated().compactMap { column, row in row.map { $0 * n + column } }
        let places = (fromFirst + fromSecond).map(Int64.init)
        guard !places.isEmpty else { return try own * 0.5 }
        // The small number keeps the root's slope finite where two embeddings are equal.
        let apart = try (flat.selected(0, TorchTensor(places, shape: [places.count], device: first.device)) + 1e-12).squareRoot()
        let pushed = try (-apart + margin).relu().square().mean()
        return try (own + pushed) * 0.5
    }
}
