// AUC = P(genuine > impostor) + ½ P(genuine = impostor) = ∫ (1 − FR) dFA, by trapezoids over the steps of the curve.
//
// Edge rules: ties count half; 1 where the kinds are separated, ½ where all scores are equal, 0 where they are reversed.
// Reference: Mann and Whitney, 1947; Hanley and McNeil, Radiology 143, 1982. Tested against scikit-learn's roc_auc_score.

extension OperatingCurve {
    /// Area under the ROC curve, 0…1.
    public var areaUnderCurve: Double {
        zip(points, points.dropFirst()).reduce(0) { area, step in
            area + (step.1.falseAccept - step.0.falseAccept) * (step.0.trueAccept + step.1.trueAccept) / 2
        }
    }
}
