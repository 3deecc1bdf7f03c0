// TAR @ FAR = x:  max { 1 − FR(t) : FA(t) ≤ x }, at a threshold that was measured (no interpolation: a promise must be kept).
//
// Edge rules: among thresholds with the same TAR the highest is given. Where x is less than one of the impostor comparisons,
// the rate is that at FA = 0 and `isResolved` is false: so few comparisons cannot show so low a rate.
// Reference: Grother et al., NIST Face Recognition Vendor Test (FNMR at FMR).

/// The share of genuine comparisons that are accepted while false accepts stay below a limit.
public struct TrueAcceptRate: Sendable, Hashable {
    /// 0…1.
    public var rate: Double
    /// The false accept rate at the threshold, at most the limit.
    public var falseAccept: Double
    public var threshold: Float
    /// Whether there are impostor comparisons enough to see one false accept at this limit.
    public var isResolved: Bool
}

extension OperatingCurve {
    /// - Parameter limit: false accept rate, 0…1.
    public func trueAcceptRate(atFalseAccept limit: Double) -> TrueAcceptRate {
        // A rate that is a quotient of counts must not miss its own limit by rounding.
        let limit = limit * (1 + 1e-12)
        var low = 0, high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle].falseAccept <= limit { low = middle + 1 } else { high = middle }
        }
        var index = low - 1
        while index > 0, points[index - 1].falseReject == points[index].falseReject { index -= 1 }
        let point = points[index]
        return TrueAcceptRate(
            rate: point.trueAccept, falseAccept: point.falseAccept, threshold: point.threshold, isResolved: limit * differentCount >= 1)
    }
}
