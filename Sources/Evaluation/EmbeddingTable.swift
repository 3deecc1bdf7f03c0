public import Biometrics

/// Under which circumstances an embedding was made. Open: anybody may name another one.
public struct Condition: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    public var rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let both = Condition(rawValue: "both")
    public static let face = Condition(rawValue: "face")
    public static let voice = Condition(rawValue: "voice")
    public static let blurred = Condition(rawValue: "blurred")
    public static let noisy = Condition(rawValue: "noisy")
    /// One modality goes missing in the middle.
    public static let dropped = Condition(rawValue: "dropped")

    public var description: String { rawValue }
}

/// Which encoder made an embedding. Open: another modality or fuser is another name.
public struct EmbeddingRole: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    public var rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let face = EmbeddingRole(rawValue: "face")
    public static let voice = EmbeddingRole(rawValue: "voice")
    public static let fused = EmbeddingRole(rawValue: "fused")

    public var description: String { rawValue }
}

/// Embeddings with what they are of: the only thing that evaluation needs to know of a model.
///
/// Embeddings of one role have one dimension. An item (a clip, a picture, a recording) has at most one embedding per condition and role.
public struct EmbeddingTable: Sendable {
    public struct Row: Sendable, Hashable {
        /// Names the sample: a file, or a part of one. Trial lists speak of these.
        public var item: String
        public var identity: String
        public var condition: Condition
        public var role: EmbeddingRole

        public init(item: String, identity: String, condition: Condition, role: EmbeddingRole) {
            self.item = item
            self.identity = identity
            self.condition = condition
            self.role = role
        }
    }

    public private(set) var rows: [Row] = []
    private var embeddings: [[Float]] = []
    private var known: Set<Row> = []
    private var identities: [String: String] = [:]
    private var dimensions: [EmbeddingRole: Int] = [:]
    /// Items without an embedding, and why; they are part of the result.
    public private(set) var refusals: [(row: Row, reason: String)] = []

    public init() {}

    /// - Parameter embedding: need not be normalised.
    public mutating func append(_ row: Row, _ embedding: [Float]) throws(EvaluationError) {
        try admit(row)
        let dimension = dimensions[row.role] ?? embedding.count
        guard embedding.count == dimension, dimension > 0 else {
            throw EvaluationError(.badData, "item '\(row.item)': a \(row.role) embedding of \(embedding.count) elements, expected \(dimension) as those before")
        }
        guard embedding.allSatisfy(\.isFinite), embedding.contains(where: { $0 != 0 }) else {
            throw EvaluationError(.badData, "item '\(row.item)': its \(row.role) embedding is all zero or not finite; refuse the item with a reason instead")
        }
        dimensions[row.role] = dimension
        rows.append(row)
        embeddings.append(embedding)
    }

    /// Notes that there is no embedding of an item.
    public mutating func refuse(_ row: Row, reason: String) throws(EvaluationError) {
        try admit(row)
        refusals.append((row, reason))
    }

    private mutating func admit(_ row: Row) throws(EvaluationError) {
        guard known.insert(row).inserted else {
            throw EvaluationError(.badData, "item '\(row.item)' has two \(row.role) embeddings in condition \(row.condition)")
        }
        let identity = identities[row.item] ?? row.identity
        guard identity == row.identity else {
            throw EvaluationError(.badData, "item '\(row.item)' is of '\(identity)' in one row and of '\(row.identity)' in another")
        }
        identities[row.item] = identity
    }

    /// Conditions in the order of their first row.
    public var conditions: [Condition] { unique(rows.map(\.condition)) }
    /// Roles of a condition in the order of their first row.
    public func roles(_ condition: Condition) -> [EmbeddingRole] { unique(rows.filter { $0.condition == condition }.map(\.role)) }

    private func unique<Value: Hashable>(_ values: [Value]) -> [Value] {
        var seen: Set<Value> = []
        return values.filter { seen.insert($0).inserted }
    }

    /// One condition and role as a matrix.
    public struct Selection: Sendable {
        public let items: [String]
        public let identities: [String]
        public let embeddings: EmbeddingMatrix

        public var labelledItems: [TrialList.LabelledItem] {
            zip(items, identities).map { TrialList.LabelledItem(name: $0, identity: $1) }
        }
    }

    /// - Throws: where there are no such rows.
    public func selection(_ condition: Condition, _ role: EmbeddingRole) throws(EvaluationError) -> Selection {
        let indices = rows.indices.filter { rows[$0].condition == condition && rows[$0].role == role }
        guard !indices.isEmpty else { throw EvaluationError(.badData, "no \(role) embeddings in condition \(condition)") }
        do {
            return Selection(
                items: indices.map { rows[$0].item }, identities: indices.map { rows[$0].identity },
                embeddings: try EmbeddingMatrix(rows: indices.map { embeddings[$0] }))
        } catch {
            throw EvaluationError(.badData, "\(role) embeddings in condition \(condition): \(error)")
        }
    }
}
