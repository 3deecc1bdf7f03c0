/// Why a metric is not defined for what it was given.
public enum MetricError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Nothing of a kind that the metric needs.
    case empty(metric: String, needs: String)
    /// Two lists that belong together differ in length.
    case countMismatch(what: String, got: Int, expected: Int)
    /// A score or an element of an embedding that is not a finite number.
    case notFinite(what: String, index: Int)
    /// An embedding without a direction, whose cosine to anything is undefined.
    case zeroVector(row: Int)
    /// Embeddings of different dimensions, or a tensor that is no list of embeddings.
    case shape(what: String, got: [Int], expected: String)
    /// A parameter outside its range.
    case parameter(name: String, got: String, expected: String)

    public var description: String {
        switch self {
        case .empty(let metric, let needs): "\(metric): not defined, it needs \(needs)"
        case .countMismatch(let what, let got, let expected): "\(what): got \(got), expected \(expected)"
        case .notFinite(let what, let index): "\(what) \(index) is not a finite number; leave it out or find out where it came from"
        case .zeroVector(let row): "embedding \(row) is all zero and has no direction; leave it out and say why there is none"
        case .shape(let what, let got, let expected): "\(what): shape \(got), expected \(expected)"
        case .parameter(let name, let got, let expected): "\(name): got \(got), expected \(expected)"
        }
    }
}
