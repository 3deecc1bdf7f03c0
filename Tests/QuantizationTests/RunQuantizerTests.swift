import Biometrics
import Datasets
import Evaluation
import Foundation
import Inference
import ModelBundle
import Quantization
import Tensors
import Testing
import Training

/// A modality of a few numbers with a small network, twelve of them a sample.
private protocol Numbers: Modality {
    static var column: String { get }
    static var pieces: Int { get }
    init()
}

extension Numbers {
    init(recipe section: inout YAMLSection, folder: URL) throws(BundleError) { self.init() }
    var column: String { Self.column }
    var inputShape: [Int] { [12] }
    var piecesPerSample: Int { Self.pieces }
    var isAugmented: Bool { false }
    var contract: String { Self.name }
    var encoderNames: [String] { ["tiny"] }

    func encoder(named name: String, dimension: Int, seed: UInt64) throws -> Graph? {
        var net = GraphBuilder(name: Self.name, seed: seed)
        let hidden = net.tanh(net.linear(net.input("input", [.free("batch"), .fixed(12)]), 32))
        return try net.graph(outputs: ["embedding": net.linear(hidden, dimension)])
    }

    func isPresent(in set: ShardSet, row: Int) -> Bool { set.description.index(of: column).map { set.entries(row: row, column: $0) > 0 } ?? false }

    func input(from set: ShardSet, row: Int, view: SampleView) throws(DatasetError) -> ModalityInput {
        let place = try set.column(column)
        guard set.entries(row: row, column: place) > 0 else { return .missing }
        let elements = try set.elements(Float.self, row: row, column: place)
        var values: [Float] = []
        for index in elements.indices { values.append(elements[index]) }
        return ModalityInput(values: values, quality: 0.7)
    }
}

private struct Sketch: Numbers {
    static let name = "face"
    static let column = "sketch"
    static let pieces = 1
}

/// Two pieces a sample, whose embeddings are averaged.
private struct Gait: Numbers {
    static let name = "gait"
    static let column = "gait"
    static let pieces = 2
}

/// Shards of made-up people, and an untrained model of them.
private final class MadeUpRun {
    let folder: URL
    let recipe: Recipe
    let model: FusionModel
    let data: TrainingData

    static let text = """
        seed: 3
        data: {shards: [shards], split: {seed: 1, validation: 0.2, test: 0.2}}
        modalities:
          - {name: face, encoder: tiny, size: 8}
          - {name: gait, encoder: tiny, size: 6}
        fuser: {name: linear, size: 10}
        losses: [{name: triplet, on: fused}]
        optimizer: {rate: 0.01}
        batch: {people: 4, samples: 2}
        epochs: 1

        """

    /// - Parameter lacksGait: which of a person's samples has no gait.
    init(_ text: String = MadeUpRun.text, lacksGait: Int = 2) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "fwoc-quantize-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder.appending(path: "shards"), withIntermediateDirectories: true)
        let writer = try ShardWriter(
            path: folder.appending(path: "shards/0.shard").path,
            description: ShardDescription(columns: [
                ColumnDeclaration(SampleColumns.identity, .uint8), ColumnDeclaration(SampleColumns.file, .uint8), ColumnDeclaration(SampleColumns.start, .int64),
                ColumnDeclaration(SampleColumns.track, .int32), ColumnDeclaration("sketch", .float32, shape: [12]), ColumnDeclaration("gait", .float32, shape: [12]),
            ]))
        var draw = Datasets.SeededGenerator(seed: 5)
        func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(draw.next() >> 40) / Float(1 << 23) - 1 } }
        for person in 0..<20 {
            for sample in 0..<5 {
                var values: [String: ShardValue] = [
                    SampleColumns.identity: ShardValue("person \(person)"), SampleColumns.file: ShardValue("\(person)/\(sample)"),
                    SampleColumns.start: ShardValue(Int64(0)), SampleColumns.track: ShardValue(Int32(0)), "sketch": ShardValue(numbers(12), entries: 1),
                ]
                let gait = numbers(24)
                if sample != lacksGait { values["gait"] = ShardValue(gait, entries: 2) }
                try writer.append(ShardRow(values))
            }
        }
        try writer.finish()
        recipe = try Recipe(
            yaml: text, file: folder.path + "/recipe.yaml", folder: folder, vocabulary: RecipeVocabulary(modalities: [Sketch.self, Gait.self]))
        data = try TrainingData(recipe.data, modalities: recipe.modalities.map(\.modality))
        model = try FusionModel(recipe, classes: nil)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
}

