import Datasets
import Dispatch
import Foundation
import ModelBundle
import Synchronization
import Tensors

/// Embeddings of encoders that do not learn: made once for each sample and view, and kept. Thread-bound.
///
/// Memory is 4 bytes a number: 100,000 samples of 512 numbers in 4 views are 0.8 GiB.
final class FrozenEmbeddings {
    /// What embeds one of the recipe's modalities.
    struct Encoder {
        var part: Recipe.ModalityRecipe
        /// Numbers of its embeddings.
        var size: Int
        var graph: () throws -> Graph
    }

    private let encoders: [Encoder]
    private let cache: String?
    private let seed: UInt64
    private let device: TorchDevice
    private let data: TrainingData
    private let loader: BatchLoader
    private var kept: [Key: [Float]?] = [:]
    private static let chunk = 64
    private var hashes: [Int: UInt64] = [:]
    private var workers: [Int: [FrozenEncoder]] = [:]
    private var opened: Set<String> = []

    private struct Key: Hashable {
        var slot: Int
        var place: TrainingData.Place
        var view: SampleView
    }

    /// - Parameter encoders: by the recipe's modalities.
    init(_ encoders: [Encoder], cache: String?, seed: UInt64, device: TorchDevice, _ data: TrainingData, _ loader: BatchLoader) {
        self.encoders = encoders
        self.cache = cache
        self.seed = seed
        self.device = device
        self.data = data
        self.loader = loader
    }

    /// The model's own encoders, none of which learns.
    convenience init(_ model: FusionModel, _ data: TrainingData, _ loader: BatchLoader) {
        let encoders = model.recipe.modalities.indices.map { slot in
            Encoder(part: model.recipe.modalities[slot], size: model.dimensions[slot]) { try model.encoders[slot].exported() }
        }
        self.init(encoders, cache: model.recipe.cache, seed: model.recipe.seed, device: model.device, data, loader)
    }

    /// Whether every encoder is frozen, so that only fuser and heads learn.
    static func serves(_ recipe: Recipe) -> Bool { recipe.modalities.allSatisfy { !$0.isTrainable } }

    /// The views of training, the first as it is.
    static func views(_ count: Int, seed: UInt64) -> [SampleView] { (0..<count).map { $0 == 0 ? .clean : .augmented(seed: seed &+ UInt64($0) &* 0x9E37_79B9) } }

    /// Encoders of a slot, one for each core.
    private func runners(_ slot: Int) throws -> [FrozenEncoder] {
        if let made = workers[slot] { return made }
        let encoder = encoders[slot], graph = try encoder.graph()
        let made = try (0..<ProcessInfo.processInfo.activeProcessorCount).map { _ in
            try FrozenEncoder(graph, inputShape: encoder.part.modality.inputShape, size: encoder.size)
        }
        workers[slot] = made
        return made
    }

    // MARK: On disk

    /// What an embedding depends on besides its row: encoder, front end, what the modality is set to, view.
    private func file(_ slot: Int, _ view: SampleView) -> URL? {
        guard let cache else { return nil }
        let part = encoders[slot].part
        if hashes[slot] == nil {
            let bytes = part.isFile ? (try? Data(contentsOf: URL(fileURLWithPath: part.encoder))) ?? Data() : Data("\(part.encoder) \(part.dimension) \(seed)".utf8)
            // Both are long to read: once for a run.
            let encoder = bytes.reduce(into: UInt64(14695981039346656037)) { $0 = ($0 ^ UInt64($1)) &* 1099511628211 }
            hashes[slot] = StableHash.of("\(part.modality)", seed: encoder)
        }
        let sets = data.sets.map { set in "\(set.path) \(set.description.fingerprint) \(set.digest)" }.joined(separator: "\n")
        let key = StableHash.of("\(hashes[slot] ?? 0)\n\(view)\n\(sets)")
        return URL(fileURLWithPath: cache).appendingPathComponent("\(part.name)-\(String(key, radix: 16)).safetensors")
    }

