import MediaTypes

/// All sound of one file on its time line, 16-bit; zeros where nothing was delivered.
struct SoundRecord {
    private(set) var samples: [Int16] = []

    var isEmpty: Bool { samples.isEmpty }

    mutating func append(_ block: AudioBlock) {
        let start = Self.index(block.start)
        if start > samples.count { samples += [Int16](repeating: 0, count: start - samples.count) }
        // Time stamps are rounded: what overlaps was there before.
        let overlap = max(0, samples.count - start)
        for sample in block.samples.dropFirst(overlap) {
            samples.append(Int16(max(-32768, min(32767, (sample * 32768).rounded()))))
        }
    }

    /// The samples from one instant to another, zeros beyond the end.
    func between(_ start: Instant, _ end: Instant) -> [Int16] {
        let range = Self.index(start)..<Self.index(end)
        let there = range.clamped(to: 0..<samples.count)
        if there.isEmpty { return [Int16](repeating: 0, count: range.count) }
        return [Int16](repeating: 0, count: there.lowerBound - range.lowerBound) + samples[there]
            + [Int16](repeating: 0, count: range.upperBound - there.upperBound)
    }

    private static func index(_ instant: Instant) -> Int {
        max(0, Int((Double(instant.nanoseconds) / Double(AudioFormat.sampleSpan.nanoseconds)).rounded()))
    }
}
