import Datasets
public import ModelBundle
public import Quantization
import Tensors

/// Makes eight-bit networks of a run's encoders and its fuser, calibrated (and fine-tuned) on the people that it learnt from, measured on those that it did not.
///
/// A fuser is calibrated on what the float encoders say of whole samples, and of each without one of its modalities. What eight bits do to fused embeddings is
/// measured with all of them together: output `fused` of the report, encoders and fuser in eight bits against all in float, both run by `Inference`.
public struct RunQuantizer {
    public var quantizer = PostTrainingQuantizer()
    /// With it encoders are fine-tuned. Names in its ``LayerChoice`` may have their network's before them: `face/stem`.
    public var tuner: QuantizationAwareTuner?
    /// Inputs of each network that calibrate and teach, at most; spread over the people, who are looked at as they are.
    public var calibration = 256
    /// Samples that are measured, at most; of the people of validation and test.
    public var probes = 200
    /// Of the choice of samples.
    public var seed: UInt64 = 1
    private let model: FusionModel
    private let data: TrainingData

    public init(_ model: FusionModel, _ data: TrainingData) {
        self.model = model
        self.data = data
    }

    public struct Outcome {
        /// Encoders in eight bits by their modality's name, and `fuser`, where they were asked for.
        public var networks: [(name: String, graph: Graph)]
        public var report: QuantizationReport
        /// For people: what was done otherwise than asked, and why.
        public var notes: [String]
    }

    /// - Parameters:
    ///   - part: a modality's name, or `fuser`; `nil` for all.
    ///   - advance: what is being done, and how much of how much.
    public func quantize(only part: String? = nil, advance: (String, Int, Int) -> Void = { _, _, _ in }) throws -> Outcome {
        let names = model.recipe.modalities.map(\.name)
        model.isTraining = false
        // The fuser, where there is one, comes last.
        let exported = try model.exported()
        if let part, !exported.contains(where: { $0.name == part }) {
            throw FitError(.configuration, "--part \(part): the run's networks are \(exported.map(\.name).joined(separator: ", "))")
        }
        // A fuser often learns from encoders that were in eight bits before.
        let rounded = exported.indices.filter { part == nil && exported[$0].graph.nodes.contains { $0.operation == "DequantizeLinear" } }
        let chosenParts = exported.indices.filter { !rounded.contains($0) && (part == nil || exported[$0].name == part) }
        let choice = try choice()
        try checkExcluded(chosenParts.map { exported[$0].graph })

        let float = model.fuser == nil ? [] : try exported.enumerated().prefix(names.count).map { try encoder($1.graph, $0) }
        var calibrated: [CalibratedNetwork] = [], lessons: [[[String: Tensor]]] = [], measured: [[[String: Tensor]]] = []
        for place in chosenParts {
            let (name, graph) = exported[place]
            let own: [[String: Tensor]], others: [[String: Tensor]]
            if place < names.count {
                let input = graph.inputs[0].name
                own = try inputs(choice.calibration, place).prefix(calibration).map { [input: $0] }
                others = try inputs(choice.probes, place).map { [input: $0] }
            } else {
                own = try fuserInputs(choice.calibration, float) { advance("\(name): embeddings", $0, $1) }
                others = try fuserInputs(choice.probes, float) { advance("\(name): embeddings", $0, $1) }
            }
            guard !own.isEmpty, !others.isEmpty else {
                throw QuantizationError(
                    .calibration, "'\(name)': \(own.count) samples to calibrate with and \(others.count) to measure on, at least one of each is needed; the data have too few rows with it")
            }
            calibrated.append(try quantizer.calibrate(graph, samples: own) { advance("\(name): calibration", $0, $1) })
            lessons.append(own)
            measured.append(others)
        }
        let chosen = try layers(of: calibrated, chosenParts.map { exported[$0].name })
        var outcome = Outcome(networks: rounded.map { exported[$0] }, report: QuantizationReport([]), notes: choice.notes + rounded.map { "'\(exported[$0].name)' is in eight bits already and stays as it is" })
        var reports: [(name: String, report: QuantizationReport)] = []
        for (place, index) in chosenParts.enumerated() {
            let name = exported[index].name
            let result: (graph: Graph, report: QuantizationReport)
            if var tuner, let layers = chosen[place] {
                tuner.layers = layers
                result = try tuner.tune(calibrated[place], samples: lessons[place], probes: measured[place]) { advance("\(name): fine-tuning", $0.step, $0.of) }
            } else {
                result = try calibrated[place].measured(on: measured[place]) { advance("\(name): measurement", $0, $1) }
            }
            outcome.networks.append((name, result.graph))
            reports.append((name, result.report))
        }
        outcome.report = reports.count == 1 && model.fuser == nil ? reports[0].report : QuantizationReport(reports)
        if model.fuser != nil, let fuser = exported.last?.graph {
            var made = exported.map(\.graph)
            for network in outcome.networks { if let index = exported.firstIndex(where: { $0.name == network.name }) { made[index] = network.graph } }
            let eight = try made.enumerated().prefix(names.count).map { try encoder($1, $0) }
            outcome.report.outputs.append(try fused(choice.probes, (float, try self.fuser(fuser)), (eight, try self.fuser(made[names.count])), advance))
        }
        outcome.networks.sort { a, b in exported.firstIndex { $0.name == a.name } ?? 0 < exported.firstIndex { $0.name == b.name } ?? 0 }
        return outcome
    }

