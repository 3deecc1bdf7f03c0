/// Anchors nearer to their own than to others, by a margin.
///
///     L = 1/|T| Σ_(a,p,n ∈ T) max(0, |xₐ − x_p|² − |xₐ − x_n|² + m)
///
/// over triplets of a batch of unit-length embeddings: `hard` takes for each anchor its furthest positive and its nearest negative (Hermans et al., "In
/// Defense of the Triplet Loss for Person Re-Identification", 2017); `semiHard` takes for each pair of anchor and positive the nearest negative that is
/// further than the positive, and where there is none the furthest negative (Schroff et al., "FaceNet", CVPR 2015, section 3.2).
public struct TripletLoss: Sendable {
    public enum Mining: String, Sendable, CaseIterable { case semiHard = "semi-hard", hard }

    /// m, of squared distances between unit vectors, which are 0…4.
    public var margin: Double
    public var mining: Mining

    public init(margin: Double = 0.2, mining: Mining = .semiHard) {
        self.margin = margin
        self.mining = mining
    }

    public struct Triplet: Sendable, Equatable {
        public let anchor: Int, positive: Int, negative: Int
        public init(_ anchor: Int, _ positive: Int, _ negative: Int) {
            self.anchor = anchor
            self.positive = positive
            self.negative = negative
        }
    }

    /// Chooses triplets by distances `[n, n]`, row-major. Deterministic: of equals the first is taken. Anchors without a positive or a negative have none.
    public func triplets(distances: [Double], labels: [Int]) -> [Triplet] {
        let n = labels.count
        precondition(distances.count == n * n)
        var found: [Triplet] = []
        for a in 0..<n {
            let row = distances[a * n..<(a + 1) * n].map { $0 }
            let positives = (0..<n).filter { $0 != a && labels[$0] == labels[a] }
            let negatives = (0..<n).filter { labels[$0] != labels[a] }
            guard !positives.isEmpty, !negatives.isEmpty else { continue }
            switch mining {
            case .hard:
                found.append(Triplet(a, positives.max { row[$0] < row[$1] }!, negatives.min { row[$0] < row[$1] }!))
            case .semiHard:
                for p in positives {
                    let further = negatives.filter { row[$0] > row[p] }
                    found.append(Triplet(a, p, further.min { row[$0] < row[$1] } ?? negatives.max { row[$0] < row[$1] }!))
                }
            }
        }
        return found
    }

    /// - Parameters:
    ///   - embeddings: `[n, d]`, of any length; they are brought to length 1.
    ///   - labels: n identities.
    /// - Returns: a scalar; zero, with a gradient of zero, where the batch has no triplet.
    public func callAsFunction(embeddings: TorchTensor, labels: [Int]) throws(TorchError) -> TorchTensor {
        let unit = try embeddings.unitLength()
        let distances = try unit.squaredDistances(to: unit)
        let triplets = triplets(distances: try distances.detached().doubles(), labels: labels)
        guard !triplets.isEmpty else { return try distances.sum() * 0 }
        let n = labels.count
        let flat = try distances.reshaped([n * n])
        func taken(_ place: (Triplet) -> Int) throws(TorchError) -> TorchTensor {
            try flat.selected(0, TorchTensor(triplets.map { Int64($0.anchor * n + place($0)) }, shape: [triplets.count], device: embeddings.device))
        }
        return try (taken(\.positive) - taken(\.negative) + margin).relu().mean()
    }
}
