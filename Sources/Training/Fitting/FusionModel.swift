import Foundation
public import ModelBundle
public import Tensors

/// The networks that a recipe trains: an encoder for each modality, a fuser, and what its losses learn besides (centres of classes). Thread-bound.
///
/// A sample's missing modality is no input of zeros: encoders see the present ones only, so that their batch statistics are those of real data, and the
/// fuser gets weight 0 in its place.
public final class FusionModel {
    /// What goes in: all samples of a batch, modality by modality.
    public struct Inputs {
        /// The present ones' inputs, `[present · pieces] + inputShape`.
        public var values: [TorchTensor?]
        /// Which samples of the batch they are of.
        public var rows: [[Int]]
        /// `[n, modalities]`, 0…1.
        public var weights: [[Float]]

        public init(values: [TorchTensor?], rows: [[Int]], weights: [[Float]]) {
            self.values = values
            self.rows = rows
            self.weights = weights
        }
    }

    /// What comes out.
    public struct Outputs {
        /// Of each modality, `[n, d]`; zeros where it is missing.
        public var modalities: [TorchTensor]
        /// `[n, d]`, of length 1.
        public var fused: TorchTensor
    }

    public let recipe: Recipe
    public let encoders: [TrainableGraph]
    /// Sizes of the encoders' embeddings.
    public let dimensions: [Int]
    public let fuser: TrainableGraph?
    private let fuserKind: (any Fuser)?
    /// Weights of losses: `[classes, d]` by name.
    public private(set) var heads: [(name: String, tensor: TorchTensor)] = []
    public let device: TorchDevice
    private let pieces: [Int]

    /// - Parameters:
    ///   - classes: people that are learnt from; `nil` where nothing is learnt any more, and losses need no weights.
    public init(_ recipe: Recipe, classes: Int?, device: TorchDevice = .cpu) throws {
        self.recipe = recipe
        self.device = device
        var options = TrainableGraph.Options()
        options.device = device
        var encoders: [TrainableGraph] = [], dimensions: [Int] = []
        for part in recipe.modalities {
            let graph = try Self.encoder(part, seed: recipe.seed)
            var own = options
            let learns = part.isTrainable
            own.isTrainable = { _ in learns }
            let encoder = try TrainableGraph(graph, options: own)
            encoder.precision = recipe.precision
            encoders.append(encoder)
            dimensions.append(try Self.dimension(encoder, part))
        }
        self.encoders = encoders
        self.dimensions = dimensions
        pieces = recipe.modalities.map { $0.modality.piecesPerSample }
        if let wanted = recipe.fuser, let kind = FuserNetwork.named(wanted.name, dimension: wanted.dimension) {
            fuserKind = kind
            let draws = kind is EmbraceNetFuser
            let sizes = zip(recipe.modalities, dimensions).map { (name: $0.name, size: $1) }
            fuser = try TrainableGraph(FuserNetwork.graph(kind, modalities: sizes, drawsShares: draws, seed: recipe.seed), options: options)
        } else {
            fuserKind = nil
            fuser = nil
        }
        guard let classes else { return }
        for (index, term) in recipe.losses.enumerated() where term.hasClasses {
            let size = dimension(of: term.on[0])
            let name = "head.\(index).\(term.name)"
            let tensor = try TorchTensor(WeightInitializer.xavier.tensor([classes, size], inputs: size, outputs: classes, seed: recipe.seed, name: name), device: device)
            try tensor.setRequiresGradient(true)
            heads.append((name, tensor))
        }
    }

    /// The graph of an encoder before training.
    static func encoder(_ part: Recipe.ModalityRecipe, seed: UInt64) throws -> Graph {
        guard part.isFile else {
            guard let graph = try part.modality.encoder(named: part.encoder, dimension: part.dimension, seed: seed) else {
                throw FitError(.configuration, "modality '\(part.name)' has no encoder '\(part.encoder)', only \(part.modality.encoderNames.joined(separator: ", "))")
            }
            return graph
        }
        return try imported(part.encoder, for: part)
    }

    /// An ONNX file whose one input takes what a modality gives.
    static func imported(_ path: String, for part: Recipe.ModalityRecipe) throws -> Graph {
        guard FileManager.default.fileExists(atPath: path) else { throw FitError(.noInput, "\(path): no such file; expected an ONNX network for modality '\(part.name)'") }
        let graph: Graph
        do { graph = try Graph(onnxFile: URL(fileURLWithPath: path)) } catch { throw FitError(.badData, "\(path): \(error)") }
        let expected = part.modality.inputShape
        func refuse(_ problem: String) -> FitError {
            FitError(.badData, "\(path): its contract does not fit modality '\(part.name)': \(problem); expected one input [batch, \(expected.map(String.init).joined(separator: ", "))] and one output [batch, size], made by the front end\n\(part.modality.contract)")
        }
        guard graph.inputs.count == 1, let input = graph.inputs.first, graph.outputs.count >= 1 else { throw refuse("it has \(graph.inputs.count) inputs and \(graph.outputs.count) outputs") }
        if let shape = input.shape {
            let fits = shape.count == expected.count + 1 && zip(shape.dropFirst(), expected).allSatisfy { dimension, size in
                if case .fixed(let fixed) = dimension { return fixed == size }
                return true
            }
            guard fits else { throw refuse("its input '\(input.name)' is \(shape.text)") }
        }
        return graph.withFreeBatch()
    }

