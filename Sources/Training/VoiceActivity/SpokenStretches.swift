import Datasets
import Dispatch
import FrontEnd
import Synchronization
import Tensors

/// Stretches of sound with what is speech in them: talk of one person or of several in turn, pauses between, and noise over all of it.
struct SpokenStretches: Sendable {
    /// A row's sound at 16 kHz, and the teacher's probability of speech in every 20 ms of it.
    struct Talk: Sendable {
        var set: Int
        var row: Int
        var speech: [Float]
    }

    /// Of one step.
    struct Samples: Sendable {
        /// `[stretches, frames, 80]`
        var features: [Float]
        /// `[stretches, frames / 2]`, 0…1
        var speech: [Float]
    }

    static let unit = SpeechTeacher.unit
    let sets: [ShardSet]
    let talks: [Talk]
    let noise: NoiseBank
    /// 20 ms each, of a stretch.
    let units: Int
    let stretches: Int

    /// Talk and pauses as a microphone beside the mouth hears them, with what is speech: as long as a stretch and a frame's tail.
    func clean(_ random: inout SeededGenerator) throws(DatasetError) -> (samples: [Float], speech: [Float]) {
        var samples = [Float](repeating: 0, count: units * Self.unit + LogMel.clipTail), speech = [Float](repeating: 0, count: units)
        var place = random.index(below: 3) == 0 ? 0 : random.index(below: units / 2)
        while place < units {
            let talk = talks[random.index(below: talks.count)]
            let set = sets[talk.set], sound = try set.elements(Int16.self, row: talk.row, column: set.column(SampleColumns.sound))
            let least = min(talk.speech.count, 25), length = min(units - place, least + random.index(below: talk.speech.count - least + 1))
            let start = random.index(below: talk.speech.count - length + 1)
            for unit in 0..<length { speech[place + unit] = talk.speech[start + unit] }
            for sample in 0..<length * Self.unit { samples[place * Self.unit + sample] = Float(sound[start * Self.unit + sample]) * (1 / 32768) }
            place += length + 10 + random.index(below: 75)
        }
        return (samples, speech)
    }

    private static let augmentation: SoundAugmentation = {
        var augmentation = SoundAugmentation()
        // What is speech and when is known of the sound as it is.
        augmentation.speed = Effect(0)
        augmentation.noise = Effect(0.85, -3...25)
        augmentation.gain = Effect(0.8, -25...6)
        return augmentation
    }()

    /// A stretch as a box hears it, with what is speech.
    func heard(_ random: inout SeededGenerator) throws(DatasetError) -> (samples: [Float], speech: [Float]) {
        // One in twelve has no speech at all.
        let isEmpty = random.index(below: 12) == 0
        var (samples, speech) = try clean(&random)
        if isEmpty {
            samples = noise.stretch(samples.count, &random)
            speech = [Float](repeating: 0, count: speech.count)
        }
        return (Self.augmentation.apply(to: samples, noise: noise, random: &random), speech)
    }

    /// Made on all cores, each stretch from random numbers of its own.
    func samples(seed: UInt64) throws -> Samples {
        struct Piece: Sendable {
            var features: [Float] = []
            var speech: [Float] = []
            var failure: DatasetError?
        }
        let pieces = Mutex([Piece](repeating: Piece(), count: stretches))
        DispatchQueue.concurrentPerform(iterations: stretches) { index in
            var piece = Piece(), random = SeededGenerator(seed: seed, 0x5BEE, UInt64(index))
            do throws(DatasetError) {
                let (samples, speech) = try heard(&random)
                piece.features = LogMel.frames(of: samples, count: 2 * units)
                piece.speech = speech
            } catch { piece.failure = error }
            pieces.withLock { $0[index] = piece }
        }
        let made = pieces.withLock { $0 }
        if let failure = made.lazy.compactMap(\.failure).first { throw failure }
        return Samples(features: made.flatMap(\.features), speech: made.flatMap(\.speech))
    }
}
