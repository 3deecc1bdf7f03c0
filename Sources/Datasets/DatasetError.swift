/// Why data cannot be prepared or read, with the exit code that scripts read (sysexits(3)).
public struct DatasetError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Category: Int32, Sendable {
        /// EX_DATAERR: the input is there and is wrong.
        case badData = 65
        /// EX_NOINPUT
        case noInput = 66
        /// EX_CANTCREAT and EX_IOERR alike: the disk, its space, its permissions.
        case inputOutput = 74
        /// EX_CONFIG: settings that contradict one another, or what was begun with others.
        case configuration = 78
    }

    public let category: Category
    /// What was wrong, where, what was expected, and what to do.
    public let description: String

    public init(_ category: Category, _ description: String) {
        self.category = category
        self.description = description
    }
}
