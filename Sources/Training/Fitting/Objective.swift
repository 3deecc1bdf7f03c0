import Foundation
import ModelBundle
import Tensors

/// What is minimised: the losses of a recipe, weighted and added. Thread-bound.
final class Objective {
    private let terms: [LossTerm]
    /// Of the terms; numbered where two are called alike.
    private let names: [String]
    private let model: FusionModel
    private var teachers: [Int: TrainableGraph] = [:]
    /// Teachers that see samples as they are.
    private var answers: [Int: TeacherAnswers] = [:]
    /// Queues of past embeddings, by the loss's number.
    private(set) var banks: [Int: MemoryBank] = [:]
    /// What the batch adds to them.
    private var fresh: [Int: (rows: TorchTensor, labels: [Int])] = [:]
    private let group: ProcessGroup?

    struct Value {
        /// `nil` where nobody in the batch has what any of the losses looks at.
        var total: TorchTensor?
        /// Unweighted, by label; NaN where nobody has what it looks at.
        var parts: [(label: String, value: Double)]
    }

    init(_ recipe: Recipe, _ model: FusionModel, _ data: TrainingData, classes: Int, group: ProcessGroup? = nil) throws {
        self.group = group
        terms = recipe.losses
        names = terms.indices.map { [terms] index in
            let before = terms[..<index].count { $0.label == terms[index].label }
            return before == 0 ? terms[index].label : "\(terms[index].label) \(before + 1)"
        }
        self.model = model
        for (index, term) in terms.enumerated() {
            switch term.kind {
            case .infoNCE(_, let bank, let momentum) where bank > 0: banks[index] = MemoryBank(capacity: bank, dimension: model.dimension(of: term.on[0]), momentum: momentum)
            case .distillation(let path, let measure, _, let view, let person, let isCentred):
                guard let slot = recipe.modalities.firstIndex(where: { $0.name == term.on[0] }) else { continue }
                let part = recipe.modalities[slot]
                guard part.isTrainable else {
                    throw FitError(.configuration, "\(term.label): the encoder of '\(part.name)' has train: false and cannot be taught; let it train, or leave the teacher out")
                }
                var frozen = part
                frozen.encoder = path
                if view == .clean { frozen.modality = part.modality.taught }
                var options = TrainableGraph.Options()
                options.device = model.device
                options.isTrainable = { _ in false }
                let graph = try FusionModel.imported(path, for: frozen)
                let teacher = try TrainableGraph(graph, options: options)
                let probe = try TorchTensor.zeros([1] + frozen.modality.inputShape)
                let shape = try TorchRuntime.withoutGradients { try teacher.run([teacher.inputs[0].name: probe], outputs: [teacher.outputs[0].name]) }.values.first?.shape ?? []
                let size = model.dimension(of: term.on[0])
                let isReducible = view == .clean && [.cosine, .absolute, .similarity].contains(measure) && shape.last ?? 0 > size
                guard shape.count == 2, measure == .relational || shape[1] == size || isReducible else {
                    let clean = view == .same && shape.last ?? 0 > size ? ", or sees: clean, which takes its principal axes" : ""
                    throw FitError(.badData, "\(path): the teacher's output is \(shape), the student's embedding has \(size) numbers; give the modality size: \(shape.last ?? 0), or use measure: relational\(clean)")
                }
                guard view == .clean || measure != .similarity else {
                    throw FitError(.configuration, "\(term.label): measure: similarity compares with all that the teacher said of the samples as they are; use sees: clean")
                }
                guard view == .clean || person == 0 else {
                    throw FitError(.configuration, "\(term.label): person takes a share of the mean of answers that are kept; use sees: clean")
                }
                guard view == .clean || !isCentred else {
                    throw FitError(.configuration, "\(term.label): centred takes away the mean of answers that are kept; use sees: clean")
                }
                guard view == .clean else {
                    teachers[index] = teacher
                    continue
                }
                guard measure != .divergence else {
                    throw FitError(.configuration, "\(term.label): measure: divergence compares logits, and a clean teacher's answers are kept as embeddings; use sees: same, or measure: cosine")
                }
                answers[index] = TeacherAnswers(
                    FrozenEmbeddings.Encoder(part: frozen, size: shape[1]) { graph }, slot: slot, size: isReducible ? size : shape[1], person: person, isCentred: isCentred,
                    student: part.isFile ? FrozenEmbeddings.Encoder(part: part, size: size) { try FusionModel.imported(part.encoder, for: part) } : nil, recipe, device: model.device, data)
            case .infoNCE, .contrastive:
                guard Set(term.on.map(model.dimension)).count == 1 else {
                    throw FitError(.configuration, "\(term.label): its embeddings have \(term.on.map { "\(model.dimension(of: $0))" }.joined(separator: " and ")) numbers, they must be of one size to be compared")
                }
            default: break
            }
        }
    }

