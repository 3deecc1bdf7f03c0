import Foundation

/// Which people a model learns from, which it is tuned on, and which it is measured on: nobody is in two of them.
///
/// A person's place follows from the seed and their identity alone, so more people do not move those who were there.
public struct Split: Codable, Hashable, Sendable {
    public enum Subset: String, Codable, Hashable, Sendable, CaseIterable {
        case train, validation, test
        /// In none: held out by a list.
        case heldOut
    }

    public var seed: UInt64
    /// Shares of the people, 0…1; the rest is trained on.
    public var validation: Double
    public var test: Double
    /// Places that a list fixes, whatever the seed says.
    public var fixed: [String: Subset]

    /// - Throws: where the shares leave nothing to train on.
    public init(seed: UInt64, validation: Double = 0.1, test: Double = 0.1, fixed: [String: Subset] = [:]) throws(DatasetError) {
        guard validation >= 0, test >= 0, validation + test < 1 else {
            throw DatasetError(.configuration, "split: validation \(validation) and test \(test) must be 0 or more and less than 1 together")
        }
        self.seed = seed
        self.validation = validation
        self.test = test
        self.fixed = fixed
    }

    public func subset(of identity: String) -> Subset {
        if let subset = fixed[identity] { return subset }
        let place = StableHash.fraction(identity, seed: seed)
        return place < test ? .test : place < test + validation ? .validation : .train
    }

    /// Identities by subset, each in alphabetical order.
    public func subsets(of identities: some Sequence<String>) -> [Subset: [String]] {
        var subsets: [Subset: [String]] = [:]
        for identity in identities.sorted() { subsets[subset(of: identity), default: []].append(identity) }
        return subsets
    }

    /// Reads a hold-out list: one identity a line, lines that begin with `#` are remarks.
    public static func list(path: String) throws(DatasetError) -> [String] {
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw DatasetError(.noInput, "\(path): this list of identities cannot be read: \(error.localizedDescription)")
        }
        let identities = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !identities.isEmpty else { throw DatasetError(.badData, "\(path): no identity in this list, expected one a line") }
        return identities
    }
}
