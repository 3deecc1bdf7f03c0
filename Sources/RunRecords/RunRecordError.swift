/// Why a run's record cannot be written or read, with the exit code that scripts read (sysexits(3)).
public struct RunRecordError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Category: Int32, Sendable {
        /// EX_DATAERR: the record is there and is damaged.
        case badData = 65
        /// EX_NOINPUT: there is no record.
        case noInput = 66
        /// EX_CANTCREAT and EX_IOERR alike: the disk, its space, its permissions.
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
