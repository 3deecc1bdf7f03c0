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
    private let device: TorchDevice
    private var axes: PrincipalAxes?
    /// Answers that axes are found from, at most.
    private static let most = 4096

    /// - Parameters:
    ///   - slot: of the modality.
    ///   - size: numbers of an answer, at most the teacher's.
    init(_ teacher: FrozenEmbeddings.Encoder, slot: Int, size: Int, _ recipe: Recipe, device: TorchDevice, _ data: TrainingData) {
        embeddings = FrozenEmbeddings(
            [FrozenEmbeddings.Encoder](repeating: teacher, count: recipe.modalities.count), cache: recipe.cache, seed: recipe.seed, device: device, data, BatchLoader(data, recipe, device: device))
        self.slot = slot
        self.size = size
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
        guard size < teacherSize, axes == nil else { return }
        let step = max(1, samples.count / Self.most)
        axes = PrincipalAxes(of: stride(from: 0, to: samples.count, by: step).compactMap { embeddings.embedding(samples[$0], slot, .clean) }, count: size)
    }

    /// `[samples, size]`. Samples that the teacher has no answer for get zeros: their cosine is zero.
    func tensor(_ samples: [Int]) throws -> TorchTensor {
        var values: [Float] = []
        values.reserveCapacity(samples.count * size)
        for index in samples {
            let answer = embeddings.embedding(index, slot, .clean)
            values += answer.map { axes?.applied(to: $0) ?? $0 } ?? [Float](repeating: 0, count: size)
        }
        return try TorchTensor(values, shape: [samples.count, size], device: device)
    }
}
