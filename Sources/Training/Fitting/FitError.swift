/// Why a training run cannot begin or go on, with the exit code that scripts read (sysexits(3)).
public struct FitError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Category: Int32, Sendable {
        /// EX_DATAERR: data, a checkpoint or a teacher that does not fit; a loss that is no number.
        case badData = 65
        /// EX_NOINPUT
        case noInput = 66
        /// EX_UNAVAILABLE: another process of the same training is gone.
        case unavailable = 69
        /// EX_SOFTWARE: libtorch says no.
        case internalError = 70
        /// EX_IOERR
        case inputOutput = 74
        /// EX_CONFIG
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
