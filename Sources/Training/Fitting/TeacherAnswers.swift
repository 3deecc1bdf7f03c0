import Biometrics
import Tensors

/// What a teacher says of samples as they are: asked once for each, kept, and reduced to the student's size.
///
/// A teacher that sees a good picture while the student sees it blurred or dark tells the student what does not depend on that; and a large teacher is asked once for
/// a sample, not once in every epoch. Thread-bound.
final class TeacherAnswers {
    private let embeddings: FrozenEmbeddings
    private let slot: Int
    private let teacherSize: Int
    private let size: Int
    private let person: Double
    private let data: TrainingData
    private let seed: UInt64
    private let device: TorchDevice
    /// `[size]` by sample.
    private var answers: [Int: [Float]] = [:]
    /// Answers that principal axes are found from, at most.
    private static let most = 4096
    /// What a student is compared with in every step, at most: the time of it grows with them.
    private static let mostKnown = 16384
    private var known: TorchTensor?

    /// - Parameters:
    ///   - slot: of the modality.
    ///   - size: numbers of an answer, at most the teacher's.
    ///   - person: 0…1, the share of the mean of a person's answers in each of them.
    init(_ teacher: FrozenEmbeddings.Encoder, slot: Int, size: Int, person: Double, _ recipe: Recipe, device: TorchDevice, _ data: TrainingData) {
        var asked = recipe
        asked.modalities[slot] = teacher.part
        embeddings = FrozenEmbeddings(
            [FrozenEmbeddings.Encoder](repeating: teacher, count: recipe.modalities.count), cache: recipe.cache, seed: recipe.seed, device: device, data, BatchLoader(data, asked, device: device))
        self.slot = slot
        self.person = person
        self.data = data
        self.size = size
        seed = recipe.seed
        self.device = device
        teacherSize = teacher.size
    }

    /// Asks for what is not known yet.
    /// - Parameters:
    ///   - samples: indices, in an order that does not change: the axes follow from it.
    ///   - advance: samples done, of so many.
    func make(_ samples: [Int], advance: (Int, Int) -> Void) throws {
        var views = [[SampleView]](repeating: [], count: slot + 1)
        views[slot] = [.clean]
        try embeddings.make(samples, views: views, advance: advance)
        var whole: [(index: Int, answer: [Float])] = []
        for index in samples { if let answer = embeddings.embedding(index, slot, .clean) { whole.append((index, answer)) } }
        if person > 0 { whole = drawnToPeople(whole) }
        guard size < teacherSize, !whole.isEmpty else {
            for (index, answer) in whole { answers[index] = answer }
            return
        }
        func matrix(_ rows: [[Float]]) -> Matrix { Matrix(rows: rows.count, columns: teacherSize, values: rows.flatMap { $0 }) }
        let some = stride(from: 0, to: whole.count, by: max(1, whole.count / Self.most)).map { whole[$0].answer }
        let axes = PrincipalComponents(of: matrix(some), count: size, seed: seed).directions
        for (index, answer) in whole {
            // Fewer samples than numbers span fewer axes.
            let reduced = matrix([answer]).times(transposeOf: axes).values
            answers[index] = reduced + [Float](repeating: 0, count: size - reduced.count)
        }
    }

    /// Answers of length 1, each of them moved towards the mean of its person's, and again of length 1.
    private func drawnToPeople(_ whole: [(index: Int, answer: [Float])]) -> [(index: Int, answer: [Float])] {
        func unit(_ vector: [Float]) -> [Float] {
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return length > 0 ? vector.map { $0 / length } : vector
        }
        let answers = whole.map { (index: $0.index, answer: unit($0.answer)) }
        var sums: [String: [Float]] = [:]
        for (index, answer) in answers { sums[data.samples[index].identity, default: [Float](repeating: 0, count: answer.count)].add(answer) }
        let means = sums.mapValues(unit), share = Float(person)
        return answers.map { index, answer in
            let mean = means[data.samples[index].identity] ?? answer
            return (index, unit(zip(answer, mean).map { (1 - share) * $0 + share * $1 }))
        }
    }

    /// What the teacher said of all samples, or of as many of them, evenly chosen, as are worth comparing with: `[answers, size]`.
    func all() throws -> TorchTensor {
        if let known { return known }
        let keys = answers.keys.sorted()
        let chosen = stride(from: 0, to: keys.count, by: max(1, (keys.count + Self.mostKnown - 1) / Self.mostKnown)).map { keys[$0] }
        let known = try TorchTensor(chosen.flatMap { answers[$0] ?? [] }, shape: [chosen.count, size], device: device)
        self.known = known
        return known
    }

    /// `[samples, size]`. Samples that the teacher has no answer for get zeros: their cosine is zero.
    func tensor(_ samples: [Int]) throws -> TorchTensor {
        try TorchTensor(samples.flatMap { answers[$0] ?? [Float](repeating: 0, count: size) }, shape: [samples.count, size], device: device)
    }
}

extension [Float] {
    /// Element by element; of equal length.
    fileprivate mutating func add(_ other: [Float]) { for index in indices { self[index] += other[index] } }
}
