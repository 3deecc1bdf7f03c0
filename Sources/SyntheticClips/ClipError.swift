/// Why a clip cannot be made: where, what was wrong, what was expected. The categories are those of sysexits(3).
public struct ClipError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Category: Int32, Sendable {
        case badData = 65
        case noInput = 66
        case unavailable = 69
        case internalError = 70
        case inputOutput = 74
        case configuration = 78
    }

    public let category: Category
    public let description: String

    public init(_ category: Category, _ description: String) {
        self.category = category
        self.description = description
    }
}
