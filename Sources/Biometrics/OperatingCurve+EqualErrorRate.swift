// EER = FA(t) = FR(t), on straight lines between neighbouring thresholds.
//
// Edge rules: 0 where the kinds are separated, ½ where all scores are equal, 1 where they are reversed. Where the first threshold is +∞
// and the crossing lies on the first step, the threshold of the step's end is given.
// Reference: Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997. Tested against the root of
// 1 − TPR(x) = x on scikit-learn's roc_curve.

extension OperatingCurve {
    /// The error where both errors are equal, 0…1, and the threshold that gives it.
    public var equalErrorRate: (rate: Double, threshold: Float) {
        for (before, after) in zip(points, points.dropFirst()) where after.falseAccept >= after.falseReject {
            let gap = before.falseReject - before.falseAccept
            let closing = gap + after.falseAccept - after.falseReject
            let share = closing > 0 ? gap / closing : 1
            let rate = before.falseAccept + share * (after.falseAccept - before.falseAccept)
            guard before.threshold.isFinite else { return (rate, after.threshold) }
            return (rate, before.threshold + Float(share) * (after.threshold - before.threshold))
        }
        return (1, points.last?.threshold ?? 0)
    }
}
