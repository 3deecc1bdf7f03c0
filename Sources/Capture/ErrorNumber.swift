import Glibc

/// An `errno`, with the system's words for it.
public struct ErrorNumber: Hashable, Sendable, CustomStringConvertible {
    public var value: Int32

    public init(_ value: Int32) { self.value = value }

    static var last: ErrorNumber { ErrorNumber(errno) }

    public var description: String {
        guard let text = unsafe strerror(value) else { return "error \(value)" }
        return unsafe String(cString: text)
    }
}
