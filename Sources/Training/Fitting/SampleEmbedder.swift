import Datasets
public import ModelBundle
import Tensors

/// Embeddings of samples as a trained model gives them. Thread-bound.
public final class SampleEmbedder {
    private let model: FusionModel
    private let data: TrainingData
    private let loader: BatchLoader
    private let frozen: FrozenEmbeddings?
    private let fuser: FrozenFuser?
    private static let chunk = 64

    /// One sample's embeddings; `nil` where it has none.
    public struct Embeddings {
        /// By modality, in the recipe's order.
        public var modalities: [[Float]?]
        public var fused: [Float]?
    }

    public convenience init(_ model: FusionModel, _ data: TrainingData) {
        let loader = BatchLoader(data, model.recipe, device: model.device)
        self.init(model, data, loader, FrozenEmbeddings.serves(model.recipe) ? FrozenEmbeddings(model, data, loader) : nil)
    }

    /// - Parameter instead: networks to be run in place of the model's, by modality, and `fuser`: what their files give.
    public convenience init(_ model: FusionModel, _ data: TrainingData, instead: [String: Graph]) throws {
        guard !instead.isEmpty else {
            self.init(model, data)
            return
        }
        let names = model.recipe.modalities.map(\.name), fuser = instead["fuser"].flatMap { model.fuser == nil ? nil : $0 }
        if let unknown = instead.keys.sorted().first(where: { !names.contains($0) && !($0 == "fuser" && fuser != nil) }) {
            throw FitError(.configuration, "network '\(unknown)': the run's are \((names + (model.fuser == nil ? [] : ["fuser"])).joined(separator: ", "))")
        }
        let exported = try model.exported()
        // Nothing is kept on disk: a cache knows encoders by their recipe.
        let encoders = model.recipe.modalities.indices.map { slot in
            FrozenEmbeddings.Encoder(part: model.recipe.modalities[slot], size: model.dimensions[slot]) { instead[names[slot]] ?? exported[slot].graph }
        }
        let loader = BatchLoader(data, model.recipe, device: model.device)
        let frozen = FrozenEmbeddings(encoders, cache: nil, seed: model.recipe.seed, device: model.device, data, loader)
        self.init(model, data, loader, frozen, try fuser.map { try FrozenFuser($0, modalities: zip(names, model.dimensions).map { ($0, $1) }) })
    }

    init(_ model: FusionModel, _ data: TrainingData, _ loader: BatchLoader, _ frozen: FrozenEmbeddings?, _ fuser: FrozenFuser? = nil) {
        self.model = model
        self.data = data
        self.loader = loader
        self.frozen = frozen
        self.fuser = fuser
    }

    /// - Parameters:
    ///   - indices: samples.
    ///   - view: how they are looked at.
    ///   - modalities: names of those that count; all where `nil`.
    ///   - advance: samples done, of so many.
    public func embeddings(
        of indices: [Int], view: SampleView = .clean, modalities: Set<String>? = nil, advance: (Int, Int) -> Void = { _, _ in }
    ) throws -> [Embeddings] {
        model.isTraining = false
        let slots = model.dimensions.count
        if let frozen { try frozen.make(indices, views: Array(repeating: [view], count: slots), advance: advance) }
        var all: [Embeddings] = []
        for start in stride(from: 0, to: indices.count, by: Self.chunk) {
            let part = Array(indices[start..<min(start + Self.chunk, indices.count)])
            let look = BatchLoader.Look.fixed(view, modalities: modalities)
            try TorchRuntime.withoutGradients {
                let outputs: FusionModel.Outputs, rows: [[Int]], weights: [[Float]]
                if let frozen {
                    let kept = part.enumerated().map { loader.keptSlots(data.samples[$1], look, $0) }
                    let inputs = try frozen.inputs(part, Array(repeating: Array(repeating: view, count: slots), count: part.count), kept: kept)
                    (rows, weights) = (inputs.rows, inputs.weights)
                    outputs = try model.fused(inputs.present, rows: rows, weights: Self.filled(weights))
                } else {
                    let inputs = try loader.inputs(part, look)
                    (rows, weights) = (inputs.rows, inputs.weights)
                    outputs = try model.run(FusionModel.Inputs(values: inputs.values, rows: rows, weights: Self.filled(weights)))
                }
                let single = try outputs.modalities.map { try $0.tensor().values(as: Float.self) }
                let fused = try fuser == nil ? outputs.fused.tensor().values(as: Float.self) : []
                for place in part.indices {
                    let modalities = (0..<slots).map { slot in
                        rows[slot].contains(place) ? Array(single[slot][place * model.dimensions[slot]..<(place + 1) * model.dimensions[slot]]) : nil
                    }
                    let size = fused.count / part.count
                    let own = try fuser.map { try $0.embedding(modalities, weights: weights[place]) } ?? Array(fused[place * size..<(place + 1) * size])
                    all.append(Embeddings(modalities: modalities, fused: modalities.contains { $0 != nil } ? own : nil))
                }
            }
            if frozen == nil { advance(min(start + Self.chunk, indices.count), indices.count) }
        }
        return all
    }

    /// Fused embeddings of samples that contradict themselves, two at a time of one person: by slot, those that keep this modality and have the other of somebody
    /// a few people on. Samples have both.
    func contradictions(_ samples: [Embeddings]) throws -> [[[Float]]] {
        model.isTraining = false
        let count = samples.count, shift = 2 * max(1, count / 6)
        return try (0..<2).map { kept in
            try TorchRuntime.withoutGradients {
                if let fuser {
                    return try (0..<count).map { place in
                        try fuser.embedding((0..<2).map { samples[$0 == kept ? place : (place + shift) % count].modalities[$0] }, weights: [1, 1])
                    }
                }
                let present = try (0..<2).map { slot in
                    let values = (0..<count).flatMap { samples[slot == kept ? $0 : ($0 + shift) % count].modalities[slot] ?? [] }
                    return try TorchTensor(values, shape: [count, model.dimensions[slot]], device: model.device) as TorchTensor?
                }
                let rows = [[Int]](repeating: Array(0..<count), count: 2), weights = [[Float]](repeating: [1, 1], count: count)
                let fused = try model.fused(present, rows: rows, weights: weights).fused.tensor().values(as: Float.self), size = fused.count / count
                return (0..<count).map { Array(fused[$0 * size..<($0 + 1) * size]) }
            }
        }
    }

    /// Samples that have nothing get weights that can be divided by; what comes out of them is not used.
    private static func filled(_ weights: [[Float]]) -> [[Float]] {
        weights.map { row in row.contains { $0 > 0 } ? row : [Float](repeating: 1, count: row.count) }
    }
}
