/// Why a mouth model cannot be read, made or used, with the exit code that scripts read (sysexits(3)).
public struct MouthModelError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Category: Int32, Sendable {
        /// EX_DATAERR: the input is there and is wrong.
        case badData = 65
        /// EX_NOINPUT
        case noInput = 66
        /// EX_IOERR
        case inputOutput = 74
    }

    public let category: Category
    /// What was wrong, where, what was expected, and what to do.
    public let description: String

    public init(_ category: Category, _ description: String) {
        self.category = category
        self.description = description
    }
}
