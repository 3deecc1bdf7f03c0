import Datasets
import Foundation
import ModelBundle
import RunRecords
import Tensors
import Training

/// A folder of a test's own, removed with it.
final class ScratchFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "fwoc-fit-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var url: URL { URL(fileURLWithPath: path) }
    func run(_ name: String = "run") -> RunFolder { RunFolder(path + "/" + name) }
    func file(_ name: String) -> String { path + "/" + name }

    static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
    static func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
}

/// A modality whose evidence is a few numbers, and whose encoder two small layers: a network to train in a millisecond.
protocol VectorModality: Modality {
    static var column: String { get }
    /// Of one entry.
    static var shape: [Int] { get }
    static var pieces: Int { get }
    /// Largest number that training adds to each of the inputs.
    var noise: Float { get }
    init(noise: Float)
    /// Called for every sample that is loaded.
    static func wasLoaded()
}

extension VectorModality {
    static var pieces: Int { 1 }
    static func wasLoaded() {}

    init(recipe section: inout YAMLSection, folder: URL) throws(BundleError) {
        self.init(noise: try section.optionalNumber("noise", in: 0...10) ?? 0)
    }

    var column: String { Self.column }
    var inputShape: [Int] { Self.shape }
    var piecesPerSample: Int { Self.pieces }
    var isAugmented: Bool { noise > 0 }
    var contract: String { "\(Self.name)/1" }
    var encoderNames: [String] { ["tiny", "tiny-dropout", "tiny-norm"] }

    func encoder(named name: String, dimension: Int, seed: UInt64) throws -> Graph? {
        guard encoderNames.contains(name) else { return nil }
        return try Self.network(dimension: dimension, seed: seed, dropout: name == "tiny-dropout" ? 0.25 : 0, normalizes: name == "tiny-norm")
    }

    static func network(dimension: Int, seed: UInt64, dropout: Float = 0, normalizes: Bool = false) throws -> Graph {
        var net = GraphBuilder(name: Self.name, seed: seed)
        var x = net.flatten(net.input("input", [ValueInfo.Dimension.free("batch")] + Self.shape.map { ValueInfo.Dimension.fixed($0) }))
        x = net.linear(x, 16)
        if normalizes { x = net.batchNormalization(x) }
        x = net.tanh(x)
        if dropout > 0 { x = net.dropout(x, dropout) }
        x = net.linear(x, dimension)
        return try net.graph(outputs: ["embedding": x])
    }

    func isPresent(in set: ShardSet, row: Int) -> Bool { set.description.index(of: column).map { set.entries(row: row, column: $0) > 0 } ?? false }

    func input(from set: ShardSet, row: Int, view: SampleView) throws(DatasetError) -> ModalityInput {
        Self.wasLoaded()
        let place = try set.column(column)
        var available = set.entries(row: row, column: place)
        if case .degraded(let degradation, _) = view { available = degradation.pictures(of: available) }
        guard available > 0 else { return .missing }
        let numbers = try set.elements(Float.self, row: row, column: place), size = Self.shape.reduce(1, *)
        var generator = SeededGenerator(seed: 0), level: Float = 0
        switch view {
        case .clean: break
        case .augmented(let seed): (generator, level) = (SeededGenerator(seed: seed), noise)
        case .degraded(let degradation, let seed): (generator, level) = (SeededGenerator(seed: seed, UInt64(row)), degradation == .dropped ? 0 : 0.5)
        }
        var values: [Float] = []
        for piece in 0..<Self.pieces {
            for index in 0..<size { values.append(numbers[piece % available * size + index] + level * MadeUpPeople.number(&generator)) }
        }
        return ModalityInput(values: values)
    }
}

/// What somebody looks like, in ten numbers.
struct SketchModality: VectorModality {
    static let name = "face"
    static let column = "sketch"
    static let shape = [10]
    var noise: Float
}

/// How somebody sounds, in five instants of three numbers.
struct ToneModality: VectorModality {
    static let name = "voice"
    static let column = "tone"
    static let shape = [5, 3]
    var noise: Float
}

/// How somebody walks: nothing in the sources knows of it. A sample is two of a row's steps.
struct GaitModality: VectorModality {
    static let name = "gait"
    static let column = "gait"
    static let shape = [12]
    static let pieces = 2
    var noise: Float
}

/// Shards of people who never lived: each is a point for each modality, and their samples lie around it.
struct MadeUpPeople {
    var people = 24
    var samples = 6
    var seed: UInt64 = 1
    /// Of a sample around its person.
    var spread: Float = 0.3
    /// Columns that a sample lacks.
    var lacks: @Sendable (_ person: Int, _ sample: Int) -> Set<String> = { _, _ in [] }
    /// Numbers that are put into a sample's sketch.
    var poison: (person: Int, sample: Int, value: Float)?

