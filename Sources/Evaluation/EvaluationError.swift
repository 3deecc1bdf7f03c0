/// Why something cannot be evaluated: what was wrong, where, what was expected, and what to do.
public struct EvaluationError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Category: Sendable {
        case unreadable, badData
    }

    public let category: Category
    public let description: String

    public init(_ category: Category, _ description: String) {
        self.category = category
        self.description = description
    }

    static func line(_ name: String, _ line: Int, _ complaint: String) -> EvaluationError {
        EvaluationError(.badData, "\(name):\(line): \(complaint)")
    }
}
