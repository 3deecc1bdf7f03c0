public import Datasets

/// The samples of a recipe: who they are of, and where each of their modalities lies.
public struct TrainingData: Sendable {
    /// One thing to learn from: a row, or rows of one person's made-up halves.
    public struct Sample: Sendable, Hashable {
        public var identity: String
        /// By modality, in the recipe's order; `nil` where there is none.
        public var parts: [Place?]
        /// For messages and results: unlike any other's.
        public var name: String
    }

    /// A row of one of the sets.
    public struct Place: Sendable, Hashable {
        public var set: Int
        public var row: Int
    }

    public let sets: [ShardSet]
    public let samples: [Sample]
    /// Samples by identity, for each part of the split.
    public let subsets: [Split.Subset: [String: [Int]]]
    /// What was left out, and why.
    public let notes: [String]

    /// Opens the shards.
    ///
    /// - Throws: ``DatasetError``: an empty folder, a damaged shard, a modality that no row has, nobody to learn from.
    public init(_ source: TrainingDataSource, modalities: [any Modality]) throws(DatasetError) {
        var builder = Builder(source: source, modalities: modalities)
        if source.pairs.isEmpty { try builder.readRows() } else { try builder.pairHalves() }
        sets = builder.sets
        samples = builder.samples
        var notes: [String] = []
        var byIdentity: [String: [Int]] = [:]
        for (index, sample) in builder.samples.enumerated() { byIdentity[sample.identity, default: []].append(index) }
        let scarce = byIdentity.filter { $0.value.count < source.leastSamples }
        if !scarce.isEmpty { notes.append("\(scarce.count) of \(byIdentity.count) people have fewer than \(source.leastSamples) samples and are left out") }
        var subsets: [Split.Subset: [String: [Int]]] = [:]
        for (identity, indices) in byIdentity where indices.count >= source.leastSamples {
            subsets[builder.places[identity] ?? source.split.subset(of: identity), default: [:]][identity] = indices
        }
        self.subsets = subsets
        self.notes = notes
        for (place, modality) in modalities.enumerated() where !samples.contains(where: { $0.parts[place] != nil }) {
            throw DatasetError(.badData, "no row of \((source.shards + source.pairs.flatMap(\.shards)).joined(separator: ", ")) has a \(type(of: modality).name): column '\(modality.column)' is missing or empty")
        }
        let people = subsets[.train]?.count ?? 0
        guard people >= 2 else {
            let all = byIdentity.count
            throw DatasetError(
                .badData,
                "\(people) \(people == 1 ? "identity" : "identities") to learn from (\(all) in all, \(scarce.count) with fewer than \(source.leastSamples) samples), at least 2 are needed; add people, or check that the folder above theirs was prepared")
        }
    }

    private struct Builder {
        let source: TrainingDataSource
        let modalities: [any Modality]
        var sets: [ShardSet] = []
        var samples: [Sample] = []
        /// Where halves of one part of the split belong.
        var places: [String: Split.Subset] = [:]

        mutating func readRows() throws(DatasetError) {
            for path in source.shards {
                let set = try ShardSet(path: path)
                let number = sets.count
                sets.append(set)
                let file = try set.column(SampleColumns.file), start = try set.column(SampleColumns.start), track = try set.column(SampleColumns.track)
                for (identity, rows) in try set.identities().sorted(by: { $0.key < $1.key }) {
                    for row in rows {
                        let parts = modalities.map { $0.isPresent(in: set, row: row) ? Place(set: number, row: row) : nil }
                        guard parts.contains(where: { $0 != nil }) else { continue }
                        let starts = try set.elements(Int64.self, row: row, column: start), tracks = try set.elements(Int32.self, row: row, column: track)
                        let instant = starts.isEmpty ? 0 : starts[0], face = tracks.isEmpty ? 0 : tracks[0]
                        samples.append(Sample(identity: identity, parts: parts, name: "\(try set.text(row: row, column: file))@\(instant / 1_000_000)ms#\(face)"))
                    }
                }
            }
            tellApart()
        }

        /// Files of the same name in two folders get the folder and the row before it: trials and results go by names.
        private mutating func tellApart() {
            var counts: [String: Int] = [:]
            for sample in samples { counts[sample.name, default: 0] += 1 }
            for index in samples.indices where counts[samples[index].name, default: 0] > 1 {
                guard let place = samples[index].parts.compactMap({ $0 }).first else { continue }
                samples[index].name = "\(sets[place.set].path)[\(place.row)]/\(samples[index].name)"
            }
        }

        mutating func pairHalves() throws(DatasetError) {
            guard source.pairs.count == 2, modalities.count == 2 else {
                throw DatasetError(.configuration, "pairs: made-up people have two halves, \(source.pairs.count) folders and \(modalities.count) modalities are given; expected 2 of each")
            }
            var halves: [[(identity: String, place: Place)]] = [[], []]
            for (slot, modality) in modalities.enumerated() {
                let name = type(of: modality).name
                guard let pair = source.pairs.first(where: { $0.modality == name }) else {
                    throw DatasetError(.configuration, "pairs: no folder for modality '\(name)', only for \(source.pairs.map(\.modality).joined(separator: ", "))")
                }
                for path in pair.shards {
                    let set = try ShardSet(path: path)
                    for (identity, rows) in try set.identities() {
                        for row in rows where modality.isPresent(in: set, row: row) { halves[slot].append((identity, Place(set: sets.count, row: row))) }
                    }
                    sets.append(set)
                }
            }
            for subset in Split.Subset.allCases {
                var rows: [[String: [Place]]] = [[:], [:]]
                for slot in 0..<2 {
                    for half in halves[slot] where source.split.subset(of: half.identity) == subset { rows[slot][half.identity, default: []].append(half.place) }
                    rows[slot] = rows[slot].filter { $0.value.count >= source.leastSamples }
                }
                guard !rows[0].isEmpty, !rows[1].isEmpty else { continue }
                for person in try PseudoPeople(faces: rows[0].keys, voices: rows[1].keys, seed: source.split.seed).people {
                    guard let first = rows[0][person.face]?.sorted(by: Self.isBefore), let second = rows[1][person.voice]?.sorted(by: Self.isBefore) else { continue }
                    places[person.identity] = subset
                    // No half comes twice: two samples that share a picture would be told to be of one person by it.
                    for (index, halves) in zip(first, second).enumerated() {
                        samples.append(Sample(identity: person.identity, parts: [halves.0, halves.1], name: "\(person.identity)#\(index)"))
                    }
                }
            }
        }

        private static func isBefore(_ a: Place, _ b: Place) -> Bool { (a.set, a.row) < (b.set, b.row) }
    }
}
