/// Why a truth or its events cannot be used: where, what was wrong, what was expected.
public struct GroundTruthError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Category: Sendable { case noInput, noPermission, badData, inputOutput }

    public let category: Category
    public let description: String

    public init(_ category: Category, _ description: String) {
        self.category = category
        self.description = description
    }
}