    /// Samples that calibrate and samples that are measured.
    private func choice() throws -> (calibration: [Int], probes: [Int], notes: [String]) {
        let learnt = spread(data.subsets[.train] ?? [:])
        let others = spread([Split.Subset.validation, .test].reduce(into: [:]) { $0.merge(data.subsets[$1] ?? [:]) { first, _ in first } })
        guard others.isEmpty else { return (Array(learnt.prefix(calibration)), Array(others.prefix(probes)), []) }
        guard learnt.count >= 2 else { throw QuantizationError(.calibration, "\(learnt.count) samples of people in the run's data; expected two or more, better some hundreds") }
        let kept = min(probes, max(1, learnt.count / 4))
        return (
            Array(learnt.dropLast(kept).prefix(calibration)), Array(learnt.suffix(kept)),
            ["nobody is in validation or test: measured on \(kept) samples, which do not calibrate, of the people that the run learnt from"]
        )
    }

    /// One sample of each person, then another of each, and so on; which, follows from the seed.
    private func spread(_ people: [String: [Int]]) -> [Int] {
        let own = people.sorted { $0.key < $1.key }.map { _, samples in
            samples.map { (StableHash.of(data.samples[$0].name, seed: seed), $0) }.sorted { $0 < $1 }.map(\.1)
        }
        return (0..<(own.map(\.count).max() ?? 0)).flatMap { round in own.compactMap { round < $0.count ? $0[round] : nil } }
    }

    private func input(_ index: Int, _ slot: Int) throws -> ModalityInput {
        guard let place = data.samples[index].parts[slot] else { return .missing }
        return try model.recipe.modalities[slot].modality.input(from: data.sets[place.set], row: place.row, view: .clean)
    }

    /// All pieces of the samples that have the modality, each for a run of its own.
    private func inputs(_ indices: [Int], _ slot: Int) throws -> [Tensor] {
        try indices.flatMap { try pieces(try input($0, slot), slot) }
    }

    private func pieces(_ input: ModalityInput, _ slot: Int) throws -> [Tensor] {
        let shape = model.recipe.modalities[slot].modality.inputShape
        let size = shape.reduce(1, *)
        return (0..<input.values.count / size).map { Tensor(shape: [1] + shape, values: Array(input.values[$0 * size..<($0 + 1) * size])) }
    }

    // MARK: Names

    private func checkExcluded(_ graphs: [Graph]) throws {
        let unknown = quantizer.excluded.sorted().first { name in !graphs.contains { $0.nodes.contains { $0.name == name || $0.outputs.first == name } } }
        if let unknown { throw QuantizationError(.network, "--exclude \(unknown): no network of the run has such a node") }
    }

