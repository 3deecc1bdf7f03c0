import MediaTypes

/// Level of the sound, and whether it is sound at all: a muted or unplugged microphone delivers exact zeros, a quiet room never does.
/// Thread-bound.
struct SoundActivity {
    /// Time constant of the level, seconds.
    private static let memory = 0.3
    /// Exact zeros since the last sample that was none.
    private(set) var zeroSamples = 0
    private var meanSquare: Double?

    mutating func append(_ samples: Span<Float>) {
        guard !samples.isEmpty else { return }
        // In Double: the squares of the smallest Floats are not zero.
        var sum = 0.0
        var zeros = 0
        for index in samples.indices {
            let sample = Double(samples[index])
            sum += sample * sample
            zeros = sample == 0 ? zeros + 1 : 0
        }
        zeroSamples = zeros == samples.count ? zeroSamples + zeros : zeros
        let mean = sum / Double(samples.count)
        let share = min(1, Double(samples.count) / Double(AudioFormat.sampleRate) / Self.memory)
        meanSquare = meanSquare.map { $0 + share * (mean - $0) } ?? mean
    }

    mutating func restart() {
        zeroSamples = 0
        meanSquare = nil
    }

    /// The silence so far.
    var silence: TimeSpan { AudioFormat.span(samples: zeroSamples) }
    var meanSquareLevel: Double? { meanSquare }
}
