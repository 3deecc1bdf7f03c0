import Datasets
import Dispatch
import Foundation
import Synchronization

/// Square canvases with windows of whole pictures on them, at sizes from a tenth to several times the pictures'; as they are, and as a poor camera sees them.
struct PictureCanvases: Sendable {
    /// `[canvases, 3, side, side]` each, blue green red, 0…255.
    struct Samples: Sendable {
        var clean: [Float]
        var distorted: [Float]
    }

    let pictures: PictureSet
    /// Pictures that are drawn from, by folder; a folder with a greater share is there more than once.
    let chosen: [[Int]]
    /// How many pictures these are.
    let learnt: Int
    let side: Int
    let canvases: Int

    init(_ pictures: PictureSet, shares: [Int], where isChosen: (Int) -> Bool, side: Int, canvases: Int) {
        (self.pictures, self.side, self.canvases) = (pictures, side, canvases)
        var chosen: [Int: [Int]] = [:]
        for index in 0..<pictures.count where isChosen(index) { chosen[pictures.folders[index], default: []].append(index) }
        self.chosen = chosen.sorted { $0.key < $1.key }.flatMap { folder, own in [[Int]](repeating: own, count: shares[folder]) }
        learnt = chosen.values.reduce(0) { $0 + $1.count }
    }

    private static let augmentation: PictureAugmentation = {
        var augmentation = PictureAugmentation()
        // Whatever moves or covers a face changes the answer; lengths count for a picture of one face, and faces here are small.
        (augmentation.flip, augmentation.shift, augmentation.scale, augmentation.rotation) = (Effect(0), Effect(0), Effect(0), Effect(0))
        (augmentation.occlusion, augmentation.mask) = (Effect(0), Effect(0))
        (augmentation.blur, augmentation.motion, augmentation.resolution) = (Effect(0.1, 0.2...0.6), Effect(0.05, 1...2), Effect(0.1, 0.5...0.9))
        return augmentation
    }()

    /// How many pictures there are across a canvas, each as often as the others: portraits are of small faces too only where there are many. A picture has 64 pixels at least; on broad
    /// canvases one is as broad as a webcam's, whose owner fills half of it: a network that never saw a whole face of 250 pixels finds its halves.
    private static func divisions(_ side: Int) -> [Int] { side < 512 ? [1, 1, 2, 2, 4] : [1, 1, 2, 2, 4, 4, 8] }

    /// One canvas of a picture, of four, of sixteen or of sixty-four; broader and narrower ones, and turned ones: the teacher is asked about what comes of it.
    func canvas(_ random: inout SeededGenerator) -> [UInt8] {
        var canvas = [UInt8](repeating: 0, count: 3 * side * side)
        let divisions = Self.divisions(side), parts = divisions[random.index(below: divisions.count)], cell = side / parts
        for part in 0..<parts * parts {
            let own = chosen[random.index(below: chosen.count)], picture = own[random.index(below: own.count)], size = pictures.size(picture)
            let scale = Float(cell) / Float(max(size.width, size.height)) * exp(random.uniform(-0.3...1.2))
            let aspect = exp(random.uniform(-0.25...0.25)), angle = random.index(below: 3) == 0 ? random.uniform(-0.5...0.5) : 0
            func place(_ length: Float) -> Float {
                let room = Float(cell) - length * scale
                return random.uniform(0...1) * room
            }
            let x = place(Float(size.width) * aspect.squareRoot()), y = place(Float(size.height) / aspect.squareRoot())
            let window = PictureSet.Window(picture: picture, scale: scale, x: x, y: y, isFlipped: random.index(below: 2) == 0, aspect: aspect, angle: angle)
            let column = part % parts * cell, row = part / parts * cell
            pictures.draw(window, into: &canvas, side: side, columns: column..<column + cell, rows: row..<row + cell)
        }
        return canvas
    }

    /// A canvas as it is and as a poor camera sees it.
    func seen(_ random: inout SeededGenerator) -> (clean: [Float], distorted: [Float]) {
        let clean = canvas(&random)
        var distorted = clean
        Self.augmentation.apply(to: &distorted, channels: 3, width: side, height: side, random: &random)
        return (clean.map(Float.init), distorted.map(Float.init))
    }

    /// Made on all cores, each from random numbers of its own.
    func samples(seed: UInt64) -> Samples {
        let made = Mutex([(clean: [Float], distorted: [Float])?](repeating: nil, count: canvases))
        DispatchQueue.concurrentPerform(iterations: canvases) { index in
            var random = SeededGenerator(seed: seed, 0xCA7A, UInt64(index))
            let pair = seen(&random)
            made.withLock { $0[index] = pair }
        }
        let all = made.withLock { $0.compactMap { $0 } }
        return Samples(clean: all.flatMap(\.clean), distorted: all.flatMap(\.distorted))
    }
}
