internal import Datasets
import Glibc

/// Something that passes for music from a radio in the same room: four chords of a major key over a bass and a beat.
enum Music {
    /// - Returns: mono at 16 kHz, −1…1.
    static func samples(_ count: Int, seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed, 0x6D75_7369_63)
        let key = 110 * pow(2, Double(random.index(below: 12)) / 12)
        let beat = Int(16000 * 60 / Double(random.uniform(80...140)))
        let bright = Double(random.uniform(0.35...0.75))
        let roots = [[0, 7, 9, 5], [0, 9, 5, 7], [0, 5, 0, 7], [9, 5, 0, 7]][random.index(below: 4)]
        let scale = [0, 2, 4, 5, 7, 9, 11, 12, 14, 16]
        var samples = [Float](repeating: 0, count: count)
        func note(_ semitones: Int, from start: Int, beats: Double, loudness: Double) {
            let frequency = key * pow(2, Double(semitones) / 12)
            let length = Int(Double(beat) * beats)
            for harmonic in 1...6 where frequency * Double(harmonic) < 7000 {
                let (step, level) = (2 * Double.pi * frequency * Double(harmonic) / 16000, loudness * pow(bright, Double(harmonic - 1)))
                for i in 0..<max(0, min(length, count - start)) {
                    let attack = min(1, Double(i) / 160)
                    let decay = exp(-3 * Double(i) * Double(harmonic).squareRoot() / Double(length)) * min(1, Double(length - i) / 160)
                    samples[start + i] += Float(level * attack * decay * sin(step * Double(i)))
                }
            }
        }
        var (index, start) = (0, 0)
        while start < count {
            let root = roots[index / 4 % roots.count]
            if index % 4 == 0 {
                // Major on the first, fourth and fifth step, minor on the sixth.
                for interval in [0, root == 9 ? 3 : 4, 7] { note(root + interval, from: start, beats: 4, loudness: 0.07) }
                note(root - 12, from: start, beats: 2, loudness: 0.12)
            }
            for half in 0..<2 where random.fraction() < 0.6 {
                note(12 + scale[random.index(below: scale.count)], from: start + half * beat / 2, beats: 0.5 * Double(1 + random.index(below: 2)), loudness: 0.08)
            }
            let hiss = random.normals(1600)
            for i in 0..<min(1600, count - start) { samples[start + i] += hiss[i] * 0.05 * exp(-Float(i) / 250) }
            index += 1
            start += beat
        }
        return samples
    }
}
