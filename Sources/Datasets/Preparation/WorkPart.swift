/// One of several processes that share the work: part `index` of `count`, from 1.
public struct WorkPart: Hashable, Sendable, CustomStringConvertible {
    public static let whole = WorkPart(index: 1, count: 1)

    public let index: Int
    public let count: Int

    private init(index: Int, count: Int) {
        self.index = index
        self.count = count
    }

    /// - Parameter text: `3/8`.
    public init?(_ text: String) {
        let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let index = numbers[0], let count = numbers[1], count >= 1, (1...count).contains(index), count <= 100_000 else { return nil }
        self.init(index: index, count: count)
    }

    public var description: String { "\(index)/\(count)" }
    var fileName: String { "part-\(padded(index))-of-\(padded(count))" }
    private func padded(_ number: Int) -> String { String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)" }

    /// Whether an item of this name is this part's: each belongs to one part, by its name alone.
    public func contains(_ name: String) -> Bool { StableHash.of(name) % UInt64(count) == UInt64(index - 1) }
}
