// C(t) = C_miss · P_target · FR(t) + C_fa · (1 − P_target) · FA(t)
// minDCF = min_t C(t) / min(C_miss · P_target, C_fa · (1 − P_target))
//
// Edge rules: 1 is what a system is worth that accepts nothing or everything, whichever is cheaper, so 0 ≤ minDCF ≤ 1.
// Reference: NIST Speaker Recognition Evaluation plans of 2008, 2010, 2016; Nagrani et al., VoxCeleb, 2017.

/// What the two errors cost, and how often somebody is who they claim to be.
public struct DetectionCost: Sendable, Hashable, Codable {
    public var miss: Double
    public var falseAccept: Double
    /// Prior probability of a genuine comparison, between 0 and 1.
    public var target: Double

    public init(miss: Double, falseAccept: Double, target: Double) {
        self.miss = miss
        self.falseAccept = falseAccept
        self.target = target
    }

    /// NIST SRE 2008.
    public static let sre2008 = DetectionCost(miss: 10, falseAccept: 1, target: 0.01)
    /// NIST SRE 2010 (core).
    public static let sre2010 = DetectionCost(miss: 1, falseAccept: 1, target: 0.001)
    /// NIST SRE 2016 takes the mean of this and of ``sre2016Rare``.
    public static let sre2016 = DetectionCost(miss: 1, falseAccept: 1, target: 0.01)
    public static let sre2016Rare = DetectionCost(miss: 1, falseAccept: 1, target: 0.005)
    /// The VoxCeleb Speaker Recognition Challenge.
    public static let voxCeleb = DetectionCost(miss: 1, falseAccept: 1, target: 0.05)
}

extension OperatingCurve {
    /// The least normalised cost over all thresholds, 0…1, and the threshold that has it.
    public func minimumCost(_ cost: DetectionCost) -> (cost: Double, threshold: Float) {
        let missWeight = cost.miss * cost.target, acceptWeight = cost.falseAccept * (1 - cost.target)
        let best = points.lazy.map { (missWeight * $0.falseReject + acceptWeight * $0.falseAccept, $0.threshold) }.min { $0.0 < $1.0 }
        return ((best?.0 ?? 0) / min(missWeight, acceptWeight), best?.1 ?? 0)
    }

    /// The normalised cost at a threshold that was chosen beforehand; may exceed 1.
    public func cost(_ cost: DetectionCost, at threshold: Float) -> Double {
        let missWeight = cost.miss * cost.target, acceptWeight = cost.falseAccept * (1 - cost.target)
        let point = points.last { $0.threshold >= threshold } ?? points[0]
        return (missWeight * point.falseReject + acceptWeight * point.falseAccept) / min(missWeight, acceptWeight)
    }
}
