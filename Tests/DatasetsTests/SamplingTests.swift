import Datasets
import Foundation
import Testing

@Suite struct SamplingTests {
    private static let rows: [String: [Int]] = Dictionary(
        uniqueKeysWithValues: (0..<23).map { person in ("p\(person)", Array(person * 100..<person * 100 + 1 + person * 3)) })

    private static func sampler(_ position: BatchSampler.Position) throws -> BatchSampler {
        try BatchSampler(rows: rows, identitiesPerBatch: 5, rowsPerIdentity: 3, position: position)
    }

    @Test func `Batches hold P people and K rows of each`() throws {
        var sampler = try Self.sampler(.init(seed: 7))
        for _ in 0..<3 * sampler.batchesPerEpoch {
            let batch = sampler.next()
            #expect(batch.rows.count == 15 && batch.labels.count == 15)
            #expect(Set(batch.labels).count == 5)
            for (row, label) in zip(batch.rows, batch.labels) {
                let own = Self.rows[sampler.identities[label]] ?? []
                #expect(own.contains(row))
            }
        }
    }

    @Test func `A seed gives the same batches, another seed others`() throws {
        var (a, b, c) = (try Self.sampler(.init(seed: 7)), try Self.sampler(.init(seed: 7)), try Self.sampler(.init(seed: 8)))
        let batches = (0..<120).map { _ in a.next() }
        let same = (0..<120).map { _ in b.next() }
        let other = (0..<120).map { _ in c.next() }
        #expect(batches == same)
        #expect(batches != other)
    }

    /// A change of the generator would change the order of runs that go on: these are SplitMix64's first numbers for seed 1234567.
    @Test func `The generator is SplitMix64`() {
        var generator = SeededGenerator(seed: 1_234_567)
        let numbers = (0..<3).map { _ in generator.next() }
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    @Test func `It goes on from any position`() throws {
        var whole = try Self.sampler(.init(seed: 3))
        var positions: [BatchSampler.Position] = []
        var batches: [BatchSampler.Batch] = []
        for _ in 0..<3 * whole.batchesPerEpoch + 2 {
            positions.append(whole.position)
            batches.append(whole.next())
        }
        for start in [0, 1, 11, whole.batchesPerEpoch - 1, whole.batchesPerEpoch, 2 * whole.batchesPerEpoch + 1] {
            let stored = try JSONDecoder().decode(BatchSampler.Position.self, from: JSONEncoder().encode(positions[start]))
            var resumed = try Self.sampler(stored)
            let rest = (start..<batches.count).map { _ in resumed.next() }
            #expect(rest == Array(batches[start...]))
        }
    }

    @Test func `Everybody comes equally often, and every row of small ones`() throws {
        var sampler = try Self.sampler(.init(seed: 1))
        var counts = [Int](repeating: 0, count: 23)
        var seen = Set<Int>()
        for _ in 0..<sampler.batchesPerEpoch {
            let batch = sampler.next()
            for label in Set(batch.labels) { counts[label] += 1 }
            seen.formUnion(batch.rows)
        }
        let spread = (counts.max() ?? 0) - (counts.min() ?? 0)
        #expect(spread <= 3)
        #expect(seen.isSuperset(of: Self.rows["p1"] ?? []))
    }

    @Test func `One identity is not enough`() {
        let error = #expect(throws: DatasetError.self) {
            _ = try BatchSampler(rows: ["Alice": [1, 2, 3], "nobody": []], identitiesPerBatch: 1, rowsPerIdentity: 2, position: .init(seed: 1))
        }
        #expect(error?.category == .badData)
        #expect(error?.description.contains("1 identity ('Alice')") == true)
        #expect(throws: DatasetError.self) { _ = try Self.sampler(.init(seed: 1, epoch: 0, batch: 100_000)) }
    }

    @Test func `An epoch has every row once`() {
        let rows = Array(10..<511)
        let order = EpochOrder.rows(rows, seed: 5, epoch: 2)
        #expect(order != rows)
        #expect(order.sorted() == rows)
        #expect(order == EpochOrder.rows(rows, seed: 5, epoch: 2))
        #expect(order != EpochOrder.rows(rows, seed: 5, epoch: 3))
    }

    @Test func `A split gives shares, and more people move nobody`() throws {
        let split = try Split(seed: 11, validation: 0.1, test: 0.2)
        let some = (0..<2000).map { "id\($0)" }
        let subsets = split.subsets(of: some)
        // Three standard deviations of a binomial share of 2000.
        #expect(abs(Double(subsets[.test]?.count ?? 0) - 400) < 3 * (2000 * 0.2 * 0.8).squareRoot())
        #expect(abs(Double(subsets[.validation]?.count ?? 0) - 200) < 3 * (2000 * 0.1 * 0.9).squareRoot())
        let more = split.subsets(of: some + (5000..<9000).map { "id\($0)" })
        for subset in Split.Subset.allCases {
            let stayed = Set(more[subset] ?? []).isSuperset(of: subsets[subset] ?? [])
            #expect(stayed)
        }
        let another = try Split(seed: 12, validation: 0.1, test: 0.2)
        #expect(another.subsets(of: some) != subsets)
    }

    @Test func `A list fixes a place`() throws {
        let folder = try ScratchFolder()
        let path = try folder.file("held-out.txt")
        try ScratchFolder.write([UInt8]("# kept for the end\nAlice\n\n  Bob \n".utf8), path)
        let list = try Split.list(path: path)
        #expect(list == ["Alice", "Bob"])
        let split = try Split(seed: 1, fixed: Dictionary(uniqueKeysWithValues: list.map { ($0, .heldOut) }))
        #expect(split.subset(of: "Bob") == .heldOut)
        #expect(throws: DatasetError.self) { _ = try Split(seed: 1, validation: 0.5, test: 0.5) }
        try ScratchFolder.write([UInt8]("# nobody\n".utf8), path)
        #expect(throws: DatasetError.self) { _ = try Split.list(path: path) }
    }

    @Test func `Pseudo-people use everybody once`() throws {
        let (faces, voices) = ((0..<40).map { "f\($0)" }, (0..<30).map { "v\($0)" })
        let pairs = try PseudoPeople(faces: faces, voices: voices, seed: 9)
        #expect(pairs.people.count == 30)
        #expect(Set(pairs.people.map(\.face)).count == 30)
        #expect(Set(pairs.people.map(\.voice)) == Set(voices))
        #expect(try PseudoPeople(faces: faces.reversed(), voices: voices, seed: 9) == pairs)
        #expect(try PseudoPeople(faces: faces, voices: voices, seed: 10) != pairs)
        #expect(throws: DatasetError.self) { _ = try PseudoPeople(faces: [], voices: voices, seed: 9) }
    }
}
