/// Names as small numbers, in the order in which they first appear.
public struct Labelling: Sendable, Equatable {
    /// The number of each sample's name, from zero.
    public let numbers: [Int32]
    /// The name behind each number.
    public let names: [String]
    public var count: Int { names.count }

    public init(_ labels: [String]) {
        var known: [String: Int32] = [:]
        var names: [String] = []
        numbers = labels.map { label in
            if let number = known[label] { return number }
            let number = Int32(names.count)
            known[label] = number
            names.append(label)
            return number
        }
        self.names = names
    }

    /// The samples of each name, ascending.
    public var members: [[Int]] {
        var members = [[Int]](repeating: [], count: count)
        for (index, number) in numbers.enumerated() { members[Int(number)].append(index) }
        return members
    }
}