    private func read(_ slot: Int, _ view: SampleView) {
        // A cache that cannot be read is made anew.
        guard let file = file(slot, view), opened.insert(file.path).inserted, let found = try? SafetensorsFile(contentsOf: file),
            let places = found.tensors["places"], let values = found.tensors["embeddings"], let absent = found.tensors["absent"],
            places.elementType == .int64, absent.elementType == .int64, values.elementType == .float32, places.shape.count == 2, places.shape[1] == 2,
            absent.shape.count == 2, absent.shape[1] == 2, values.shape == [places.shape[0], encoders[slot].size]
        else { return }
        let rows = places.values(as: Int64.self), numbers = values.values(as: Float.self), size = encoders[slot].size
        for index in 0..<places.shape[0] {
            let place = TrainingData.Place(set: Int(rows[2 * index]), row: Int(rows[2 * index + 1]))
            kept[Key(slot: slot, place: place, view: view)] = .some(Array(numbers[index * size..<(index + 1) * size]))
        }
        let none = absent.values(as: Int64.self)
        for index in 0..<absent.shape[0] {
            kept[Key(slot: slot, place: TrainingData.Place(set: Int(none[2 * index]), row: Int(none[2 * index + 1])), view: view)] = .some(nil)
        }
    }

    private func write(_ slot: Int, _ view: SampleView) throws {
        guard let file = file(slot, view) else { return }
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        var places: [Int64] = [], values: [Float] = [], absent: [Int64] = []
        for (key, embedding) in kept where key.slot == slot && key.view == view {
            let row = [Int64(key.place.set), Int64(key.place.row)]
            if let embedding {
                places += row
                values += embedding
            } else { absent += row }
        }
        try SafetensorsFile(tensors: [
            "places": Tensor(shape: [places.count / 2, 2], values: places), "embeddings": Tensor(shape: [places.count / 2, encoders[slot].size], values: values),
            "absent": Tensor(shape: [absent.count / 2, 2], values: absent),
        ]).write(to: file)
    }

    /// Makes what is not there yet.
    /// - Parameter advance: samples done, of so many.
    func make(_ indices: [Int], views: [[SampleView]], advance: (Int, Int) -> Void) throws {
        var work: [(slot: Int, view: SampleView, indices: [Int])] = []
        for slot in views.indices {
            for view in views[slot] {
                read(slot, view)
                var seen: Set<Key> = []
                let missing = indices.filter { index in
                    guard let place = data.samples[index].parts[slot] else { return false }
                    let key = Key(slot: slot, place: place, view: view)
                    return kept[key] == nil && seen.insert(key).inserted
                }
                if !missing.isEmpty { work.append((slot, view, missing)) }
            }
        }
        let total = work.reduce(0) { $0 + $1.indices.count }
        var done = 0
        for (slot, view, missing) in work {
            let workers = try runners(slot)
            for start in stride(from: 0, to: missing.count, by: Self.chunk) {
                let part = Array(missing[start..<min(start + Self.chunk, missing.count)])
                let found = Mutex([Result<[Float]?, any Error>?](repeating: nil, count: part.count))
                let loader = loader
                DispatchQueue.concurrentPerform(iterations: workers.count) { worker in
                    for place in Swift.stride(from: worker, to: part.count, by: workers.count) {
                        let result = Result {
                            let input = try loader.input(of: part[place], slot, .fixed(view, modalities: nil), place: place)
                            return input.values.isEmpty ? nil : try workers[worker].embedding(input.values)
                        }
                        found.withLock { $0[place] = result }
                    }
                }
                for (place, result) in found.withLock({ $0 }).enumerated() {
                    guard let row = data.samples[part[place]].parts[slot] else { continue }
                    // Kept as absent where this view lacks it.
                    kept[Key(slot: slot, place: row, view: view)] = .some(try result?.get())
                }
                done += part.count
                advance(done, total)
            }
            try write(slot, view)
        }
    }

    /// One of them, as it was made; `nil` where the sample lacks the modality.
    func embedding(_ index: Int, _ slot: Int, _ view: SampleView) -> [Float]? {
        guard let row = data.samples[index].parts[slot], let found = kept[Key(slot: slot, place: row, view: view)] else { return nil }
        return found
    }

    /// The embeddings of a batch, for the fuser.
    func inputs(_ indices: [Int], _ views: [[SampleView]], kept slots: [Set<Int>]) throws -> (present: [TorchTensor?], rows: [[Int]], weights: [[Float]]) {
        let count = encoders.count
        var present: [TorchTensor?] = [], rows: [[Int]] = []
        var weights = [[Float]](repeating: [Float](repeating: 0, count: count), count: indices.count)
        for slot in 0..<count {
            var values: [Float] = [], own: [Int] = []
            for (place, index) in indices.enumerated() where slots[place].contains(slot) {
                guard let row = data.samples[index].parts[slot], let found = kept[Key(slot: slot, place: row, view: views[place][slot])], let embedding = found else { continue }
                values += embedding
                own.append(place)
                weights[place][slot] = 1
            }
            rows.append(own)
            present.append(own.isEmpty ? nil : try TorchTensor(values, shape: [own.count, encoders[slot].size], device: device))
        }
        return (present, rows, weights)
    }
}
