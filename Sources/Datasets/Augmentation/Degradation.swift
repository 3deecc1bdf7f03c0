import Glibc

/// Conditions under which recognition is evaluated, the same for every network: what happens to a row follows from the seed and its number alone.
///
/// Pictures and sound are degraded apart, as cameras and microphones are: a condition that is not one of a modality's leaves it as it is.
public enum Degradation: String, Codable, Hashable, Sendable, CaseIterable {
    /// Pictures out of focus (σ of 3 pixels at a width of 112) and of a quarter of the resolution (28 pixels across).
    case blurred
    /// Pictures with a quarter of the light and noise of 19 levels.
    case grainy
    /// Sound with as much noise as speech: 0 dB over the whole stretch.
    case noisy
    /// The second half of the pictures and of the sound is gone.
    case dropped

    /// Degrades one picture in place.
    /// - Parameters:
    ///   - crop: planes 0…255, `[channels, height, width]`.
    ///   - row: the number of the row in its set.
    ///   - frame: the number of the picture in its row.
    public func apply(to crop: inout [UInt8], channels: Int, width: Int, height: Int, seed: UInt64, row: Int, frame: Int = 0) {
        var distortion = PictureDistortion()
        switch self {
        case .blurred:
            distortion.blur = 3
            distortion.resolution = 0.25
        case .grainy:
            distortion.light = 0.25
            distortion.grain = 16
        case .noisy, .dropped: return
        }
        var random = stream(seed, row, 1 + UInt64(frame))
        distortion.apply(to: &crop, channels: channels, width: width, height: height, noiseSeed: random.next())
    }

    /// How many of a row's pictures are left, from the first.
    public func pictures(of count: Int) -> Int { self == .dropped ? (count + 1) / 2 : count }

    /// - Parameters:
    ///   - samples: mono at 16 kHz, −1…1.
    ///   - noise: recordings to mix in; without them it is pink.
    /// - Returns: as many samples; where sound is gone they are zeros.
    public func apply(to samples: [Float], noise: NoiseBank?, seed: UInt64, row: Int) -> [Float] {
        switch self {
        case .blurred, .grainy: return samples
        case .noisy:
            var distortion = SoundDistortion()
            distortion.signalToNoise = 0
            // With room for the noise's peaks, which would be cut off and with them some of the noise.
            distortion.gain = -12
            var random = stream(seed, row, 0)
            return distortion.apply(to: samples, noise: noise, noiseSeed: random.next())
        case .dropped:
            var sound = samples
            for i in (samples.count + 1) / 2..<samples.count { sound[i] = 0 }
            return sound
        }
    }

    /// By name, not by place in the list, so that further conditions leave these as they are.
    private func stream(_ seed: UInt64, _ row: Int, _ part: UInt64) -> SeededGenerator {
        SeededGenerator(seed: StableHash.of(rawValue, seed: seed), UInt64(truncatingIfNeeded: row), part)
    }
}
