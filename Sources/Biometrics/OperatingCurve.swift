// FA(t) = |{impostor scores ≥ t}| / |impostors|        false accept rate (false match rate)
// FR(t) = |{genuine scores < t}| / |genuine|           false reject rate (false non-match rate)
//
// One curve stands behind every verification metric: (FA, 1 − FR) is the ROC, (FA, FR) on probit axes the DET curve.
// Edge rules: comparisons with one score are accepted together, so ties become one slanting step and not an order that was never
// measured. The curve begins at "accept nothing" (threshold +∞) and ends at "accept everything". Points between two corners on a
// horizontal or vertical line are left out: they change no metric here.
// Reference: ISO/IEC 19795-1; T. Fawcett, "An introduction to ROC analysis", 2006, algorithm 2. Tested against scikit-learn.

/// One threshold with the two errors that it makes.
public struct OperatingPoint: Sendable, Hashable {
    /// A comparison is accepted where its score is at least this; +∞ accepts nothing.
    public var threshold: Float
    /// 0…1.
    public var falseAccept: Double
    /// 0…1.
    public var falseReject: Double
    public var trueAccept: Double { 1 - falseReject }
}

/// All trade-offs between the two errors of verification, from "accept nothing" to "accept everything".
public struct OperatingCurve: Sendable {
    /// False accepts ascending, false rejects descending; the first is (0, 1), the last (1, 0).
    public let points: [OperatingPoint]
    /// Comparisons behind each error (after resampling: their weight).
    public let sameCount: Double
    public let differentCount: Double

    public init(_ trials: ScoredTrials) {
        // Trials of both kinds are what ScoredTrials promises.
        guard let curve = OperatingCurve(trials, weight: { _ in 1 }) else { preconditionFailure("trials of one kind only") }
        self = curve
    }

    /// - Parameter weight: how often each trial counts.
    /// - Returns: `nil` where one kind of trial has no weight.
    init?(_ trials: ScoredTrials, weight: (Int) -> Double) {
        var same = 0.0, different = 0.0
        var corners: [(threshold: Float, same: Double, different: Double)] = [(.infinity, 0, 0)]
        var index = 0
        while index < trials.count {
            let score = trials.scores[index]
            let sameBefore = same, differentBefore = different
            while index < trials.count, trials.scores[index] == score {
                let weight = weight(index)
                if trials.isSame[index] { same += weight } else { different += weight }
                index += 1
            }
            if same == sameBefore && different == differentBefore { continue }
            if corners.count >= 2 {
                let last = corners[corners.count - 1], previous = corners[corners.count - 2]
                let isHorizontal = previous.same == last.same && last.same == same
                let isVertical = previous.different == last.different && last.different == different
                if isHorizontal || isVertical { corners.removeLast() }
            }
            corners.append((score, same, different))
        }
        guard same > 0, different > 0 else { return nil }
        points = corners.map { OperatingPoint(threshold: $0.threshold, falseAccept: $0.different / different, falseReject: 1 - $0.same / same) }
        sameCount = same
        differentCount = different
    }

    /// At most about `count` points for drawing: those that a picture can tell apart on linear or probit axes.
    public func thinned(to count: Int) -> [OperatingPoint] {
        guard points.count > count, count >= 2 else { return points }
        func position(_ point: OperatingPoint) -> (Double, Double) {
            (Probit.clipped(point.falseAccept), Probit.clipped(point.falseReject))
        }
        // The curve's length in probit space is at most 4 × the range of one axis.
        let step = 4 * Probit.clip / Double(count)
        var kept = [points[0]], last = position(points[0])
        for point in points.dropFirst().dropLast() {
            let here = position(point)
            if abs(here.0 - last.0) + abs(here.1 - last.1) >= step {
                kept.append(point)
                last = here
            }
        }
        kept.append(points[points.count - 1])
        return kept
    }
}
