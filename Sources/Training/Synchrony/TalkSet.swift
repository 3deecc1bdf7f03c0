import Datasets
import FrontEnd

/// Rows of shards in which somebody is seen and heard talking: mouths 25 a second, and the sound of the same time.
struct TalkSet: Sendable {
    /// One row.
    struct Talk: Sendable {
        var identity: String
        var set: Int
        var row: Int
        /// 40 ms each.
        var frames: Int
    }

    static let side = SampleColumns.mouthSide
    /// Samples, and log-mel frames, of 40 ms.
    static let samplesPerFrame = 640
    static let melsPerFrame = 4

    let sets: [ShardSet]
    let talks: [Talk]

    /// - Parameter least: frames below which a row is left out.
    init(_ paths: [String], least: Int) throws(DatasetError) {
        var sets: [ShardSet] = [], talks: [Talk] = []
        for path in paths {
            let set = try ShardSet(path: path)
            let mouth = try set.column(SampleColumns.mouth), sound = try set.column(SampleColumns.sound), identity = try set.column(SampleColumns.identity)
            for row in 0..<set.rowCount {
                let frames = min(set.entries(row: row, column: mouth), set.entries(row: row, column: sound) / Self.samplesPerFrame)
                guard frames >= least else { continue }
                talks.append(Talk(identity: try set.text(row: row, column: identity), set: sets.count, row: row, frames: frames))
            }
            sets.append(set)
        }
        self.sets = sets
        self.talks = talks
    }

    /// Mouths as the network reads them, `[frames, 96, 96]`, −1…1.
    /// - Parameters:
    ///   - distortion: of all pictures alike, but that each is shifted and scaled by at most `tremble` (in sides) of its own, as crops are that follow uncertain
    ///     landmarks; `nil` leaves them as they are.
    ///   - held: which picture stands at each place, where a slow camera repeats some.
    func mouths(_ talk: Talk, _ range: Range<Int>, distortion: (PictureDistortion, noise: UInt64, tremble: Float)? = nil, held: [Int]? = nil) throws(DatasetError) -> [Float] {
        let set = sets[talk.set], bytes = try set.bytes(row: talk.row, column: set.column(SampleColumns.mouth)), size = Self.side * Self.side
        let contract = FrontEndContract.mouth96.picture, mean = contract?.mean[0] ?? 0, scale = contract?.scale[0] ?? 1
        var values: [Float] = []
        values.reserveCapacity(range.count * size)
        for place in 0..<range.count {
            let source = range.lowerBound + (held?[place] ?? place)
            if let held, place > 0, held[place] == held[place - 1] {
                values.append(contentsOf: Array(values.suffix(size)))
                continue
            }
            var picture = [UInt8](repeating: 0, count: size)
            for index in 0..<size { picture[index] = bytes[source * size + index] }
            if let distortion {
                var own = distortion.0
                if distortion.tremble > 0 {
                    var random = SeededGenerator(seed: distortion.noise, 0x7E3B, UInt64(place))
                    own.shiftX += random.uniform(-distortion.tremble...distortion.tremble)
                    own.shiftY += random.uniform(-distortion.tremble...distortion.tremble)
                    own.scale *= 1 + random.uniform(-distortion.tremble...distortion.tremble)
                }
                own.apply(to: &picture, channels: 1, width: Self.side, height: Self.side, noiseSeed: distortion.noise &+ UInt64(place))
            }
            for level in picture { values.append((Float(level) - mean) * scale) }
        }
        return values
    }

    /// Sound of a stretch, and 15 ms more for its last log-mel frame where there are; −1…1.
    func sound(_ talk: Talk, _ range: Range<Int>) throws(DatasetError) -> [Float] {
        let set = sets[talk.set], samples = try set.elements(Int16.self, row: talk.row, column: set.column(SampleColumns.sound))
        let count = range.count * Self.samplesPerFrame + LogMel.clipTail
        return (0..<count).map { index in
            let place = range.lowerBound * Self.samplesPerFrame + index
            return place < samples.count ? Float(samples[place]) * (1 / 32768) : 0
        }
    }
}
