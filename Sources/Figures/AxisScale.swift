import Biometrics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How values become places along an axis.
public enum AxisScale: Sendable, Hashable {
    case linear
    /// Base 10; values must be positive.
    case logarithmic
    /// The inverse normal distribution, for error rates between 0 and 1: a DET curve's axes.
    case probit

    /// The value in the space that is drawn evenly; `nil` where it has no place there. Probit: 0 and 1 lie at ±``Probit/clip``.
    public func mapped(_ value: Double) -> Double? {
        guard value.isFinite else { return nil }
        switch self {
        case .linear: return value
        case .logarithmic: return value > 0 ? log10(value) : nil
        case .probit: return value >= 0 && value <= 1 ? Probit.clipped(value) : nil
        }
    }

    /// The range of an axis that shows these values: never empty, and round on a linear scale.
    public func range(_ values: [Double]) -> ClosedRange<Double> {
        let usable = values.filter { mapped($0) != nil }
        guard let least = usable.min(), let most = usable.max() else {
            return self == .linear ? 0...1 : self == .logarithmic ? 0.1...1 : 0.001...0.5
        }
        switch self {
        case .linear:
            // A constant series lies in the middle.
            let spread = most > least ? most - least : max(abs(most) * 0.1, 1e-6)
            let (low, high) = most > least ? (least, most) : (least - spread, most + spread)
            let step = Self.step((high - low) / 5)
            return (low / step + 1e-9).rounded(.down) * step...(high / step - 1e-9).rounded(.up) * step
        case .logarithmic:
            let low = log10(least).rounded(.down), high = log10(most).rounded(.up)
            return pow(10, low)...pow(10, high > low ? high : low + 1)
        case .probit:
            return max(0.0001, min(least, 0.01))...min(0.9999, max(most, 0.5))
        }
    }

    /// Values to label, ascending, within a range.
    public func ticks(_ range: ClosedRange<Double>, about count: Int) -> [Double] {
        switch self {
        case .linear:
            let step = Self.step((range.upperBound - range.lowerBound) / Double(max(1, count)))
            let first = (range.lowerBound / step - 1e-9).rounded(.up), last = (range.upperBound / step + 1e-9).rounded(.down)
            guard first <= last, last - first < 1000 else { return [range.lowerBound, range.upperBound] }
            return (0...Int(last - first)).map { (first + Double($0)) * step }
        case .logarithmic:
            let low = Int(log10(range.lowerBound).rounded(.up)), high = Int(log10(range.upperBound).rounded(.down))
            guard low <= high else { return [range.lowerBound, range.upperBound] }
            let every = max(1, (high - low + count) / max(1, count))
            return stride(from: low, through: high, by: every).map { pow(10, Double($0)) }
        case .probit:
            return [0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999].filter(range.contains)
        }
    }

    /// 1, 2 or 5 times a power of ten, at least `rough`.
    public static func step(_ rough: Double) -> Double {
        guard rough > 0, rough.isFinite else { return 1 }
        let power = pow(10, log10(rough).rounded(.down))
        for factor in [1.0, 2, 5, 10] where factor * power >= rough * (1 - 1e-9) { return factor * power }
        return 10 * power
    }
}

/// How values are written beside an axis.
public enum AxisFormat: Sendable, Hashable {
    case number
    /// Of a share: 0.05 is 5 %.
    case percent

    public func text(_ value: Double) -> String {
        switch self {
        case .number: Self.plain(value)
        case .percent: Self.plain(value * 100) + " %"
        }
    }

    /// As many digits as tell labels apart, and no more.
    public static func plain(_ value: Double) -> String {
        let size = abs(value)
        if size < 1e-12 { return "0" }
        if size >= 1e6 || size < 1e-4 {
            let exponent = Int(log10(size).rounded(.down))
            let mantissa = (value / pow(10, Double(exponent)) * 100).rounded() / 100
            return (mantissa == 1 ? "" : "\(trimmed(mantissa))·") + "10" + superscript(exponent)
        }
        // Six significant digits, so that steps of a narrow range stay apart.
        let digits = pow(10, max(0, 5 - log10(size).rounded(.down)))
        return trimmed((value * digits).rounded() / digits)
    }

    private static func trimmed(_ value: Double) -> String {
        let size = abs(value) == abs(value).rounded() && abs(value) < 1e15 ? "\(Int64(abs(value)))" : "\(abs(value))"
        return (value < 0 ? "−" : "") + size
    }

    private static func superscript(_ value: Int) -> String {
        let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
        return (value < 0 ? "⁻" : "") + String(abs(value)).compactMap { $0.wholeNumberValue.map { digits[$0] } }
    }
}
