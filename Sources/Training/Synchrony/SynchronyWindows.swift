import Datasets
import Dispatch
import Foundation
import FrontEnd
import Synchronization

/// Windows of talking people for training: drawn, distorted, and laid out for the two streams.
struct SynchronyWindows: Sendable {
    /// Of one step.
    struct Samples: Sendable {
        var windows: Int
        var frames: Int
        /// `[windows, frames, 96, 96]`
        var mouths: [Float]
        /// `[windows, 4 · frames, 80]`
        var features: [Float]
    }

    let data: TalkSet
    let noise: NoiseBank?
    /// By person.
    let people: [[TalkSet.Talk]]
    let frames: Int
    let windows: Int
    let ofEach: Int
    /// Running sums of what people weigh.
    private let weights: [Double]

    /// - Parameter frames: of every window; people with no row so long are left out.
    init(_ data: TalkSet, _ people: [[TalkSet.Talk]], noise: NoiseBank?, frames: Int, windows: Int, ofEach: Int) {
        (self.data, self.noise, self.frames, self.windows, self.ofEach) = (data, noise, frames, windows, ofEach)
        self.people = people.map { $0.filter { $0.frames >= frames } }.filter { !$0.isEmpty }
        // Somebody with a hundred times as much to say is heard ten times as often.
        var sum = 0.0
        weights = self.people.map { talks in
            sum += Double(talks.reduce(0) { $0 + $1.frames }).squareRoot()
            return sum
        }
    }

    typealias Window = (talk: TalkSet.Talk, start: Int)

    /// A few windows of each of some people, nobody twice.
    private func drawn(_ seed: UInt64) -> [Window] {
        var random = SeededGenerator(seed: seed, 0xD12A)
        var taken = Set<Int>(), drawn: [Window] = []
        let wanted = min(windows / ofEach, people.count)
        while taken.count < wanted {
            let place = Double(random.next() >> 11) * 0x1p-53 * (weights.last ?? 0)
            let index = weights.firstIndex { $0 > place } ?? 0
            guard taken.insert(index).inserted else { continue }
            for _ in 0..<ofEach {
                let talks = people[index]
                var left = random.index(below: talks.reduce(0) { $0 + $1.frames - frames + 1 })
                for talk in talks {
                    let starts = talk.frames - frames + 1
                    if left < starts {
                        drawn.append((talk, left))
                        break
                    }
                    left -= starts
                }
            }
        }
        return drawn
    }

    private static let pictureAugmentation: PictureAugmentation = {
        var augmentation = PictureAugmentation()
        // A mouth that is covered says nothing; the crop wanders more than a face's, and colours are not seen.
        augmentation.mask = Effect(0)
        augmentation.occlusion = Effect(0.03, 0.03...0.1)
        augmentation.shift = Effect(0.7, 0...0.08)
        augmentation.scale = Effect(0.7, 0.8...1.2)
        augmentation.rotation = Effect(0.5, -10...10)
        // The few people that are learnt from are to be many: broader and narrower mouths, lit from anywhere.
        augmentation.aspect = Effect(0.5, 0.75...1.33)
        augmentation.sideLight = Effect(0.4, 0.1...0.8)
        (augmentation.saturation, augmentation.cast) = (Effect(0), Effect(0))
        augmentation.motion = Effect(0)
        return augmentation
    }()
    private static let soundAugmentation: SoundAugmentation = {
        var augmentation = SoundAugmentation()
        // Speed would take the sound from the picture.
        augmentation.speed = Effect(0)
        return augmentation
    }()

    /// `[windows, frames, 96, 96]` and `[windows, 4 · frames, 80]`, made on all cores, each from random numbers of its own.
    func samples(seed: UInt64) throws -> Samples {
        let windows = drawn(seed)
        struct Piece: Sendable {
            var mouths: [Float] = []
            var features: [Float] = []
            var failure: DatasetError?
        }
        let pieces = Mutex([Piece](repeating: Piece(), count: windows.count))
        let (data, noise, frames) = (data, noise, frames)
        DispatchQueue.concurrentPerform(iterations: windows.count) { index in
            let (talk, start) = windows[index]
            var piece = Piece()
            do throws(DatasetError) {
                var random = SeededGenerator(seed: seed, 0x10AD, UInt64(index))
                let distortion = Self.pictureAugmentation.draw(&random)
                // A crop follows landmarks, which a small detector is not sure of.
                let tremble = random.index(below: 3) == 0 ? 0 : random.uniform(0...0.06)
                // Cameras in the dark deliver 12 or 15 pictures a second.
                let rate = random.index(below: 100) < 20 ? (random.index(below: 2) == 0 ? 12.5 : 15.0) : 25
                let held = rate < 25 ? (0..<frames).map { min(frames - 1, Int((Double($0) * rate / 25).rounded(.down) * 25 / rate + 0.5)) } : nil
                piece.mouths = try data.mouths(talk, start..<start + frames, distortion: (distortion, noise: random.next(), tremble: tremble), held: held)
                let samples = Self.soundAugmentation.apply(to: try data.sound(talk, start..<start + frames), noise: noise, random: &random)
                piece.features = LogMel.frames(of: samples, count: frames * TalkSet.melsPerFrame)
                if random.index(below: 10) < 6 {
                    VocalTract(factor: exp(Double(random.uniform(-0.22...0.22))), filters: piece.features.count / (frames * TalkSet.melsPerFrame)).apply(to: &piece.features)
                }
            } catch { piece.failure = error }
            pieces.withLock { $0[index] = piece }
        }
        let made = pieces.withLock { $0 }
        if let failure = made.lazy.compactMap(\.failure).first { throw failure }
        return Samples(windows: windows.count, frames: frames, mouths: made.flatMap(\.mouths), features: made.flatMap(\.features))
    }
}
