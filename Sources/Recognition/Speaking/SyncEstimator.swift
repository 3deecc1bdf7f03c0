public import MediaTypes

/// How much later the sound is than the picture: the lag at which the opening of a speaking mouth and the loudness of the sound go together best.
///
/// Both are taken on ``SpeakingGrid`` (40 ms), freed of what changes over more than a second by the same causal high-pass, and correlated at lags of
/// −10…+10 grid frames: once as they are and once as their differences, the two correlations added, the peak refined by a parabola. Sums fade with
/// a minute of speech, so that a change is followed. Mouths open a little before and after they are heard, whence an error of about a frame.
///
/// Bounded, allocates at init only. A value; thread-bound by its owner.
public struct SyncEstimator: Sendable {
    /// Largest lag that is looked for, in grid frames either way.
    public static let reach = 10
    /// Grid frames of speech before anything is said: 6 s.
    public static let least = 150
    /// Peak of the mean of the two correlations below which nothing is said.
    public static let leastCorrelation: Float = 0.12
    static let fade: Float = 1 - 1 / 1500
    static let highPass: Float = 1 / 25

    /// One signal: its newest values without slow changes, and their differences.
    private struct Signal {
        var slow: Float?
        var values: [Float]
        var differences: [Float]
        var last: Float = 0

        init(count: Int) {
            values = [Float](repeating: 0, count: count)
            differences = values
        }

        mutating func add(_ x: Float) {
            let mean = slow ?? x
            slow = mean + highPass * (x - mean)
            let y = x - mean
            for index in values.indices.dropLast() {
                values[index] = values[index + 1]
                differences[index] = differences[index + 1]
            }
            values[values.count - 1] = y
            differences[values.count - 1] = y - last
            last = y
        }
    }

    private var mouth: Signal
    private var sound: Signal
    private var products = [Float](repeating: 0, count: 2 * reach + 1)
    private var differenceProducts = [Float](repeating: 0, count: 2 * reach + 1)
    private var powers: (mouth: Float, sound: Float, mouthDifference: Float, soundDifference: Float) = (0, 0, 0, 0)
    /// Grid frames in a row without a gap.
    private var run = 0
    /// Grid frames that the sums rest on, faded like them.
    public private(set) var weight: Float = 0

    public init() {
        mouth = Signal(count: 2 * Self.reach + 1)
        sound = Signal(count: 2 * Self.reach + 1)
    }

    /// Takes the next grid frame of one speaking face.
    /// - Parameters:
    ///   - opening: of the mouth, in its widths.
    ///   - loudness: logarithm of the sound's energy.
    public mutating func add(opening: Float, loudness: Float) {
        guard opening.isFinite, loudness.isFinite else { return interrupt() }
        mouth.add(opening)
        sound.add(loudness)
        run += 1
        // The windows must be full, and the high-pass settled.
        guard run > 2 * Self.reach + 10 else { return }
        // The mouth at the middle of the window against the sound at every place of it.
        let m = mouth.values[Self.reach], dm = mouth.differences[Self.reach]
        for index in products.indices {
            products[index] = products[index] * Self.fade + m * sound.values[index]
            differenceProducts[index] = differenceProducts[index] * Self.fade + dm * sound.differences[index]
        }
        let s = sound.values[Self.reach], ds = sound.differences[Self.reach]
        powers = (
            powers.mouth * Self.fade + m * m, powers.sound * Self.fade + s * s, powers.mouthDifference * Self.fade + dm * dm,
            powers.soundDifference * Self.fade + ds * ds
        )
        weight = weight * Self.fade + 1
    }

    /// The next grid frame does not follow the last: another face speaks, or nobody.
    public mutating func interrupt() {
        run = 0
        mouth.slow = nil
        sound.slow = nil
        mouth.last = 0
        sound.last = 0
    }

    /// Sound later than picture by so much, negative where it is earlier; `nil` until enough speech shows a clear peak.
    public var offset: TimeSpan? {
        guard weight >= Float(Self.least) else { return nil }
        func scaled(_ sums: [Float], _ a: Float, _ b: Float) -> [Float] {
            let scale = (a * b).squareRoot()
            return sums.map { scale > 0 ? $0 / scale : 0 }
        }
        let level = scaled(products, powers.mouth, powers.sound)
        let change = scaled(differenceProducts, powers.mouthDifference, powers.soundDifference)
        let both = zip(level, change).map { ($0 + $1) / 2 }
        guard let peak = both.indices.max(by: { both[$0] < both[$1] }), both[peak] >= Self.leastCorrelation else { return nil }
        // A maximum at the edge may be the flank of one outside.
        guard peak > 0, peak < both.count - 1 else { return nil }
        let (left, middle, right) = (both[peak - 1], both[peak], both[peak + 1])
        let bend = left - 2 * middle + right
        let refinement = bend < 0 ? 0.5 * (left - right) / bend : 0
        return .seconds(Double(Float(peak - Self.reach) + refinement) * 0.04)
    }
}
