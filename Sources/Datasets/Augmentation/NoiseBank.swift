/// Recordings of what sounds beside speech. A value that is shared freely; 16 bits a sample, of bounded length.
public struct NoiseBank: Sendable, CustomStringConvertible {
    private let recordings: [[Int16]]
    /// Recordings before each, by samples: long ones are chosen more often.
    private let ends: [Int]

    /// - Parameter recordings: mono at 16 kHz, −1…1. Silent ones are left out.
    public init(_ recordings: [[Float]]) {
        self.init(recordings.map { $0.map { Int16(max(-32768, min(32767, ($0.isFinite ? $0 * 32768 : 0).rounded()))) } })
    }

    private init(_ recordings: [[Int16]]) {
        // Under −66 dB there is nothing to be made louder but rounding.
        self.recordings = recordings.filter { recording in
            let power = recording.reduce(0.0) { $0 + Double($1) * Double($1) }
            return !recording.isEmpty && power / Double(recording.count) > 256
        }
        var total = 0
        ends = self.recordings.map {
            total += $0.count
            return total
        }
    }

    /// From the rows of shards that have sound.
    /// - Parameters:
    ///   - seconds: at most this much is kept, of rows that the seed chooses; ten minutes are 19 MB.
    /// - Throws: ``DatasetError`` where the shards have no column of sound, a row of it is damaged, or all of it is silent.
    public init(_ set: ShardSet, seconds: Double = 600, seed: UInt64 = 0) throws(DatasetError) {
        let column = try set.column(SampleColumns.sound)
        let declared = set.description.columns[column]
        guard declared.element == .int16, declared.entryElements == 1 else {
            throw DatasetError(
                .badData,
                "\(set.path): column '\(declared.name)' holds \(declared.element.rawValue) of shape \(declared.shape), expected single int16 samples; prepare the recordings of noise as sound")
        }
        var rows = Array(0..<set.rowCount)
        var random = SeededGenerator(seed: seed, 0x6E_6F69_7365)
        random.shuffle(&rows)
        var left = Int(max(0.01, min(seconds, 86400)) * 16000)
        var recordings: [[Int16]] = []
        for row in rows where left > 0 {
            let samples = try set.elements(Int16.self, row: row, column: column)
            guard samples.count > 0 else { continue }
            let kept = min(samples.count, left)
            recordings.append(unsafe samples.withUnsafeBufferPointer { unsafe Array($0.prefix(kept)) })
            left -= kept
        }
        self.init(recordings)
        guard !isEmpty else {
            throw DatasetError(.badData, "\(set.path): no sound in \(set.rowCount) rows, or all of it silent; expected recordings of noise. Their manifest says what was refused and why")
        }
    }

    public var isEmpty: Bool { recordings.isEmpty }

    /// Says how much there is and which, not all of it.
    public var description: String {
        var hash = UInt64(recordings.count)
        for recording in recordings { for sample in recording { hash = (hash ^ UInt64(UInt16(bitPattern: sample))) &* 0x100_0000_01B3 } }
        return "\(recordings.count) recordings, \(sampleCount) samples, \(String(hash, radix: 16))"
    }
    /// Samples of all recordings.
    public var sampleCount: Int { ends.last ?? 0 }

    /// A stretch from anywhere; a recording that is too short is repeated. Where a stretch is silent another is taken, four times at most.
    /// - Precondition: the bank is not empty.
    public func stretch(_ count: Int, _ random: inout SeededGenerator) -> [Float] {
        precondition(!isEmpty, "a stretch of noise from an empty bank")
        var stretch: [Float] = []
        for _ in 0..<4 {
            let place = random.index(below: sampleCount)
            let recording = recordings[ends.firstIndex { $0 > place } ?? 0]
            let start = recording.count > count ? random.index(below: recording.count - count + 1) : random.index(below: recording.count)
            stretch = unsafe [Float](unsafeUninitializedCapacity: count) { values, filled in
                unsafe recording.withUnsafeBufferPointer { recording in
                    var from = start
                    var i = 0
                    while i < count {
                        let run = min(count - i, recording.count - from)
                        for k in 0..<run { unsafe values[i + k] = Float(recording[from + k]) * (1 / 32768) }
                        i += run
                        from = 0
                    }
                }
                filled = count
            }
            if SoundLevel.meanSquare(stretch) > 1e-7 { break }
        }
        return stretch
    }
}
