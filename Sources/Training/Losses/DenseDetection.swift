import Tensors

/// A finder of faces that answers in every cell as its teacher does.
///
///     L = Σ |ŝ − s|² H(s, ŝ) / (Σ w + 1)  +  Σ w · (|Δcentre| / size + |Δ ln size|) / Σ w  +  Σ 6 · w · mean |Δlandmark| / size / Σ w ,    w = ŝ² where ŝ > 0.3, else 0
///
/// over all cells of all strides; s is the student's score, ŝ the teacher's √(cls · obj), H their cross-entropy, which counts where the two differ (Li et al., "Generalized
/// Focal Loss", NeurIPS 2020: without that factor most of it is what the teacher says of thousands of cells without a face), size the side of the teacher's box in
/// cells, √(width · height). Without boxes drawn by people it learns from any picture, as in Chen et al., "Learning Efficient Object Detection Models with Knowledge
/// Distillation", NeurIPS 2017, and needs no assignment of faces to cells: the teacher has made it.
public struct DenseDetection: Sendable {
    public static let strides = [8, 16, 32]
    /// Scores below which the teacher's box is no face's.
    public var least = 0.3
    /// Weights of boxes and landmarks beside the scores. Ten coordinates share the mean that landmarks are; with a weight of 1 they came out a tenth of the eye distance off.
    public var boxes = 1.0
    public var landmarks = 6.0

    public init() {}

    /// What a network answered, by output name, as `[batch, cells, 1 | 4 | 10]`.
    public typealias Answers = [String: TorchTensor]

    /// A scalar.
    public func callAsFunction(_ student: Answers, _ teacher: Answers) throws(TorchError) -> TorchTensor {
        let parts = try parts(student, teacher)
        return try parts.scores + parts.boxes * boxes + parts.landmarks * landmarks
    }

    /// The three scalars that it is the weighted sum of.
    public func parts(_ student: Answers, _ teacher: Answers) throws(TorchError) -> (scores: TorchTensor, boxes: TorchTensor, landmarks: TorchTensor) {
        func all(_ answers: Answers, _ kind: String) throws(TorchError) -> TorchTensor {
            var parts: [TorchTensor] = []
            for stride in Self.strides { if let part = answers["\(kind)_\(stride)"] { parts.append(part) } }
            return try TorchTensor.concatenated(parts, axis: 1)
        }
        let wanted = try (all(teacher, "cls") * all(teacher, "obj")).clamped(0, 1).squareRoot()
        let score = try all(student, "cls").clamped(BinaryCrossEntropy.floor, 1 - BinaryCrossEntropy.floor)
        let entropy = try -(wanted * score.log() + (-wanted + 1) * (-score + 1).log())
        let weight = try wanted.square() * wanted.isGreater(than: least).converted(to: .float32)
        let total = try weight.sum() + 1e-3
        let found = try (entropy * (wanted - score).square()).sum() / (weight.sum() + 1)
        let box = try all(teacher, "bbox"), own = try all(student, "bbox")
        let size = try (box.sliced(2, 2, 3) + box.sliced(2, 3, 4)).clamped(-8, 12) * 0.5
        let side = try size.exp()
        let difference = try (own - box).absolute()
        let boxError = try difference.sliced(2, 0, 2).sum([2], keepsAxes: true) / side + difference.sliced(2, 2, 4).sum([2], keepsAxes: true)
        let points = try (all(student, "kps") - all(teacher, "kps")).absolute().mean([2], keepsAxes: true) / side
        return try (found, (boxError * weight).sum() / total, (points * weight).sum() / total)
    }
}