    private static func dimension(_ encoder: TrainableGraph, _ part: Recipe.ModalityRecipe) throws -> Int {
        guard part.isFile else { return part.dimension }
        // A file may leave its output's size open: one run tells.
        let probe = try TorchTensor.zeros([1] + part.modality.inputShape)
        let output = try TorchRuntime.withoutGradients { try encoder.run([encoder.inputs[0].name: probe], outputs: [encoder.outputs[0].name]) }
        guard let shape = output.values.first?.shape, shape.count == 2, shape[0] == 1 else {
            throw FitError(.badData, "\(part.encoder): its output '\(encoder.outputs[0].name)' is \(output.values.first?.shape ?? []), expected [1, size]")
        }
        return shape[1]
    }

    /// Size of an embedding by what losses call it.
    public func dimension(of name: String) -> Int {
        if let index = recipe.modalities.firstIndex(where: { $0.name == name }) { return dimensions[index] }
        return recipe.fuser?.dimension ?? dimensions[0]
    }

    public func head(_ index: Int, _ term: LossTerm) -> TorchTensor? { heads.first { $0.name == "head.\(index).\(term.name)" }?.tensor }

    // MARK: Running

    public var isTraining = false {
        didSet {
            for (encoder, part) in zip(encoders, recipe.modalities) { encoder.isTraining = isTraining && part.isTrainable }
            fuser?.isTraining = isTraining
        }
    }

    /// Embeddings of a modality's present samples, `[present, d]`, of length 1 whatever the encoder gives.
    public func embeddings(of slot: Int, _ values: TorchTensor) throws -> TorchTensor {
        let encoder = encoders[slot]
        let result = try encoder.run([encoder.inputs[0].name: values], outputs: [encoder.outputs[0].name])
        guard let made = result[encoder.outputs[0].name] else { throw FitError(.internalError, "the encoder of '\(recipe.modalities[slot].name)' gave nothing") }
        let unit = try made.unitLength()
        guard pieces[slot] > 1 else { return unit }
        return try unit.reshaped([-1, pieces[slot], dimensions[slot]]).mean([1]).unitLength()
    }

    public func run(_ inputs: Inputs) throws -> Outputs {
        var present: [TorchTensor?] = []
        for slot in encoders.indices {
            guard let values = inputs.values[slot] else {
                present.append(nil)
                continue
            }
            present.append(
                recipe.modalities[slot].isTrainable
                    ? try embeddings(of: slot, values) : try TorchRuntime.withoutGradients { try embeddings(of: slot, values) })
        }
        return try fused(present, rows: inputs.rows, weights: inputs.weights)
    }

    /// From embeddings that are there already, `[present, d]` each.
    public func fused(_ present: [TorchTensor?], rows: [[Int]], weights: [[Float]]) throws -> Outputs {
        let count = weights.count
        var modalities: [TorchTensor] = []
        for (slot, value) in present.enumerated() { modalities.append(try placed(value, rows[slot], count, dimensions[slot])) }
        guard fuser != nil else { return Outputs(modalities: modalities, fused: try modalities[0].unitLength()) }
        return Outputs(modalities: modalities, fused: try fused(modalities, weights))
    }

    /// Samples that contradict themselves: the first modality of each that has all, with the others of the next of somebody else. Nobody's, `[such samples, d]`; `nil` where
    /// there are no two people.
    /// - Parameter labels: who the samples are of.
    public func contradictions(_ outputs: Outputs, weights: [[Float]], labels: [Int]) throws -> TorchTensor? {
        let whole = weights.indices.filter { weights[$0].allSatisfy { $0 > 0 } }
        guard fuser != nil, weights.first?.count ?? 0 > 1 else { return nil }
        var pairs: [(own: Int, other: Int)] = []
        for (place, own) in whole.enumerated() {
            let next = (1..<max(1, whole.count)).lazy.map { whole[(place + $0) % whole.count] }.first { labels[$0] != labels[own] }
            if let next { pairs.append((own, next)) }
        }
        guard !pairs.isEmpty else { return nil }
        func rows(_ places: [Int]) throws -> TorchTensor { try TorchTensor(places.map(Int64.init), shape: [places.count], device: device) }
        let modalities = try outputs.modalities.enumerated().map { slot, value in try value.selected(0, rows(pairs.map { slot == 0 ? $0.own : $0.other })) }
        let mixed = pairs.map { pair in weights[pair.own].indices.map { weights[$0 == 0 ? pair.own : pair.other][$0] } }
        return try fused(modalities, mixed)
    }

