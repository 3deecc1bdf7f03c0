/// Why a network is refused, at load or at run.
public struct InferenceError: Error, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// The engine has no operator of that name.
        case unsupportedOperator(String)
        /// An operator is there, but not with these attributes or element types.
        case unsupported
        /// The graph contradicts itself: missing inputs or attributes, shapes that do not fit, values nobody makes.
        case malformed
        /// A shape depends on the value of this input; bind it as `.constant`.
        case valueNeeded(input: String)
        /// A free dimension of this input has no size; bind it with `.shape`.
        case freeDimension(input: String)
        /// A binding, a value name or a tensor given by the caller does not fit the graph.
        case binding
        /// More memory, work or nodes than ``NetworkOptions`` allows.
        case tooLarge
    }

    public let cause: Cause
    /// What was wrong, where, what was expected and what to do.
    public let description: String

    init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
