/// Why nothing is said, with the exit code that scripts read (sysexits(3)).
public struct SpeechError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Category: Int32, Sendable {
        /// EX_DATAERR: the text cannot be spoken.
        case badData = 65
        /// EX_UNAVAILABLE: espeak-ng, its data, or memory.
        case unavailable = 69
        /// EX_SOFTWARE: espeak-ng refused what this program made.
        case internalError = 70
    }

    public let category: Category
    /// What was wrong, what was expected, and what to do.
    public let description: String

    init(_ category: Category, _ description: String) {
        self.category = category
        self.description = description
    }
}
