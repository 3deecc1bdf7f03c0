import Datasets
import Inference
public import ModelBundle
public import Quantization
import Tensors

/// Makes eight-bit networks of a run's encoders, calibrated (and fine-tuned) on the people that it learnt from, measured on those that it did not.
///
/// The fuser stays float: it is a few thousandths of the work, and its output is compared as it is. What eight bits do to fused embeddings is measured with
/// it: output `fused` of the report, encoders in eight bits against encoders in float, both run by `Inference`.
public struct RunQuantizer {
    public var quantizer = PostTrainingQuantizer()
    /// With it encoders are fine-tuned. Names in its ``LayerChoice`` may have their network's before them: `face/stem`.
    public var tuner: QuantizationAwareTuner?
    /// Inputs of each encoder that calibrate and teach, at most; spread over the people, who are looked at as they are.
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
        /// Encoders in eight bits by their modality's name, and where all were asked for `fuser`, float.
        public var networks: [(name: String, graph: Graph)]
        public var report: QuantizationReport
        /// For people: what was done otherwise than asked, and why.
        public var notes: [String]
    }

    /// - Parameters:
    ///   - part: a modality's name; `nil` for all.
    ///   - advance: what is being done, and how much of how much.
    public func quantize(only part: String? = nil, advance: (String, Int, Int) -> Void = { _, _, _ in }) throws -> Outcome {
        let names = model.recipe.modalities.map(\.name)
        if part == "fuser", model.fuser != nil { throw FitError(.configuration, "--part fuser: the fuser stays float; fwoc-train export writes it") }
        if let part, !names.contains(part) { throw FitError(.configuration, "--part \(part): the run's encoders are \(names.joined(separator: ", "))") }
        model.isTraining = false
        let exported = try model.exported()
        let slots = names.indices.filter { part == nil || names[$0] == part }
        let choice = try choice()
        try checkExcluded(slots.map { exported[$0].graph })

        var calibrated: [CalibratedNetwork] = [], lessons: [[[String: Tensor]]] = [], measured: [[[String: Tensor]]] = []
        for slot in slots {
            let input = exported[slot].graph.inputs[0].name
            let own = try inputs(choice.calibration, slot).prefix(calibration).map { [input: $0] }
            let others = try inputs(choice.probes, slot).map { [input: $0] }
            guard !own.isEmpty, !others.isEmpty else {
                throw QuantizationError(
                    .calibration, "modality '\(names[slot])': \(own.count) samples to calibrate with and \(others.count) to measure on, at least one of each is needed; the data have too few rows with it")
            }
            calibrated.append(try quantizer.calibrate(exported[slot].graph, samples: own) { advance("\(names[slot]): calibration", $0, $1) })
            lessons.append(own)
            measured.append(others)
        }
        let chosen = try layers(of: calibrated, slots.map { names[$0] })
        var outcome = Outcome(networks: [], report: QuantizationReport([]), notes: choice.notes)
        var reports: [(name: String, report: QuantizationReport)] = []
        for (place, slot) in slots.enumerated() {
            let result: (graph: Graph, report: QuantizationReport)
            if var tuner, let layers = chosen[place] {
                tuner.layers = layers
                result = try tuner.tune(calibrated[place], samples: lessons[place], probes: measured[place]) { advance("\(names[slot]): fine-tuning", $0.step, $0.of) }
            } else {
                result = try calibrated[place].measured(on: measured[place]) { advance("\(names[slot]): measurement", $0, $1) }
            }
            outcome.networks.append((names[slot], result.graph))
            reports.append((names[slot], result.report))
        }
        outcome.report = reports.count == 1 && model.fuser == nil ? reports[0].report : QuantizationReport(reports)
        if model.fuser != nil {
            var rounded = exported.prefix(names.count).map(\.graph)
            for (place, slot) in slots.enumerated() { rounded[slot] = outcome.networks[place].graph }
            outcome.report.outputs.append(try fused(choice.probes, exported.prefix(names.count).map(\.graph), rounded, advance))
            outcome.report.left["fuser"] = "it is small, and its output is compared as it is"
            if part == nil, let fuser = exported.last { outcome.networks.append(fuser) }
        }
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

    private func fused(_ probes: [Int], _ float: [Graph], _ rounded: [Graph], _ advance: (String, Int, Int) -> Void) throws -> QuantizationReport.Output {
        let shapes = model.recipe.modalities.map(\.modality.inputShape)
        let exact = try zip(float, shapes).map { try EmbeddingNetwork($0, $1) }, eight = try zip(rounded, shapes).map { try EmbeddingNetwork($0, $1) }
        var signal = 0.0, noise = 0.0
        var cosines: [Double] = []
        for (done, index) in probes.enumerated() {
            let inputs = try float.indices.map { try input(index, $0) }
            guard inputs.contains(where: { !$0.values.isEmpty }) else { continue }
            let a = try embedding(inputs, exact), b = try embedding(inputs, eight)
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

    private func embedding(_ inputs: [ModalityInput], _ networks: [EmbeddingNetwork]) throws -> [Float] {
        var present: [TorchTensor?] = [], rows: [[Int]] = [], weights: [Float] = []
        for (slot, input) in inputs.enumerated() {
            guard !input.values.isEmpty else {
                present.append(nil)
                rows.append([])
                weights.append(0)
                continue
            }
            // As FusionModel does it: each piece's embedding of length 1, their mean of length 1.
            let size = model.dimensions[slot]
            let values = try pieces(input, slot).flatMap { try networks[slot].output($0) }
            let unit = try TorchTensor(values, shape: [values.count / size, size], device: model.device).unitLength()
            present.append(try unit.mean([0], keepsAxes: true).unitLength())
            rows.append([0])
            weights.append(input.quality)
        }
        return try TorchRuntime.withoutGradients { try model.fused(present, rows: rows, weights: [weights]).fused.tensor().values(as: Float.self) }
    }
}

/// A network of one input, for one sample at a time.
private struct EmbeddingNetwork {
    private let network: Network

    /// - Parameter shape: of a sample.
    init(_ graph: Graph, _ shape: [Int]) throws {
        network = try Network(graph, inputs: [graph.inputs[0].name: .shape([1] + shape)], outputs: [graph.outputs[0].name])
    }

    func output(_ input: Tensor) throws -> [Float] {
        try network.setInput(0, input)
        try network.run()
        return network.outputTensor(0).values(as: Float.self)
    }
}