    /// Asks teachers that see samples as they are.
    /// - Parameter advance: samples done, of so many.
    func prepare(_ samples: [Int], advance: (Int, Int) -> Void) throws {
        for (_, teacher) in answers.sorted(by: { $0.key < $1.key }) { try teacher.make(samples, advance: advance) }
    }

    /// - Parameters:
    ///   - labels: classes of the batch's samples.
    ///   - samples: their indices in the data.
    func callAsFunction(_ outputs: FusionModel.Outputs, _ inputs: FusionModel.Inputs, labels: [Int], samples: [Int], epoch: Int) throws -> Value {
        var total: TorchTensor?
        var parts: [(String, Double)] = []
        let contradictions = try model.recipe.fuser?.learnsContradictions == true ? model.contradictions(outputs, weights: inputs.weights, labels: labels) : nil
        for (index, term) in terms.enumerated() {
            guard let value = try evaluated(index, term, outputs, inputs, labels, samples, epoch, contradictions) else {
                // Nobody in this batch has what it looks at.
                parts.append((names[index], .nan))
                continue
            }
            parts.append((names[index], try value.item()))
            let weighted = try value * term.weight
            total = try total.map { try $0 + weighted } ?? weighted
        }
        try fillBanks(batch: labels.count)
        return Value(total: total, parts: parts)
    }

    /// Past embeddings of all processes, in the order of their ranks: a bank is the same on each, and the same as one process has with the whole batch.
    private func fillBanks(batch: Int) throws {
        defer { fresh = [:] }
        for (index, bank) in banks.sorted(by: { $0.key < $1.key }) {
            let rows = try fresh[index]?.rows.detached().unitLength().tensor().values(as: Float.self) ?? [], labels = fresh[index]?.labels ?? []
            guard let group else {
                bank.add(rows, labels: labels)
                continue
            }
            // Processes exchange tensors of one shape; places without an embedding are labelled −1.
            let none = batch - labels.count
            let allRows = try group.gathered(TorchTensor(rows + [Float](repeating: 0, count: none * bank.dimension), shape: [batch, bank.dimension])).tensor().values(as: Float.self)
            let allLabels = try group.gathered(TorchTensor(labels.map(Int64.init) + [Int64](repeating: -1, count: none), shape: [batch])).integers()
            let present = allLabels.indices.filter { allLabels[$0] >= 0 }
            bank.add(present.flatMap { allRows[$0 * bank.dimension..<($0 + 1) * bank.dimension] }, labels: present.map { allLabels[$0] })
        }
    }

    /// What the losses look at.
    var subjects: String { terms.map(\.label).joined(separator: ", ") }

    /// Rows of the batch that have an embedding.
    private func presentRows(_ name: String, _ inputs: FusionModel.Inputs) -> [Int] {
        guard let slot = model.recipe.modalities.firstIndex(where: { $0.name == name }) else { return Array(inputs.weights.indices) }
        return inputs.rows[slot]
    }

    private func chosen(_ name: String, _ rows: [Int], _ outputs: FusionModel.Outputs) throws -> TorchTensor {
        let slot = model.recipe.modalities.firstIndex { $0.name == name }
        let all = slot.map { outputs.modalities[$0] } ?? outputs.fused
        return rows.count == all.shape[0] ? all : try all.selected(0, TorchTensor(rows.map(Int64.init), shape: [rows.count], device: model.device))
    }