private func said(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "nothing"
    } catch { return "\(error)" }
}

@Suite struct RunQuantizerTests {
    @Test func `All networks of a run become eight bits, and fused embeddings are compared`() throws {
        let run = try MadeUpRun()
        var work = RunQuantizer(run.model, run.data)
        (work.calibration, work.probes) = (40, 15)
        let outcome = try work.quantize()
        #expect(outcome.networks.map(\.name) == ["face", "gait", "fuser"] && outcome.notes.isEmpty)
        let isRounded = outcome.networks.map { network in network.graph.nodes.contains { $0.operation == "QuantizeLinear" } }
        #expect(isRounded == [true, true, true])
        let report = outcome.report
        #expect(report.outputs.map(\.name) == ["face/embedding", "gait/embedding", "fuser/embedding", "fused"])
        #expect(report.layers.count == 5 && report.layers.filter { $0.node.hasPrefix("gait/") }.count == 2 && report.layers.last?.node.hasPrefix("fuser/") == true)
        for output in report.outputs { #expect(output.leastCosine > 0.99 && output.leastCosine < 1 && output.meanCosine >= output.leastCosine, "\(output)") }
        // What is measured is what the files do: a sample with everything, by hand.
        let index = try #require(run.data.samples.indices.first { run.data.samples[$0].parts.allSatisfy { $0 != nil } })
        let place = try #require(run.data.samples[index].parts[0])
        let input = try Sketch().input(from: run.data.sets[place.set], row: place.row, view: .clean)
        func embedding(_ graph: Graph) throws -> [Float] {
            let network = try Network(graph, inputs: ["input": .shape([1, 12])])
            try network.setInput(0, Tensor(shape: [1, 12], values: input.values))
            try network.run()
            return network.outputTensor(0).values()
        }
        let exact = try embedding(run.model.exported()[0].graph), rounded = try embedding(outcome.networks[0].graph)
        let difference = zip(exact, rounded).map { abs($0 - $1) }.max() ?? 0
        #expect(difference > 0 && difference < 0.1 * (exact.map(abs).max() ?? 0))
        // The same people, the same seed.
        #expect(try work.quantize().report == report)
        work.seed = 2
        #expect(try work.quantize().report != report)
    }

    @Test func `One part alone is fine-tuned by names from the report`() throws {
        let run = try MadeUpRun()
        var work = RunQuantizer(run.model, run.data)
        (work.calibration, work.probes) = (60, 15)
        let layers = try work.quantize(only: "gait").report.layers
        #expect(layers.allSatisfy { $0.node.hasPrefix("gait/") })
        var tuner = QuantizationAwareTuner()
        (tuner.steps, tuner.batch, tuner.layers) = (60, 8, .named([layers[1].node]))
        work.tuner = tuner
        let outcome = try work.quantize(only: "gait")
        #expect(outcome.networks.map(\.name) == ["gait"])
        #expect(outcome.report.tunings?.map(\.layers) == [[layers[1].node]] && outcome.report.outputs.map(\.name) == ["gait/embedding", "fused"])
        // Of all encoders only the one whose layer is named is fine-tuned.
        let all = try work.quantize()
        #expect(all.report.tunings?.map(\.layers) == [[layers[1].node]])
        work.tuner?.layers = .named(["gait/none"])
        #expect(said { _ = try work.quantize() }.contains("no quantized layer 'none'"))
        work.tuner?.layers = .named(["none"])
        #expect(said { _ = try work.quantize() }.contains("--aware none: no network of the run has such a quantized layer"))
        // Both encoders are built alike: the name alone is not enough.
        let bare = String(layers[1].node.dropFirst("gait/".count))
        work.tuner?.layers = .named([bare])
        #expect(said { _ = try work.quantize() }.contains("face, gait have such a layer; write face/\(bare)"))
    }

    /// A fuser learns from encoders that may be in eight bits before; and what files of eight bits give is measured as the run itself is.
    @Test func `A fuser alone becomes eight bits, and a run is measured with it`() throws {
        let run = try MadeUpRun()
        var work = RunQuantizer(run.model, run.data)
        (work.calibration, work.probes) = (40, 15)
        let alone = try work.quantize(only: "fuser")
        #expect(alone.networks.map(\.name) == ["fuser"] && alone.report.outputs.map(\.name) == ["fuser/embedding", "fused"])
        // With what a fuser is given where a modality is missing.
        #expect(alone.report.samples > 40)
        func table(_ instead: [String: Graph]) throws -> EmbeddingTable { try RunEvaluation(run.model, run.data, instead: instead).table(.validation) }
        /// The largest difference of any number, by role.
        func difference(_ a: EmbeddingTable, _ b: EmbeddingTable) throws -> [String: Float] {
            try ["face", "gait", "fused"].reduce(into: [:]) { most, role in
                let condition = role == "fused" ? Condition.both : Condition(rawValue: role)
                let x = try a.selection(condition, EmbeddingRole(rawValue: role)), y = try b.selection(condition, EmbeddingRole(rawValue: role))
                try #require(x.items == y.items)
                most[role] = zip(x.embeddings.tensor.values(as: Float.self), y.embeddings.tensor.values(as: Float.self)).map { abs($0 - $1) }.max()
            }
        }
        let own = try table([:])
        let exported = try run.model.exported().reduce(into: [:]) { $0[$1.name] = $1.graph }
        for (_, value) in try difference(own, try table(exported)) { #expect(value < 1e-5) }
        let eight = try difference(own, try table(["fuser": alone.networks[0].graph]))
        #expect(eight["face"] ?? 1 < 1e-5 && eight["gait"] ?? 1 < 1e-5 && (1e-5...0.1).contains(eight["fused"] ?? 0), "\(eight)")
        let all = try work.quantize().networks.reduce(into: [:]) { $0[$1.name] = $1.graph }
        let rounded = try difference(own, try table(all))
        for role in ["face", "gait", "fused"] { #expect((1e-5...0.2).contains(rounded[role] ?? 0), "\(role): \(rounded)") }
        #expect(said { _ = try table(["face": exported["gait"]!]) }.contains("its embeddings have 6 numbers, expected 8"))
        #expect(said { _ = try table(["voice": exported["face"]!]) }.contains("network 'voice': the run's are face, gait, fuser"))
    }

    @Test func `A run without other people is measured on samples that do not calibrate`() throws {
        let run = try MadeUpRun(MadeUpRun.text.replacing("0.2", with: "0"))
        var work = RunQuantizer(run.model, run.data)
        (work.calibration, work.probes) = (500, 500)
        let outcome = try work.quantize(only: "face")
        #expect(outcome.notes.count == 1 && outcome.notes[0].contains("25 samples"), "\(outcome.notes)")
        #expect(outcome.report.samples == 75)
    }

    @Test func `One modality without a fuser keeps its names`() throws {
        let lines = MadeUpRun.text.split(separator: "\n").filter { !$0.contains("gait") && !$0.contains("fuser") }
        let run = try MadeUpRun(lines.joined(separator: "\n").replacing("on: fused", with: "on: face"))
        let outcome = try RunQuantizer(run.model, run.data).quantize()
        #expect(outcome.networks.map(\.name) == ["face"] && outcome.report.outputs.map(\.name) == ["embedding"])
    }

    @Test func `What is asked for and not there is named`() throws {
        let run = try MadeUpRun()
        var work = RunQuantizer(run.model, run.data)
        #expect(said { _ = try work.quantize(only: "voice") } == "--part voice: the run's networks are face, gait, fuser")
        work.quantizer.excluded = ["nothing like it"]
        #expect(said { _ = try work.quantize() }.contains("--exclude nothing like it: no network of the run has such a node"))
        // Shards that were moved since.
        #expect(said { try run.recipe.data.checkPresent(recipe: "run/recipe.yaml") } == "nothing")
        try FileManager.default.removeItem(at: run.folder.appending(path: "shards"))
        let gone = said { try run.recipe.data.checkPresent(recipe: "run/recipe.yaml") }
        #expect(gone.contains("shards: no such folder") && gone.contains("-c data.shards="), "\(gone)")
    }
}