    /// From embeddings of all modalities, zeros where one is missing.
    private func fused(_ modalities: [TorchTensor], _ weights: [[Float]]) throws -> TorchTensor {
        let count = weights.count
        guard let fuser, let kind = fuserKind else { throw FitError(.internalError, "there is no fuser") }
        let weightTensor = try TorchTensor(weights.flatMap { $0 }, shape: [count, encoders.count], device: device)
        var values: [String: TorchTensor] = ["weights": weightTensor]
        for (part, value) in zip(recipe.modalities, modalities) { values[part.name] = value }
        if kind is EmbraceNetFuser {
            // In training each number is drawn from one modality; afterwards the expectation, which is deterministic.
            values["shares"] = try isTraining
                ? EmbraceNetFuser.draw(weights: weightTensor, dimension: kind.dimension)
                : (weightTensor / weightTensor.sum([1], keepsAxes: true)).unsqueezed(2).expanded([count, encoders.count, kind.dimension])
        }
        guard let result = try fuser.run(values)["embedding"] else { throw FitError(.internalError, "the fuser gave nothing") }
        return result
    }

    /// Rows at their places among `count`, zeros elsewhere.
    private func placed(_ value: TorchTensor?, _ rows: [Int], _ count: Int, _ dimension: Int) throws -> TorchTensor {
        guard let value else { return try .zeros([count, dimension], device: device) }
        guard rows.count < count else { return value }
        let padded = try TorchTensor.concatenated([value, .zeros([1, dimension], device: device)], axis: 0)
        var index = [Int64](repeating: Int64(rows.count), count: count)
        for (place, row) in rows.enumerated() { index[row] = Int64(place) }
        return try padded.selected(0, TorchTensor(index, shape: [count], device: device))
    }

    // MARK: Weights

    /// What learns, in an order that the recipe fixes.
    public var trainableWeights: [TorchTensor] {
        (encoders.flatMap(\.parameters) + (fuser?.parameters ?? [])).filter(\.isTrainable).map(\.tensor) + heads.map(\.tensor)
    }

    /// Running statistics of the networks that learn, in the same order.
    var learningStatistics: [TorchTensor] {
        (zip(recipe.modalities, encoders).filter { $0.0.isTrainable }.flatMap { $0.1.statistics } + (fuser?.statistics ?? [])).map(\.tensor)
    }

    /// Graphs by name: modalities', and `fuser`.
    private var graphs: [(name: String, graph: TrainableGraph)] {
        zip(recipe.modalities, encoders).map { ($0.name, $1) } + (fuser.map { [("fuser", $0)] } ?? [])
    }

    /// Everything that training changes, by name.
    public func state() throws -> [String: Tensor] {
        var state: [String: Tensor] = [:]
        for (name, graph) in graphs {
            for (key, tensor) in try graph.state() { state["\(name)/\(key)"] = tensor }
        }
        for head in heads { state[head.name] = try head.tensor.tensor() }
        return state
    }

    public func load(_ state: [String: Tensor]) throws {
        for (name, graph) in graphs {
            var own: [String: Tensor] = [:]
            for (key, tensor) in state where key.hasPrefix(name + "/") { own[String(key.dropFirst(name.count + 1))] = tensor }
            try graph.load(own)
        }
        for head in heads {
            guard let tensor = state[head.name], tensor.shape == head.tensor.shape else {
                throw FitError(.badData, "no value of shape \(head.tensor.shape) for '\(head.name)'; the checkpoint was made with other people or another recipe")
            }
            try head.tensor.copyInPlace(TorchTensor(tensor))
        }
    }

    /// The networks as they are now: encoders by modality, and `fuser`, whose shares are its own.
    public func exported() throws -> [(name: String, graph: Graph)] {
        var result = try zip(recipe.modalities, encoders).map { (name: $0.name, graph: try $1.exported()) }
        if let fuser, let kind = fuserKind {
            let sizes = zip(recipe.modalities, dimensions).map { (name: $0.name, size: $1) }
            var graph = try FuserNetwork.graph(kind, modalities: sizes, drawsShares: false, seed: recipe.seed)
            // Weights only: constants of the two graphs are numbered differently.
            for weight in fuser.parameters + fuser.statistics { graph.initializers[weight.name] = try weight.tensor.tensor() }
            result.append((name: "fuser", graph: graph))
        }
        return result
    }
}

extension Graph {
    /// The same graph for batches of any size, where its inputs and outputs were declared for one.
    public func withFreeBatch() -> Graph {
        var graph = self
        func freed(_ info: ValueInfo) -> ValueInfo {
            guard let shape = info.shape, shape.first == .fixed(1) else { return info }
            return ValueInfo(name: info.name, elementType: info.elementType, shape: [.free("batch")] + shape.dropFirst())
        }
        graph.inputs = inputs.map(freed)
        graph.outputs = outputs.map(freed)
        return graph
    }
}
