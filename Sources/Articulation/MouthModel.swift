import Datasets
public import FrontEnd
import Glibc

/// Moves a mouth by what is heard: a linear reading of the sound (``RidgeRegression`` on ``SoundWindow``s of real speech), the lips' aims for each
/// speech sound, and what real mouths do that nobody hears.
///
/// The sound alone reads about two thirds of a real mouth. So that drawn mouths are no easier to read, noise of their own is added until that much is left.
public struct MouthModel: Sendable, Hashable {
    /// `[SoundWindow.count, 2]`: to opening and width, both in face widths.
    public let weights: [Float]
    /// `[2]`.
    public let bias: [Float]
    /// Of real mouths, over clips of one face each: mean opening, and the deviations of opening and width from the clip's mean.
    public let meanOpening: Float
    public let openingDeviation: Float
    public let widthDeviation: Float

    /// Numbers of a window, and so rows of ``weights``.
    public static let inputs = SoundWindow.count

    /// - Precondition: sizes as documented.
    public init(weights: [Float], bias: [Float], meanOpening: Float, openingDeviation: Float, widthDeviation: Float) {
        precondition(weights.count == 2 * Self.inputs && bias.count == 2)
        self.weights = weights
        self.bias = bias
        self.meanOpening = meanOpening
        self.openingDeviation = openingDeviation
        self.widthDeviation = widthDeviation
    }

    /// What the sound says of the mouth: opening and width, face widths, at each time (s). Without gain, aims or noise: for finding lags.
    /// - Parameter samples: mono at 16 kHz.
    public func read(_ samples: [Float], at times: [Double]) throws(FrontEndError) -> [SIMD2<Float>] {
        let sound = try SoundWindow(samples)
        var window = [Float](repeating: 0, count: Self.inputs)
        return times.map { time in
            sound.write(at: time, into: &window, from: 0)
            var sum = SIMD2(bias[0], bias[1])
            for i in 0..<Self.inputs { sum += SIMD2(weights[2 * i], weights[2 * i + 1]) * window[i] }
            return sum
        }
    }

    /// A mouth for every picture; the same for the same samples, phonemes and seed.
    /// - Parameters:
    ///   - samples: what the person says, without room and noise; mono at 16 kHz.
    ///   - phonemes: with their times; nil where only the sound is known.
    ///   - frameRate: pictures a second, 1…240. Picture n is at n / frameRate.
    ///   - seed: of what cannot be heard, and of how far this person opens the mouth.
    /// - Returns: as many as there are pictures in the duration; none for no samples. Closed lips where nothing is said.
    public func mouths(for samples: [Float], phonemes: [Phoneme]?, frameRate: Double, seed: UInt64) throws(FrontEndError) -> [MouthShape] {
        let rate = max(1, min(240, frameRate))
        let count = Int((Double(samples.count) / 16000 * rate).rounded(.up))
        guard count > 0 else { return [] }
        let times = (0..<count).map { Double($0) / rate }
        let heard = try read(samples, at: times)
        let silence = phonemes == nil ? Self.silence(samples, at: times) : []
        let moments = phonemes.map { Coarticulation($0).moments(at: times) } ?? silence.map { .init(shape: MouthShape(), closure: 0, pause: $0) }
        let speaking = moments.map { 1 - $0.pause }
        var person = SeededGenerator(seed: seed, 0x6D_6F75_7468)
        let liveliness = person.uniform(0.85...1.15), rest = max(0, person.uniform(-0.01...0.008))

        // What is heard and what the sounds aim at, on one scale.
        let aims = phonemes == nil ? heard.map(\.x) : moments.map(\.shape.opening)
        let aimed = Self.standard(aims, weights: speaking), read = Self.standard(heard.map(\.x), weights: speaking)
        let wide = Self.standard(phonemes == nil ? heard.map(\.y) : moments.map(\.shape.width), weights: speaking)
        let readWide = Self.standard(heard.map(\.y), weights: speaking)
        let own = Self.smoothNoise(count, rate: rate, &person), ownWide = Self.smoothNoise(count, rate: rate, &person)
        let mixed = (0..<count).map { Self.heardShare * read[$0] + (1 - Self.heardShare) * aimed[$0] + Self.noise * own[$0] }

        func opening(_ gain: Float) -> [Float] {
            (0..<count).map { index in
                let talking = max(0, meanOpening + gain * mixed[index]) * (1 - Self.closing(moments[index].closure))
                return min(0.35, speaking[index] * talking + moments[index].pause * rest)
            }
        }
        // Lips that meet take from the spread: look for the gain that leaves as much as real mouths have.
        let wanted = openingDeviation * liveliness
        var (low, high): (Float, Float) = (0, 8 * openingDeviation)
        for _ in 0..<20 {
            let middle = (low + high) / 2
            if Self.deviation(opening(middle), weights: speaking) < wanted { low = middle } else { high = middle }
        }
        let openings = opening(low)
        return (0..<count).map { index in
            let wideness = speaking[index] * widthDeviation * (0.7 * wide[index] + 0.3 * readWide[index] + 0.5 * ownWide[index])
            return MouthShape(opening: openings[index], width: max(-0.15, min(0.12, wideness)), tongue: speaking[index] * moments[index].shape.tongue)
        }
    }