    static let description = ShardDescription(columns: [
        ColumnDeclaration(SampleColumns.identity, .uint8), ColumnDeclaration(SampleColumns.file, .uint8), ColumnDeclaration(SampleColumns.start, .int64),
        ColumnDeclaration(SampleColumns.track, .int32), ColumnDeclaration("sketch", .float32, shape: [10]), ColumnDeclaration("tone", .float32, shape: [5, 3]),
        ColumnDeclaration("gait", .float32, shape: [12]),
    ])
    static let vocabulary = RecipeVocabulary(modalities: [SketchModality.self, ToneModality.self, GaitModality.self])

    /// −1…1.
    static func number(_ generator: inout SeededGenerator) -> Float { Float(generator.next() >> 40) / Float(1 << 23) - 1 }

    /// Writes two shards into a folder.
    func write(to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var generator = SeededGenerator(seed: seed)
        let sizes = ["sketch": 10, "tone": 15, "gait": 12], entries = ["sketch": 1, "tone": 1, "gait": 3]
        let writers = try (0..<2).map { try ShardWriter(path: folder + "/\($0).shard", description: Self.description) }
        for person in 0..<people {
            var centres: [String: [Float]] = [:]
            for column in sizes.keys.sorted() { centres[column] = (0..<sizes[column]!).map { _ in Self.number(&generator) } }
            for sample in 0..<samples {
                var values: [String: ShardValue] = [
                    SampleColumns.identity: ShardValue("person \(person)"), SampleColumns.file: ShardValue("person \(person)/\(sample).clip"),
                    SampleColumns.start: ShardValue(Int64(0)), SampleColumns.track: ShardValue(Int32(0)),
                ]
                for column in sizes.keys.sorted() {
                    var numbers = (0..<entries[column]!).flatMap { _ in centres[column]!.map { $0 + spread * Self.number(&generator) } }
                    if let poison, poison.person == person, poison.sample == sample, column == "sketch" { numbers[3] = poison.value }
                    if !lacks(person, sample).contains(column) { values[column] = ShardValue(numbers, entries: entries[column]!) }
                }
                try writers[person % 2].append(ShardRow(values))
            }
        }
        for writer in writers { try writer.finish() }
    }

    /// A small run over a folder `shards`, which overrides make into what a test needs.
    static let recipe = """
        name: made-up
        seed: 3
        data:
          shards: [shards]
          split: {seed: 1, validation: 0.25, test: 0.25}
        modalities:
          - {name: face, encoder: tiny, size: 8}
          - {name: voice, encoder: tiny, size: 8}
        fuser: {name: linear, size: 8}
        losses:
          - {name: triplet, on: fused}
        optimizer: {rate: 0.01}
        batch: {people: 4, samples: 2}
        epochs: 3

        """

    static func recipe(_ folder: ScratchFolder, _ overrides: [String: String] = [:], vocabulary: RecipeVocabulary = vocabulary) throws -> Recipe {
        try Recipe(yaml: recipe, file: folder.file("recipe.yaml"), folder: folder.url, overrides: overrides.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }, vocabulary: vocabulary)
    }
}

/// libtorch's random numbers are the process's: whoever draws of them, and wants the same ones twice, holds this meanwhile.
enum TorchLottery {
    private static let owner = NSLock()

    static func alone<R>(_ body: () throws -> R) rethrows -> R { try owner.withLock { try body() } }
}

extension Fit {
    /// Trains in this process on one thread.
    /// - Parameter steps: after which it is stopped, counted from where it begins.
    @discardableResult
    static func trained(_ recipe: Recipe, into folder: RunFolder, resumes: Bool = false, steps: Int? = nil) throws -> Ending {
        try TorchLottery.alone {
            var options = Options()
            options.threads = 1
            options.resumes = resumes
            var taken = 0
            return try Fit(recipe, into: folder, options: options).run(shouldStop: { steps.map { taken >= $0 } ?? false }) { if $0.stage == .training { taken += 1 } }
        }
    }
}

extension RunFolder {
    /// Of the last checkpoint, optimizer and memory banks included.
    func lastTensors() throws -> [String: Tensor] { try SafetensorsFile(contentsOf: URL(fileURLWithPath: lastCheckpoint)).tensors }
    func bestTensors() throws -> [String: Tensor] { try SafetensorsFile(contentsOf: URL(fileURLWithPath: bestCheckpoint)).tensors }

    /// Rows without the times, which are not the same twice.
    func timelessSteps() throws -> [StepRow] {
        try load().steps.map { row in
            var row = row
            (row.seconds, row.samplesPerSecond) = (0, 0)
            return row
        }
    }

    func timelessEpochs() throws -> [EpochRow] {
        try load().epochs.map { row in
            var row = row
            row.seconds = 0
            return row
        }
    }
}
