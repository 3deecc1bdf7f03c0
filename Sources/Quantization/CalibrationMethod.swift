/// How the range of an activation is chosen from what calibration saw of it.
public enum CalibrationMethod: Sendable, Equatable, CustomStringConvertible {
    /// From the smallest to the largest value: nothing is cut off, and one outlier makes every step coarser.
    case minMax
    /// What is left when a share of the values is cut off in all, split between the ends that have any; 99.99 keeps all but one of ten thousand.
    /// In percent, above 50 and at most 100.
    case percentile(Double)
    /// The range with the least mean squared error between a value and its quantized self, of 100 ranges that are shrunk alike at both ends.
    case meanSquaredError

    public var description: String {
        switch self {
        case .minMax: "min-max"
        case .percentile(let share): "percentile \(share)"
        case .meanSquaredError: "mse"
        }
    }

    /// Reads `min-max`, `mse`, or `percentile:99.9`; `nil` for anything else.
    public init?(_ text: String) {
        switch text {
        case "min-max": self = .minMax
        case "mse": self = .meanSquaredError
        default:
            guard text.hasPrefix("percentile:"), let share = Double(text.dropFirst("percentile:".count)), share > 50, share <= 100 else { return nil }
            self = .percentile(share)
        }
    }
}