    /// The rest is the aims'.
    private static let heardShare: Float = 0.7
    /// Of what is heard and aimed at together, whose deviation is about 0.9.
    private static let noise: Float = 0.4

    /// Lips that should meet do.
    private static func closing(_ share: Float) -> Float {
        let x = max(0, min(1, (share - 0.15) / 0.35))
        return x * x * (3 - 2 * x)
    }

    /// Mean 0 and deviation 1 where the weights are.
    private static func standard(_ values: [Float], weights: [Float]) -> [Float] {
        let total = max(1e-6, weights.reduce(0, +))
        let mean = zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
        let spread = deviation(values, weights: weights)
        return values.map { spread > 1e-6 ? max(-4, min(4, ($0 - mean) / spread)) : 0 }
    }

    private static func deviation(_ values: [Float], weights: [Float]) -> Float {
        let total = max(1e-6, weights.reduce(0, +))
        let mean = zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
        return (zip(values, weights).reduce(0) { $0 + ($1.0 - mean) * ($1.0 - mean) * $1.1 } / total).squareRoot()
    }

    /// Of mean 0 and deviation 1, about as fast as lips: neighbours within 80 ms are alike.
    private static func smoothNoise(_ count: Int, rate: Double, _ random: inout SeededGenerator) -> [Float] {
        let deviation = 0.045 * rate
        let reach = Int((3 * deviation).rounded(.up))
        let kernel = (-reach...reach).map { Float(exp(-0.5 * Double($0 * $0) / (deviation * deviation))) }
        let power = kernel.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let white = random.normals(count + 2 * reach)
        return (0..<count).map { index in
            var sum: Float = 0
            for (offset, weight) in kernel.enumerated() { sum += weight * white[index + offset] }
            return sum / power
        }
    }

    /// How silent it is around each time, 0…1: 30 dB under the loud moments and less.
    private static func silence(_ samples: [Float], at times: [Double]) -> [Float] {
        let step = 160
        var levels = stride(from: 0, to: samples.count, by: step).map { start in
            let part = samples[start..<min(samples.count, start + step)]
            return 10 * log10(part.reduce(0) { $0 + $1 * $1 } / Float(part.count) + 1e-9)
        }
        let loud = max(-60, levels.sorted()[levels.count * 9 / 10])
        levels = levels.map { max(0, min(1, (loud - 20 - $0) / 10)) }
        return times.map { time in
            let middle = Int(time * 100)
            let around = (middle - 8...middle + 8).map { $0 >= 0 && $0 < levels.count ? levels[$0] : 1 }
            return around.reduce(0, +) / Float(around.count)
        }
    }
}
