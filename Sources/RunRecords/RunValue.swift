/// A named number of a row: a loss term, or a validation metric.
public struct RunValue: Sendable, Hashable {
    public var name: String
    /// Absent where it was not measured this time.
    public var value: Double?

    public init(_ name: String, _ value: Double?) {
        self.name = name
        self.value = value
    }
}
