/// Packets that got lost: silence of 10 to 80 ms, again and again.
struct Dropouts {
    /// Of the time, 0…1.
    let part: Float

    func apply(to samples: inout [Float], _ random: inout SeededGenerator) {
        var left = Int(Float(samples.count) * max(0, min(1, part)))
        // Gaps may fall upon one another; a little less is then missing.
        while left > 0 {
            let gap = min(left, 160 + random.index(below: 1121))
            let start = random.index(below: samples.count - gap + 1)
            for i in start..<start + gap { samples[i] = 0 }
            left -= gap
        }
    }
}
