import CTorch

/// What libtorch refused to do, in its own words.
public struct TorchError: Error, Equatable, CustomStringConvertible {
    /// The operation that failed, for example `matmul`.
    public let operation: String
    /// libtorch's message: usually the shapes or types that do not fit.
    public let message: String

    public var description: String { "libtorch, \(operation): \(message)" }

    init(operation: String, message: String) {
        self.operation = operation
        self.message = message
    }

    /// Throws what libtorch says of the last failure on this thread, unless `status` is success.
    static func check(_ status: ctorch_status, _ operation: StaticString) throws(TorchError) {
        guard status != CTORCH_OK else { return }
        throw TorchError(operation: "\(operation)", message: unsafe String(cString: ctorch_last_error()))
    }
}
