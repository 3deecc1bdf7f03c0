/// What calibration saw of one activation: its range in a first pass, how its values spread over that range in a second.
///
/// Two passes over the samples make the result independent of their order. Not-a-number and infinite values are counted and otherwise left out.
public struct ActivationHistogram: Sendable {
    public static let bins = 4096

    public private(set) var low: Float = .infinity
    public private(set) var high: Float = -.infinity
    /// Values that were not finite.
    public private(set) var strange = 0
    public private(set) var counts: [Int] = []

    public init() {}

    /// First pass.
    public mutating func widen(_ values: Span<Float>) {
        for index in values.indices {
            let value = values[index]
            guard value.isFinite else {
                strange += 1
                continue
            }
            low = min(low, value)
            high = max(high, value)
        }
    }

    /// Second pass, with the same values.
    public mutating func count(_ values: Span<Float>) {
        if counts.isEmpty { counts = [Int](repeating: 0, count: Self.bins) }
        let width = Double(high) - Double(low)
        for index in values.indices where values[index].isFinite {
            let place = width > 0 ? Int((Double(values[index]) - Double(low)) / width * Double(Self.bins)) : 0
            counts[min(max(place, 0), Self.bins - 1)] += 1
        }
    }

    /// The quantization that a method chooses.
    /// - Precondition: both passes are done, unless nothing was seen.
    public func quantization(_ method: CalibrationMethod) -> AffineQuantization {
        guard low <= high else { return AffineQuantization(low: 0, high: 0) }
        switch method {
        case .minMax:
            return AffineQuantization(low: low, high: high)
        case .percentile(let share):
            let range = kept(share / 100)
            return AffineQuantization(low: range.low, high: range.high)
        case .meanSquaredError:
            let ends = (low: min(low, 0), high: max(high, 0))
            var best = AffineQuantization(low: low, high: high)
            var least = Double.infinity
            // From the whole range down to a fiftieth of it.
            for step in stride(from: 100, to: 1, by: -1) {
                let share = Float(step) / 100
                let candidate = AffineQuantization(low: ends.low * share, high: ends.high * share)
                let error = squaredError(candidate)
                if error < least { (best, least) = (candidate, error) }
            }
            return best
        }
    }

    private func centre(_ bin: Int) -> Double { Double(low) + (Double(bin) + 0.5) * (Double(high) - Double(low)) / Double(Self.bins) }

    /// Sum over the values, each at the middle of its bin.
    private func squaredError(_ quantization: AffineQuantization) -> Double {
        var sum = 0.0
        for bin in counts.indices where counts[bin] > 0 {
            let x = Float(centre(bin))
            let error = Double(x) - Double(quantization.dequantize(quantization.quantize(x)))
            sum += Double(counts[bin]) * error * error
        }
        return sum
    }

    /// What is left when `1 − share` of the values is cut off: from both ends alike, or from the upper where the lower is zero (after a rectifier).
    private func kept(_ share: Double) -> (low: Float, high: Float) {
        let total = counts.reduce(0, +)
        let cut = Double(total) * (1 - share)
        let isOneSided = low >= 0 || high <= 0
        let perEnd = isOneSided ? cut : cut / 2
        let width = (high - low) / Float(Self.bins)
        func trimmed(_ bins: some Sequence<Int>) -> Int {
            var passed = 0.0
            var trimmed = 0
            for bin in bins {
                passed += Double(counts[bin])
                if passed > perEnd { break }
                trimmed += 1
            }
            return trimmed
        }
        let lower = low < 0 ? low + width * Float(trimmed(counts.indices)) : low
        let upper = high > 0 ? high - width * Float(trimmed(counts.indices.reversed())) : high
        return (lower, max(lower, upper))
    }
}
