// AP = Σₙ (Rₙ − Rₙ₋₁) Pₙ over the thresholds n from the highest score down, Pₙ and Rₙ precision and recall of what scores at least that much.
//
// Edge rules: equal scores are one threshold; positives that were never scored count among those to be found; without positives there is none.
// Reference: scikit-learn's average_precision_score (without interpolation).

/// The area under the curve of precision over recall.
public enum AveragePrecision {
    /// - Parameters:
    ///   - scored: score and whether it was true.
    ///   - missed: true ones that got no score.
    public static func of(_ scored: [(score: Double, isTrue: Bool)], missed: Int = 0) -> Double? {
        let total = missed + scored.count { $0.isTrue }
        guard total > 0 else { return nil }
        let order = scored.sorted { $0.score > $1.score }
        var area = 0.0, found = 0, index = 0
        while index < order.count {
            let score = order[index].score
            var gained = 0
            while index < order.count, order[index].score == score {
                gained += order[index].isTrue ? 1 : 0
                index += 1
            }
            found += gained
            area += Double(gained) / Double(total) * Double(found) / Double(index)
        }
        return area
    }
}
