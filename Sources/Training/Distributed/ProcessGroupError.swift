import CTorch

/// Why processes did not come together, or lost one another.
public struct ProcessGroupError: Error, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// Variables of the environment that are missing or make no sense.
        case environment
        /// The processes did not meet: who is missing, or what they were told differently.
        case meeting
        /// An exchange failed: a process has ended or fallen behind, or brought what the others did not expect.
        case exchange
    }

    public let cause: Cause
    /// What happened, where, and what to do.
    public let message: String

    public var description: String { "training with several processes: \(message)" }

    init(_ cause: Cause, _ message: String) {
        self.cause = cause
        self.message = message
    }

    /// With what the shim says of the last failure on this thread.
    init(lastOf operation: String) {
        self.init(operation == "meeting" ? .meeting : .exchange, unsafe String(cString: ctorch_last_error()))
    }
}