    private func evaluated(
        _ index: Int, _ term: LossTerm, _ outputs: FusionModel.Outputs, _ inputs: FusionModel.Inputs, _ labels: [Int], _ samples: [Int], _ epoch: Int,
        _ contradictions: TorchTensor?
    ) throws -> TorchTensor? {
        let there = term.on.map { Set(presentRows($0, inputs)) }
        let rows = there.dropFirst().reduce(there[0]) { $0.intersection($1) }.sorted()
        guard !rows.isEmpty else { return nil }
        let own = rows.map { labels[$0] }
        let first = try chosen(term.on[0], rows, outputs)
        switch term.kind {
        case .crossEntropy(let smoothing):
            guard let head = model.head(index, term) else { return nil }
            return try CrossEntropy(smoothing: smoothing)(logits: first.matmul(head.transposed()) * Self.scale, labels: own)
        case .additiveAngularMargin(let scale, let margin):
            guard let head = model.head(index, term) else { return nil }
            return try CrossEntropy()(logits: AdditiveAngularMargin(scale: scale, margin: margin)(embeddings: first, centres: head, labels: own), labels: own)
        case .triplet(let margin, let mining):
            guard let contradictions, !model.recipe.modalities.contains(where: { $0.name == term.on[0] }) else {
                return try TripletLoss(margin: margin, mining: mining)(embeddings: first, labels: own)
            }
            // Each of them is a person of its own, whom everybody must keep away from.
            let nobody = (0..<contradictions.shape[0]).map { -1 - $0 }
            return try TripletLoss(margin: margin, mining: mining)(embeddings: .concatenated([first, contradictions], axis: 0), labels: own + nobody)
        case .contrastive(let margin, let curriculum):
            let second = try chosen(term.on[1], rows, outputs)
            return try CurriculumContrastive(margin: margin)(first, second, labels: own, difficulty: curriculum.difficulty(epoch: epoch))
        case .infoNCE(let temperature, _, _):
            let loss = InfoNCE(temperature: temperature)
            if term.on.count == 2 {
                let second = try chosen(term.on[1], rows, outputs)
                guard let bank = banks[index] else { return try loss.symmetric(first, second, labels: own) }
                fresh[index] = (second, own)
                return try loss(first, second, labels: own, bank: bank)
            }
            // Within one embedding: neighbours of the same person are each other's right answer.
            let partners: [Int64] = own.indices.map { Int64(Self.partner(of: $0, own)) }
            let keys = try first.selected(0, TorchTensor(partners, shape: [partners.count], device: model.device))
            if banks[index] != nil { fresh[index] = (first, own) }
            return try loss(first, keys, labels: own, bank: banks[index])
        case .preservation(let shares):
            // Side by side and of length 1: their cosine is the modalities' cosines, weighted.
            let whole = try TorchTensor.concatenated(zip(outputs.modalities, shares).map { try $0.detached() * $1.squareRoot() }, axis: 1)
            let own = rows.count == whole.shape[0] ? whole : try whole.selected(0, TorchTensor(rows.map(Int64.init), shape: [rows.count], device: model.device))
            return try Distillation.relational(student: first, teacher: own)
        case .distillation(_, let measure, let temperature, _, _, _):
            guard let wanted = try answers[index].map({ try $0.tensor(rows.map { samples[$0] }) }) ?? answer(index, term, inputs) else { return nil }
            switch measure {
            case .cosine: return try Distillation.cosine(student: first, teacher: wanted)
            case .absolute: return try Distillation.absolute(student: first, teacher: wanted.unitLength())
            case .relational: return try Distillation.relational(student: first, teacher: wanted)
            case .similarity:
                guard let known = try answers[index]?.all() else { return nil }
                return try Distillation.similarity(student: first, teacher: wanted, known: known, temperature: temperature)
            case .divergence: return try Distillation.divergence(student: first * Self.scale, teacher: wanted, temperature: temperature)
            }
        }
    }

    /// What a teacher says of what the student sees.
    private func answer(_ index: Int, _ term: LossTerm, _ inputs: FusionModel.Inputs) throws -> TorchTensor? {
        guard let teacher = teachers[index], let slot = model.recipe.modalities.firstIndex(where: { $0.name == term.on[0] }), let values = inputs.values[slot] else { return nil }
        let pieces = model.recipe.modalities[slot].modality.piecesPerSample
        let answer = try TorchRuntime.withoutGradients { try teacher.run([teacher.inputs[0].name: values], outputs: [teacher.outputs[0].name]) }
        guard let said = answer[teacher.outputs[0].name] else { return nil }
        return pieces > 1 ? try said.unitLength().reshaped([-1, pieces, said.shape[1]]).mean([1]) : said
    }

    /// The nearest other row of the same label; the row itself where there is none.
    private static func partner(of place: Int, _ labels: [Int]) -> Int {
        var found = place
        for other in labels.indices where other != place && labels[other] == labels[place] {
            if found == place || abs(other - place) < abs(found - place) { found = other }
        }
        return found
    }

    /// Embeddings have length 1: logits of a classification are their products with its weights times this.
    private static let scale = 16.0
}
