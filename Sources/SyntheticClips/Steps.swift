/// Pixels or samples between two places.
enum Steps {
    /// Empty where nothing of it is within `0..<limit`.
    static func range(_ from: Double, _ to: Double, limit: Int) -> Range<Int> {
        let low = max(0, min(Double(limit), from.rounded())), high = max(low, min(Double(limit), to.rounded()))
        return Int(low)..<Int(high)
    }
}
