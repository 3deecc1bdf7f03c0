/// What enrolment does with candidates that do not look like the rest.
public struct OutlierPolicy: Sendable, Hashable {
    /// The least average cosine that one person's templates have to each other, per modality. Depends on the encoder. A
    /// modality without a value is not checked.
    public var minimumSimilarity: [Modality: Float]

    public init(minimumSimilarity: [Modality: Float]) {
        self.minimumSimilarity = minimumSimilarity
    }

    /// Faces: between what two different people (0.07 ± 0.08) and two pictures of one person (0.65 ± 0.09) have with
    /// encoders of MobileFaceNet's kind. Voices: utterances of one second differ so much (0.32 ± 0.11 within a person, 0.09 ±
    /// 0.10 between people, with x-vectors) that only what is no voice of theirs at all is refused.
    public static let `default` = OutlierPolicy(minimumSimilarity: [.face: 0.3, .voice: 0.1])
    /// Takes everything.
    public static let none = OutlierPolicy(minimumSimilarity: [:])
}

/// Which of several embeddings that should show one person do.
///
/// Average-linkage agglomerative clustering (Sokal and Michener, 1958) on the cosine: the two groups with the highest average
/// cosine between their members are merged until the highest is below the threshold. An outlier never pulls a mean towards
/// itself that way, and two people show up as two groups instead of as one bad mean.
struct Consensus: Equatable {
    enum Verdict: Equatable {
        /// Indices of those that agree and of those that do not, ascending.
        case onePerson(agreeing: [Int], outliers: [Int])
        /// Groups of indices, the largest first.
        case severalPeople([[Int]])
    }

    /// More candidates than this are refused before they get here; the clustering takes O(n³) steps at worst.
    static let limit = 512

    /// One group must hold more than half of the candidates. A second group of at least two members and a quarter of all
    /// candidates is no accident but somebody else.
    ///
    /// - Parameter vectors: unit vectors of one dimension, at least one.
    static func judge(_ vectors: [[Float]], threshold: Float) -> Verdict {
        let groups = cluster(vectors, threshold: threshold)
        let count = vectors.count
        let second = groups.count > 1 ? groups[1].count : 0
        let isSecondPerson = second >= 2 && second * 4 >= count
        guard groups[0].count * 2 > count, !isSecondPerson else { return .severalPeople(groups) }
        return .onePerson(agreeing: groups[0], outliers: groups.dropFirst().flatMap { $0 }.sorted())
    }

    /// Groups of indices: the largest first, of equal ones that with the smallest index first; members ascending.
    static func cluster(_ vectors: [[Float]], threshold: Float) -> [[Int]] {
        let count = vectors.count
        precondition(count > 0 && count <= limit)
        var groups = (0..<count).map { [$0] }
        // Sums of cosines between the members of two groups: merging groups adds their rows.
        var sums = [Float](repeating: 0, count: count * count)
        for i in 0..<count {
            for j in 0..<i {
                let cosine = UnitVector.cosine(vectors[i], vectors[j])
                sums[i * count + j] = cosine
                sums[j * count + i] = cosine
            }
        }
        var alive = Array(0..<count)
        while alive.count > 1 {
            var best = -Float.infinity
            var pair = (0, 0)
            for (position, i) in alive.enumerated() {
                for j in alive[(position + 1)...] {
                    let average = sums[i * count + j] / Float(groups[i].count * groups[j].count)
                    if average > best {
                        best = average
                        pair = (i, j)
                    }
                }
            }
            guard best >= threshold else { break }
            let (i, j) = pair
            groups[i] += groups[j]
            groups[j] = []
            for k in alive where k != i && k != j {
                sums[i * count + k] += sums[j * count + k]
                sums[k * count + i] = sums[i * count + k]
            }
            alive.removeAll { $0 == j }
        }
        return alive.map { groups[$0].sorted() }.sorted { $0.count != $1.count ? $0.count > $1.count : $0[0] < $1[0] }
    }
}
