import Datasets
import Dispatch
import Synchronization

/// Makes batches of samples: reads the shards, looks at each sample in its own way, and lays the numbers out for the encoders.
///
/// Samples of a batch are made on all cores, each from random numbers of its own: how many cores there are changes nothing.
/// Frozen encoders are not here: ``FrozenEmbeddings``.
final class BatchLoader: Sendable {
    private let data: TrainingData
    private let recipe: Recipe
    private let device: TorchDevice

    init(_ data: TrainingData, _ recipe: Recipe, device: TorchDevice) {
        self.data = data
        self.recipe = recipe
        self.device = device
    }

    /// How samples of a batch are looked at.
    enum Look: Sendable {
        /// Each sample's own view, and which modalities it keeps.
        case training(epoch: Int, batch: Int)
        case fixed(SampleView, modalities: Set<String>?)
    }

    /// One slot of one sample as it was loaded.
    private struct Piece: Sendable {
        var input: ModalityInput
        var failure: DatasetError?
    }

    /// - Parameters:
    ///   - indices: into the data's samples.
    ///   - offset: the first one's place in the batch, where these are only a part of it: what is drawn for a sample is the same whoever loads it.
    func inputs(_ indices: [Int], _ look: Look, offset: Int = 0) throws -> FusionModel.Inputs {
        let slots = recipe.modalities.count
        let kept = indices.enumerated().map { place, index in keptSlots(data.samples[index], look, place + offset) }
        let pieces = Mutex([Piece?](repeating: nil, count: indices.count * slots))
        DispatchQueue.concurrentPerform(iterations: indices.count * slots) { job in
            let place = job / slots, slot = job % slots
            guard kept[place].contains(slot) else { return }
            let piece: Piece
            do throws(DatasetError) {
                piece = Piece(input: try self.input(of: indices[place], slot, look, place: place + offset))
            } catch { piece = Piece(input: .missing, failure: error) }
            pieces.withLock { $0[job] = piece }
        }
        let loaded = pieces.withLock { $0 }
        if let failure = loaded.compactMap({ $0?.failure }).first { throw failure }
        var inputs = FusionModel.Inputs(values: [], rows: [], weights: [[Float]](repeating: [Float](repeating: 0, count: slots), count: indices.count))
        for slot in 0..<slots {
            var rows: [Int] = [], values: [Float] = []
            for place in indices.indices {
                guard let input = loaded[place * slots + slot]?.input, !input.values.isEmpty else { continue }
                rows.append(place)
                values += input.values
                inputs.weights[place][slot] = input.quality
            }
            let modality = recipe.modalities[slot].modality
            inputs.rows.append(rows)
            inputs.values.append(
                rows.isEmpty ? nil : try TorchTensor(values, shape: [rows.count * modality.piecesPerSample] + modality.inputShape, device: device))
        }
        return inputs
    }

    /// What an encoder reads of one sample.
    /// - Parameter place: in its batch.
    func input(of index: Int, _ slot: Int, _ look: Look, place: Int) throws(DatasetError) -> ModalityInput {
        guard let part = data.samples[index].parts[slot] else { return .missing }
        return try recipe.modalities[slot].modality.input(from: data.sets[part.set], row: part.row, view: Self.view(look, index, place, slot, recipe))
    }

    /// Slots that a sample keeps: those that it has, without one that dropout takes.
    func keptSlots(_ sample: TrainingData.Sample, _ look: Look, _ place: Int) -> Set<Int> {
        let present = sample.parts.indices.filter { sample.parts[$0] != nil }
        switch look {
        case .training(let epoch, let batch):
            guard recipe.modalityDropout > 0, present.count > 1 else { return Set(present) }
            var generator = SeededGenerator(seed: recipe.draws, 0xD809, UInt64(epoch), UInt64(batch), UInt64(place))
            guard Double(generator.next() >> 11) * 0x1p-53 < recipe.modalityDropout else { return Set(present) }
            let lost = present[generator.index(below: present.count)]
            return Set(present).subtracting([lost])
        case .fixed(_, let modalities):
            guard let modalities else { return Set(present) }
            return Set(present.filter { modalities.contains(recipe.modalities[$0].name) })
        }
    }

    private static func view(_ look: Look, _ index: Int, _ place: Int, _ slot: Int, _ recipe: Recipe) -> SampleView {
        switch look {
        case .training(let epoch, let batch):
            var generator = SeededGenerator(seed: recipe.draws, 0x71E3, UInt64(epoch), UInt64(batch), UInt64(place), UInt64(slot))
            return recipe.modalities[slot].modality.isAugmented ? .augmented(seed: generator.next()) : .clean
        case .fixed(let view, _):
            // What is drawn for a sample is its own.
            guard case .augmented(let seed) = view else { return view }
            var generator = SeededGenerator(seed: seed, UInt64(index), UInt64(slot))
            return .augmented(seed: generator.next())
        }
    }
}
