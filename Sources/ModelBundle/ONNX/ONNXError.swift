/// Why an ONNX file is refused.
public struct ONNXError: Error, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// The file cannot be read.
        case unreadable
        /// The file cannot be written.
        case unwritable
        /// The bytes are not an ONNX model: not protocol-buffer messages, or a model without a graph.
        case malformed
        /// A well-formed model that asks for something this project does not do.
        case unsupported
    }

    public let cause: Cause
    /// What was wrong, where, and what was expected.
    public let description: String

    init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
