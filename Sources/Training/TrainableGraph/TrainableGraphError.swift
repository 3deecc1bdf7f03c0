/// Why a graph cannot be trained, or stopped in a run.
public struct TrainableGraphError: Error, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// The executor has no operator of that name.
        case unsupportedOperator(String)
        /// An operator is there, but not with these attributes or element types.
        case unsupported
        /// The graph contradicts itself: missing inputs or attributes, sizes that do not fit.
        case malformed
        /// An input, output or parameter that the caller names does not fit the graph.
        case binding
        /// libtorch refused, most often because shapes do not fit.
        case torch
    }

    public let cause: Cause
    /// What was wrong, in which node, and what was expected.
    public let description: String

    init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
