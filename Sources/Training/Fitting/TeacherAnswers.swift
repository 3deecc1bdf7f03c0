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
    private let isCentred: Bool
    /// What the student says before it learns, where it has learnt before.
    private let beginning: FrozenEmbeddings?
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
    ///   - isCentred: what the answers to all people have in common is taken away, so that a cosine is of what tells people apart.
    ///   - student: as it is before it learns, where it has learnt before: which way the axes of reduced answers point is arbitrary, and they are turned to where it says nearly
    ///     the same already. `nil`: they stay as they are found.
    init(
        _ teacher: FrozenEmbeddings.Encoder, slot: Int, size: Int, person: Double, isCentred: Bool, student: FrozenEmbeddings.Encoder?, _ recipe: Recipe, device: TorchDevice, _ data: TrainingData
    ) {
        func embeddings(_ encoder: FrozenEmbeddings.Encoder) -> FrozenEmbeddings {
            var asked = recipe
            asked.modalities[slot] = encoder.part
            return FrozenEmbeddings(
                [FrozenEmbeddings.Encoder](repeating: encoder, count: recipe.modalities.count), cache: recipe.cache, seed: recipe.seed, device: device, data, BatchLoader(data, asked, device: device))
        }
        self.embeddings = embeddings(teacher)
        beginning = student.map(embeddings)
        self.slot = slot
        self.person = person
        self.isCentred = isCentred
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
        if size < teacherSize, !whole.isEmpty { whole = try reduced(whole, views, advance: advance) }
        if isCentred { whole = centred(whole) }
        for (index, answer) in whole { answers[index] = answer }
    }

    /// Answers in their principal axes, `size` numbers each.
    private func reduced(_ whole: [(index: Int, answer: [Float])], _ views: [[SampleView]], advance: (Int, Int) -> Void) throws -> [(index: Int, answer: [Float])] {
        func matrix(_ rows: [[Float]], _ columns: Int) -> Matrix { Matrix(rows: rows.count, columns: columns, values: rows.flatMap { $0 }) }
        let some = stride(from: 0, to: whole.count, by: max(1, whole.count / Self.most)).map { whole[$0] }
        let axes = PrincipalComponents(of: matrix(some.map(\.answer), teacherSize), count: size, seed: seed).directions
        func inAxes(_ answer: [Float]) -> [Float] {
            // Fewer samples than numbers span fewer axes.
            let values = matrix([answer], teacherSize).times(transposeOf: axes).values
            return values + [Float](repeating: 0, count: size - values.count)
        }
        guard let beginning else { return whole.map { ($0.index, inAxes($0.answer)) } }
        try beginning.make(some.map(\.index), views: views, advance: advance)
        let known = some.compactMap { one in beginning.embedding(one.index, slot, .clean).map { (answer: inAxes(one.answer), own: $0) } }
        // What is common to all would decide alone.
        func spread(_ rows: [[Float]]) -> Matrix {
            let units = rows.map(Self.unit)
            var mean = [Float](repeating: 0, count: size)
            for row in units { mean.add(row) }
            return matrix(units.map { zip($0, mean).map { $0 - $1 / Float(units.count) } }, size)
        }
        guard known.count > 1 else { return whole.map { ($0.index, inAxes($0.answer)) } }
        let rotation = nearestRotation(of: spread(known.map(\.answer)), onto: spread(known.map(\.own)))
        return whole.map { one in (one.index, rotation.combined(by: matrix([inAxes(one.answer)], size)).values) }
    }

    private static func unit(_ vector: [Float]) -> [Float] {
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 ? vector.map { $0 / length } : vector
    }

    /// Answers of length 1 less the mean of all people's, and again of length 1.
    private func centred(_ whole: [(index: Int, answer: [Float])]) -> [(index: Int, answer: [Float])] {
        let answers = whole.map { (index: $0.index, answer: Self.unit($0.answer)) }
        var sums: [String: (sum: [Float], count: Int)] = [:]
        for (index, answer) in answers {
            let who = data.samples[index].identity
            sums[who, default: ([Float](repeating: 0, count: answer.count), 0)].sum.add(answer)
            sums[who]?.count += 1
        }
        var mean = [Float](repeating: 0, count: answers.first?.answer.count ?? 0)
        // In an order that does not change: sums of floating-point numbers depend on it.
        for (_, person) in sums.sorted(by: { $0.key < $1.key }) { mean.add(person.sum.map { $0 / Float(person.count * sums.count) }) }
        return answers.map { ($0.index, Self.unit(zip($0.answer, mean).map { $0 - $1 })) }
    }

    /// Answers of length 1, each of them moved towards the mean of its person's, and again of length 1.
    private func drawnToPeople(_ whole: [(index: Int, answer: [Float])]) -> [(index: Int, answer: [Float])] {
        let answers = whole.map { (index: $0.index, answer: Self.unit($0.answer)) }
        var sums: [String: [Float]] = [:]
        for (index, answer) in answers { sums[data.samples[index].identity, default: [Float](repeating: 0, count: answer.count)].add(answer) }
        let means = sums.mapValues(Self.unit), share = Float(person)
        return answers.map { index, answer in
            let mean = means[data.samples[index].identity] ?? answer
            return (index, Self.unit(zip(answer, mean).map { (1 - share) * $0 + share * $1 }))
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
