public import MediaTypes

/// Tells when each sample of a sound device was captured, from noisy measurements: a Kalman filter over the offset and the
/// drift of the device's clock against CLOCK_MONOTONIC.
///
/// With x the nominal time of a device sample (position ÷ 16 000) and t its measured instant, t − x = offset + drift · x + noise.
/// Drift wanders slowly (``driftWander``); the noise is estimated from the residuals. A measurement far from the line is an
/// outlier and is not used; several in a row on the same side mean that samples were lost or the device stood still, and the
/// line begins again where they are. Thread-bound; allocates at init only.
public struct SoundClock: Sendable {
    public enum Outcome: Sendable {
        /// One of the first ``settling``; there is no line yet.
        case settling
        case taken
        case outlier
        /// The line has been moved to where the last measurements are.
        case moved
    }

    /// Measurements whose median begins a line.
    static let settling = 5
    /// Outliers in a row on one side that move the line, if they span at least ``patience``.
    static let patienceCount = 6
    static let patience = 0.4
    /// Standard deviation by which drift may change within a second, seconds per second.
    static let driftWander = 3e-8
    /// What is believed of the drift before anything is measured: crystals are within ±100 ppm, cheap ones within ±300.
    static let driftPrior = 150e-6
    /// Bounds of the estimated noise of one measurement, seconds.
    static let noiseBounds = 0.2e-3...20e-3
    /// No measurement nearer to the line than this is an outlier, seconds.
    static let leastOutlier = 5e-3

    private var origin: Instant?
    /// Nominal time of the device sample that the state is for, seconds.
    private var x = 0.0
    /// t − x at `x`, seconds after `origin`.
    private var offset = 0.0
    private var drift = 0.0
    private var offsetVariance = 0.0
    private var covariance = 0.0
    private var driftVariance = Self.driftPrior * Self.driftPrior
    private var noiseVariance = 5e-3 * 5e-3
    private var isSettled = false
    /// Measurements kept for a median: the first ones, or outliers in a row. t − x − drift · (x − first x).
    private var candidates: [Double] = []
    private var candidatesFrom = 0.0
    /// Measurements that were not used.
    public private(set) var outliers = 0

    public init() { candidates.reserveCapacity(max(Self.settling, Self.patienceCount * 16)) }

    /// True once ``instant(of:)`` is known.
    public var isReady: Bool { isSettled }

    /// By how much the device runs fast (positive: it delivers more than 16 000 samples in a second), in parts per million;
    /// `nil` until it is known to about 20 ppm.
    public var driftPPM: Double? {
        guard isSettled, driftVariance < 20e-6 * 20e-6 else { return nil }
        return (1 / (1 + drift) - 1) * 1e6
    }

    /// Estimated standard deviation of one measurement.
    public var jitter: TimeSpan { .seconds(noiseVariance.squareRoot()) }

    /// The capture instant of a device sample; `nil` before the clock is ready.
    public func instant(of position: Double) -> Instant? {
        guard isSettled, let origin else { return nil }
        let nominal = position / Double(AudioFormat.sampleRate)
        return origin + .seconds(nominal + offset + drift * (nominal - x))
    }

    /// Takes a measurement: the device sample at `position` (fractions allowed) was captured at `instant`.
    @discardableResult
    public mutating func measure(position: Double, instant: Instant) -> Outcome {
        let nominal = position / Double(AudioFormat.sampleRate)
        let start = origin ?? instant
        origin = start
        let measured = (instant - start).seconds - nominal
        guard isSettled else {
            keep(measured, at: nominal)
            guard candidates.count == Self.settling else { return .settling }
            begin(at: nominal)
            return .settling
        }

        // Predict.
        let step = max(0, nominal - x)
        let predictedOffset = offset + drift * (nominal - x)
        let wander = Self.driftWander * Self.driftWander * step
        let p11 = offsetVariance + 2 * step * covariance + step * step * driftVariance + wander * step * step / 3
        let p12 = covariance + step * driftVariance + wander * step / 2
        let p22 = driftVariance + wander

        let residual = measured - predictedOffset
        let expected = p11 + noiseVariance
        if abs(residual) > max(4 * expected.squareRoot(), Self.leastOutlier) {
            outliers += 1
            return refuse(measured, residual: residual, at: nominal)
        }
        candidates.removeAll(keepingCapacity: true)

        // Correct.
        let offsetGain = p11 / expected
        let driftGain = p12 / expected
        x = nominal
        offset = predictedOffset + offsetGain * residual
        drift += driftGain * residual
        offsetVariance = (1 - offsetGain) * p11
        covariance = (1 - offsetGain) * p12
        driftVariance = p22 - driftGain * p12
        let share = residual * residual * noiseVariance / expected
        noiseVariance += 0.02 * (share - noiseVariance)
        noiseVariance = min(max(noiseVariance, Self.noiseBounds.lowerBound * Self.noiseBounds.lowerBound), Self.noiseBounds.upperBound * Self.noiseBounds.upperBound)
        return .taken
    }

    /// Forgets everything: another device, or the same one after it was away.
    public mutating func restart() {
        candidates.removeAll(keepingCapacity: true)
        origin = nil
        isSettled = false
        drift = 0
        driftVariance = Self.driftPrior * Self.driftPrior
        noiseVariance = 5e-3 * 5e-3
    }

    private mutating func keep(_ measured: Double, at nominal: Double) {
        if candidates.isEmpty { candidatesFrom = nominal }
        // Bounded: where no line is found for long, the first ones stand for all.
        guard candidates.count < Self.patienceCount * 16 else { return }
        candidates.append(measured - drift * (nominal - candidatesFrom))
    }

    private mutating func refuse(_ measured: Double, residual: Double, at nominal: Double) -> Outcome {
        if let first = candidates.first, (first - offset > 0) != (residual > 0) { candidates.removeAll(keepingCapacity: true) }
        keep(measured, at: nominal)
        guard candidates.count >= Self.patienceCount, nominal - candidatesFrom >= Self.patience else { return .outlier }
        begin(at: nominal)
        return .moved
    }

    /// The median of the candidates becomes the line; what is known of the drift stays.
    private mutating func begin(at nominal: Double) {
        // By insertion: few, and the library's sort allocates.
        for end in candidates.indices.dropFirst() {
            var place = end
            while place > 0, candidates[place - 1] > candidates[place] {
                candidates.swapAt(place - 1, place)
                place -= 1
            }
        }
        x = nominal
        offset = candidates[candidates.count / 2] + drift * (nominal - candidatesFrom)
        offsetVariance = noiseVariance / Double(candidates.count)
        covariance = 0
        driftVariance = max(driftVariance, 20e-6 * 20e-6)
        candidates.removeAll(keepingCapacity: true)
        isSettled = true
    }
}
