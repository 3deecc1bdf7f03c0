/// Why a network could not be quantized: which value or node, what was found, what was expected.
public struct QuantizationError: Error, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// No calibration sample, or one that does not fit the network.
        case calibration
        /// The network holds nothing that can be quantized, or something that stands in the way.
        case network
        /// Running the network failed.
        case inference
    }

    public let cause: Cause
    public let description: String

    public init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
