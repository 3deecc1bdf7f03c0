internal import Foundation

/// Level, noise floor and signal-to-noise ratio of a stream, and whether it is digitally silent.
///
/// Powers are mean squares of 10 ms pieces after a 13 Hz high-pass (y[i] = x[i] − x[i−1] + 0.995·y[i−1]), in dB relative to a full-scale square
/// wave: a full-scale sine has −3.
///
/// Noise floor: minimum statistics (Martin, 2001) in their simplest form: the smallest mean power of 80 ms within the last 4 s (speech pauses more
/// often than that), raised by 0.45 dB. Of white noise a mean of 8·160 squares deviates by √(2/1280) = 4 %, and the smallest of 50 independent ones
/// lies 2.3 deviations below their mean. Speech: pieces more than 6 dB above the floor, their power smoothed over 0.5 s of such pieces.
/// Ratio: speech less floor, over floor.
///
/// Digital silence: no sample differs from the one before by 2⁻¹⁷ (a quarter of the last of 16 bits) for 100 ms. No microphone is that quiet: it is
/// muted, the device is gone, or the clip has a gap. Such pieces do not count for the floor.
///
/// What comes out does not depend on the sizes of the blocks that went in. A value; not shared between threads.
public struct SignalLevel: Sendable {
    /// The state after a block.
    public struct Reading: Hashable, Sendable {
        /// Power of the latest whole 10 ms, dBFS; −120 at least.
        public var level: Float
        /// nil before the first 10 ms that are not digitally silent.
        public var noiseFloor: Float?
        /// Speech over noise in dB, −20…80; nil before anything has risen 6 dB above the floor.
        public var signalToNoise: Float?
        public var isDigitallySilent: Bool
    }

    private static let piece = 160
    private static let speechSmoothing = 1 - Float(exp(-0.010 / 0.500))
    private static let minimumBias = Float(pow(10, 0.045))
    private static let speechRatio = Float(pow(10, 0.6))
    /// The 4 s of the floor are kept as minima of eighths of them, 50 pieces each.
    private static let piecesPerMinimum = 50
    private static let quietest: Float = 1e-12
    private static let silentSamples = 1600

    private var previousInput: Float = 0
    private var highPassed: Float = 0
    private var sum: Float = 0
    private var count = 0
    private var unchanged = 0
    private var changesInPiece = false
    private var power = quietest
    /// Powers of the latest eight pieces, of which `known` exist.
    private var latest = SIMD8<Float>(repeating: 0)
    private var known = 0
    private var minima = SIMD8<Float>(repeating: .infinity)
    private var piecesInMinimum = 0
    private var speech: Float?

    public init() {}

    /// Takes samples in [−1, 1).
    @discardableResult
    public mutating func append(_ samples: Span<Float>) -> Reading {
        for i in samples.indices {
            let x = samples[i]
            if abs(x - previousInput) < 0x1p-17 {
                unchanged = min(unchanged + 1, Self.silentSamples)
            } else {
                unchanged = 0
                changesInPiece = true
            }
            highPassed = x - previousInput + 0.995 * highPassed
            previousInput = x
            sum += highPassed * highPassed
            count += 1
            if count == Self.piece { endPiece() }
        }
        return reading
    }

    public var reading: Reading {
        Reading(
            level: Self.decibels(power), noiseFloor: floor.map(Self.decibels), signalToNoise: signalToNoise,
            isDigitallySilent: unchanged >= Self.silentSamples)
    }

    /// Forgets everything, for a stream that does not continue.
    public mutating func reset() { self = SignalLevel() }

    private var floor: Float? {
        let smallest = minima.min()
        return smallest.isFinite ? smallest * Self.minimumBias : nil
    }

    private var signalToNoise: Float? {
        guard let floor, let speech else { return nil }
        return max(-20, min(80, Self.decibels(max(speech - floor, Self.quietest) / floor)))
    }

    private mutating func endPiece() {
        power = max(sum / Float(Self.piece), Self.quietest)
        sum = 0
        count = 0
        defer { changesInPiece = false }
        guard changesInPiece else { return }
        latest = SIMD8(power, latest[0], latest[1], latest[2], latest[3], latest[4], latest[5], latest[6])
        known = min(known + 1, 8)
        let mean = latest.sum() / Float(known)
        if piecesInMinimum == Self.piecesPerMinimum {
            piecesInMinimum = 0
            minima = SIMD8(.infinity, minima[0], minima[1], minima[2], minima[3], minima[4], minima[5], minima[6])
        }
        piecesInMinimum += 1
        minima[0] = min(minima[0], mean)
        if let floor, power > Self.speechRatio * floor {
            let old = speech ?? power
            speech = old + Self.speechSmoothing * (power - old)
        }
    }

    private static func decibels(_ power: Float) -> Float { 10 * log10(max(power, quietest)) }
}