    /// Of each network what it fine-tunes; `nil` for nothing.
    private func layers(of networks: [CalibratedNetwork], _ names: [String]) throws -> [LayerChoice?] {
        guard case .named(let wanted)? = tuner?.layers else { return networks.map { _ in tuner?.layers } }
        var own = [[String]](repeating: [], count: networks.count)
        for name in wanted {
            let places = networks.indices.filter { networks[$0].layerNames.contains(name) || networks[$0].left[name] != nil }
            if let place = names.firstIndex(where: { name.hasPrefix($0 + "/") && places.isEmpty }) {
                own[place].append(String(name.dropFirst(names[place].count + 1)))
            } else if networks.count == 1 {
                own[0].append(name)
            } else if places.count == 1 {
                own[places[0]].append(name)
            } else {
                let problem = places.isEmpty ? "no network of the run has such a quantized layer" : "\(places.map { names[$0] }.joined(separator: ", ")) have such a layer; write \(names[places[0]])/\(name)"
                let all = zip(names, networks).flatMap { network, calibrated in calibrated.layerNames.map { "\(network)/\($0)" } }
                throw QuantizationError(.network, "--aware \(name): \(problem)" + (places.isEmpty ? "; there are \(all.joined(separator: ", "))" : ""))
            }
        }
        for (place, network) in networks.enumerated() { try network.check(Set(own[place])) }
        return own.map { $0.isEmpty ? nil : .named($0) }
    }

    // MARK: Fused embeddings

    private func encoder(_ graph: Graph, _ slot: Int) throws -> FrozenEncoder {
        try FrozenEncoder(graph, inputShape: model.recipe.modalities[slot].modality.inputShape, size: model.dimensions[slot])
    }

    private func fuser(_ graph: Graph) throws -> FrozenFuser { try FrozenFuser(graph, modalities: parts) }

    private var parts: [(name: String, size: Int)] { zip(model.recipe.modalities, model.dimensions).map { ($0.name, $1) } }

    /// A sample's embeddings, `nil` where a modality is missing, and its weights.
    private func embeddings(_ index: Int, _ encoders: [FrozenEncoder]) throws -> (values: [[Float]?], weights: [Float]) {
        var values: [[Float]?] = [], weights: [Float] = []
        for (slot, encoder) in encoders.enumerated() {
            let input = try input(index, slot)
            values.append(input.values.isEmpty ? nil : try encoder.embedding(input.values))
            weights.append(input.values.isEmpty ? 0 : input.quality)
        }
        return (values, weights)
    }

    /// What a fuser is given: samples with all that they have, and, of those that have more than one modality, also one alone, each of them in turn.
    private func fuserInputs(_ indices: [Int], _ encoders: [FrozenEncoder], advance: (Int, Int) -> Void) throws -> [[String: Tensor]] {
        var inputs: [[String: Tensor]] = []
        for (done, index) in indices.enumerated() {
            let (values, weights) = try embeddings(index, encoders)
            let present = values.indices.filter { values[$0] != nil }
            guard !present.isEmpty else { continue }
            inputs.append(FrozenFuser.inputs(values, weights: weights, modalities: parts))
            if present.count > 1 {
                let only = present[done % present.count]
                inputs.append(FrozenFuser.inputs(values.indices.map { $0 == only ? values[$0] : nil }, weights: weights.indices.map { $0 == only ? weights[$0] : 0 }, modalities: parts))
            }
            advance(done + 1, indices.count)
        }
        return inputs
    }

    private typealias Networks = (encoders: [FrozenEncoder], fuser: FrozenFuser)

    private func fused(_ probes: [Int], _ exact: Networks, _ rounded: Networks, _ advance: (String, Int, Int) -> Void) throws -> QuantizationReport.Output {
        func embedding(_ index: Int, _ networks: Networks) throws -> [Float]? {
            let (values, weights) = try embeddings(index, networks.encoders)
            return values.contains { $0 != nil } ? try networks.fuser.embedding(values, weights: weights) : nil
        }
        var signal = 0.0, noise = 0.0
        var cosines: [Double] = []
        for (done, index) in probes.enumerated() {
            guard let a = try embedding(index, exact), let b = try embedding(index, rounded) else { continue }
            var product = 0.0, powers = (0.0, 0.0)
            for (x, y) in zip(a, b) {
                product += Double(x) * Double(y)
                powers.0 += Double(x) * Double(x)
                powers.1 += Double(y) * Double(y)
                noise += (Double(x) - Double(y)) * (Double(x) - Double(y))
            }
            signal += powers.0
            cosines.append(powers.0 > 0 && powers.1 > 0 ? product / (powers.0 * powers.1).squareRoot() : 1)
            advance("fused embeddings", done + 1, probes.count)
        }
        return QuantizationReport.Output(name: "fused", signal: signal, noise: noise, cosines: cosines)
    }
}
