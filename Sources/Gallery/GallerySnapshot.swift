/// All templates of a gallery at one revision, laid out for matching.
///
/// Immutable and safe to share between threads. ``match(_:modality:scores:)`` neither allocates nor locks; replacing a
/// snapshot by a newer one is the owner's business (compare ``revision`` with ``Gallery/revision()``).
public struct GallerySnapshot: Sendable {
    public let revision: Int
    /// In the order of enrolment; a person's index here is their index in every score array.
    public let people: [Person]
    /// The encoders that the snapshot was asked for; other modalities are not in it.
    public let encoders: [Modality: EncoderIdentity]

    /// Thresholds that were fitted to this gallery, where they were.
    public let calibration: GalleryCalibration?
    /// Whether people or templates have changed since ``calibration`` was fitted.
    public let isCalibrationOutdated: Bool

    let face: TemplateMatrix?
    let voice: TemplateMatrix?

    /// The score of a person without templates of the modality: below every cosine.
    public static let noScore = -Float.infinity

    init(
        revision: Int, people: [Person], encoders: [Modality: EncoderIdentity], calibration: (GalleryCalibration, isOutdated: Bool)? = nil,
        face: TemplateMatrix?, voice: TemplateMatrix?
    ) {
        self.calibration = calibration?.0
        isCalibrationOutdated = calibration?.isOutdated ?? false
        self.revision = revision
        self.people = people
        self.encoders = encoders
        self.face = face
        self.voice = voice
    }

    /// A gallery without people.
    public static let empty = GallerySnapshot(revision: 0, people: [], encoders: [:], face: nil, voice: nil)

    /// The two best people for one embedding.
    public struct Ranking: Sendable, Hashable {
        /// Index into ``GallerySnapshot/people``.
        public var best: Int
        /// −1…1.
        public var score: Float
        public var runnerUp: Int?
        public var runnerUpScore: Float?

        /// The two best of an array of scores, for example of fused ones; `nil` where nobody has a score. Of equal scores the
        /// person who was enrolled first wins.
        public init?(scores: Span<Float>) {
            var first = -1, second = -1
            var firstScore = GallerySnapshot.noScore, secondScore = GallerySnapshot.noScore
            for index in scores.indices {
                let score = scores[index]
                if score > firstScore {
                    (second, secondScore) = (first, firstScore)
                    (first, firstScore) = (index, score)
                } else if score > secondScore {
                    (second, secondScore) = (index, score)
                }
            }
            guard first >= 0 else { return nil }
            best = first
            self.score = firstScore
            runnerUp = second >= 0 ? second : nil
            runnerUpScore = second >= 0 ? secondScore : nil
        }
    }

    /// Templates of one person.
    public func templateCount(person: Int, modality: Modality) -> Int {
        guard let matrix = matrix(modality) else { return 0 }
        return matrix.firstRow[person + 1] - matrix.firstRow[person]
    }

    /// Templates of everybody.
    public func templateCount(_ modality: Modality) -> Int { matrix(modality)?.rows ?? 0 }

    /// Scores an embedding against every person.
    ///
    /// A person's score is the mean of the two highest cosines between the embedding and their templates (of the only one
    /// where there is one): one wrong template cannot lend somebody an identity by itself, and a person with many templates
    /// does not profit from chance as with the maximum.
    ///
    /// - Parameters:
    ///   - embedding: `[d]`, any norm.
    ///   - scores: `[people.count]`, written: −1…1, or ``noScore`` for people without templates of the modality and for
    ///     everybody where the embedding has no direction (norm zero, or an element that is not finite).
    /// - Returns: the two best, `nil` where nobody has a score.
    /// - Precondition: `d` is the dimension of the modality's encoder and `scores` has one element a person.
    @discardableResult
    public func match(_ embedding: Span<Float>, modality: Modality, scores: inout MutableSpan<Float>) -> Ranking? {
        precondition(scores.count == people.count, "\(scores.count) scores for \(people.count) people")
        guard let matrix = matrix(modality), matrix.rows > 0 else {
            for index in scores.indices { scores[index] = Self.noScore }
            return nil
        }
        precondition(
            embedding.count == matrix.dimension, "\(embedding.count)-d embedding for \(matrix.dimension)-d templates")
        score(embedding, matrix, excluding: nil, &scores)
        return Ranking(scores: scores.span)
    }

    /// - Parameter excluding: a row of the matrix that is passed over.
    func score(_ embedding: Span<Float>, _ matrix: TemplateMatrix, excluding: Int?, _ scores: inout MutableSpan<Float>) {
        precondition(scores.count == people.count, "\(scores.count) scores for \(people.count) people")
        for index in scores.indices { scores[index] = Self.noScore }
        let norm = SnapshotKernel.dot(embedding, embedding).squareRoot()
        guard norm.isFinite, norm > 1e-12 else { return }
        let scale = 1 / norm
        let values = matrix.values.span
        for person in people.indices {
            let rows = matrix.firstRow[person]..<matrix.firstRow[person + 1]
            if rows.isEmpty { continue }
            var first = Self.noScore, second = Self.noScore
            for row in rows where row != excluding {
                let template = values.extracting(row * matrix.dimension..<(row + 1) * matrix.dimension)
                let cosine = SnapshotKernel.dot(template, embedding) * scale
                if cosine > first {
                    second = first
                    first = cosine
                } else if cosine > second {
                    second = cosine
                }
            }
            // The second is missing where there is one template only; nothing is there where that one is passed over.
            scores[person] = second == Self.noScore ? first : (first + second) / 2
        }
    }

    func matrix(_ modality: Modality) -> TemplateMatrix? {
        switch modality {
        case .face: face
        case .voice: voice
        }
    }
}

/// The templates of one modality: `values` is `[rows, dimension]` row-major, unit rows; person `p` owns the rows
/// `firstRow[p]..<firstRow[p + 1]`.
struct TemplateMatrix: Sendable {
    var dimension: Int
    var values: [Float]
    /// `[rows]`, 0…1.
    var qualities: [Float]
    /// `[people + 1]`, ascending.
    var firstRow: [Int]
    var rows: Int { firstRow.last ?? 0 }
}

enum SnapshotKernel {
    /// Σ aᵢbᵢ in sixteen interleaved partial sums: the same order of additions on every processor.
    static func dot(_ a: Span<Float>, _ b: Span<Float>) -> Float {
        precondition(a.count == b.count)
        let count = a.count
        let blocks = count / 16
        return unsafe a.withUnsafeBytes { a in
            unsafe b.withUnsafeBytes { b in
                var sums = SIMD16<Float>()
                for block in 0..<blocks {
                    let x = unsafe a.loadUnaligned(fromByteOffset: block * 64, as: SIMD16<Float>.self)
                    let y = unsafe b.loadUnaligned(fromByteOffset: block * 64, as: SIMD16<Float>.self)
                    sums += x * y
                }
                var sum = sums.sum()
                for index in blocks * 16..<count {
                    let x = unsafe a.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
                    let y = unsafe b.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
                    sum += x * y
                }
                return sum
            }
        }
    }
}
