/// Batches of P people with K rows of each, in an order that follows from a seed.
///
/// An epoch has ⌈rows ÷ (P·K)⌉ batches. People are dealt from a shuffled deck, and each person's rows from a deck of theirs; an empty deck is
/// shuffled anew, so that people with few rows come as often as those with many. Each epoch begins with decks of its own: where a sampler
/// stands is told by ``Position``, three integers. A value; not shared between threads.
public struct BatchSampler: Sendable {
    /// Everything that a checkpoint has to remember.
    public struct Position: Codable, Hashable, Sendable {
        public var seed: UInt64
        public var epoch: Int
        /// The batch that comes next in the epoch.
        public var batch: Int

        public init(seed: UInt64, epoch: Int = 0, batch: Int = 0) {
            self.seed = seed
            self.epoch = epoch
            self.batch = batch
        }
    }

    private struct Deck {
        private let cards: [Int]
        private var left: [Int] = []

        init(_ cards: [Int]) { self.cards = cards }

        mutating func deal(_ generator: inout SeededGenerator) -> Int {
            if left.isEmpty {
                left = cards
                generator.shuffle(&left)
            }
            return left.removeLast()
        }

        mutating func restart() { left = [] }
    }

    /// In alphabetical order: a row's label is its person's number here.
    public let identities: [String]
    public let identitiesPerBatch: Int
    public let rowsPerIdentity: Int
    public let batchesPerEpoch: Int
    public private(set) var position: Position
    private var generator: SeededGenerator
    private var people: Deck
    private var rows: [Deck]

    /// - Parameters:
    ///   - rows: each person's rows.
    ///   - position: where to go on.
    /// - Throws: where there are fewer people than a batch needs.
    public init(
        rows: [String: [Int]], identitiesPerBatch: Int, rowsPerIdentity: Int, position: Position
    ) throws(DatasetError) {
        guard identitiesPerBatch > 0, rowsPerIdentity > 0 else {
            throw DatasetError(.configuration, "batches of \(identitiesPerBatch) people with \(rowsPerIdentity) rows each; expected 1 or more of both")
        }
        identities = rows.filter { !$0.value.isEmpty }.keys.sorted()
        guard identities.count >= max(2, identitiesPerBatch) else {
            let names = identities.count == 1 ? " ('\(identities[0])')" : ""
            throw DatasetError(
                .badData,
                "\(identities.count) \(identities.count == 1 ? "identity" : "identities")\(names) to learn from, at least \(max(2, identitiesPerBatch)) are needed; add people, check that the folder above theirs was prepared, or take smaller batches")
        }
        self.identitiesPerBatch = identitiesPerBatch
        self.rowsPerIdentity = rowsPerIdentity
        let total = identities.reduce(0) { $0 + (rows[$1]?.count ?? 0) }
        let size = identitiesPerBatch * rowsPerIdentity
        batchesPerEpoch = (total + size - 1) / size
        people = Deck(Array(identities.indices))
        self.rows = identities.map { Deck((rows[$0] ?? []).sorted()) }
        self.position = Position(seed: position.seed, epoch: position.epoch, batch: 0)
        generator = SeededGenerator(seed: position.seed, UInt64(position.epoch))
        guard position.epoch >= 0, position.batch >= 0, position.batch <= batchesPerEpoch else {
            throw DatasetError(.badData, "position: batch \(position.batch) of epoch \(position.epoch), expected at most \(batchesPerEpoch) batches; the data have changed since")
        }
        while self.position.batch < position.batch { _ = next() }
        if self.position.batch == batchesPerEpoch { beginEpoch() }
    }

    /// One batch: person after person, each with its rows.
    public struct Batch: Hashable, Sendable {
        public var rows: [Int]
        /// Indices of ``identities``.
        public var labels: [Int]
        public var epoch: Int
        public var number: Int
    }

    /// The next batch; epochs follow one another without end.
    public mutating func next() -> Batch {
        if position.batch == batchesPerEpoch { beginEpoch() }
        var batch = Batch(rows: [], labels: [], epoch: position.epoch, number: position.batch)
        var chosen = Set<Int>()
        while chosen.count < identitiesPerBatch {
            let person = people.deal(&generator)
            // Where the deck was shuffled anew within a batch, somebody may come twice; they come again soon.
            guard chosen.insert(person).inserted else { continue }
            for _ in 0..<rowsPerIdentity {
                batch.rows.append(rows[person].deal(&generator))
                batch.labels.append(person)
            }
        }
        position.batch += 1
        return batch
    }

    private mutating func beginEpoch() {
        position.epoch += 1
        position.batch = 0
        generator = SeededGenerator(seed: position.seed, UInt64(position.epoch))
        people.restart()
        for index in rows.indices { rows[index].restart() }
    }
}
