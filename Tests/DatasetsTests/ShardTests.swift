import Datasets
import Foundation
import Testing

@Suite struct ShardTests {
    /// Two of the project's columns and one that nobody else knows.
    private static let description = ShardDescription(
        columns: [
            ColumnDeclaration("identity", .uint8), ColumnDeclaration("face", .uint8, shape: [3, 5, 7]), ColumnDeclaration("sound", .int16),
            ColumnDeclaration("gait", .float32, shape: [17, 2], fields: ["x", "y"], frontEnd: "gait/1\n"), ColumnDeclaration("start", .int64),
        ], origin: ["made-by": "a test"])

    private static func row(_ number: Int) -> ShardRow {
        var values: [String: ShardValue] = [
            "identity": ShardValue("person \(number % 3)"), "start": ShardValue(Int64(-number) << 40),
            "face": ShardValue((0..<105 * number).map { UInt8(truncatingIfNeeded: $0 * 31 + number) }, entries: number),
        ]
        // Sound and gait are not always there.
        if number % 2 == 1 { values["sound"] = ShardValue((0..<1001).map { Int16(truncatingIfNeeded: $0 * 97 - number) }, entries: 1001) }
        if number % 3 == 2 { values["gait"] = ShardValue((0..<34 * 3).map { Float($0) / 7 }, entries: 3) }
        return ShardRow(values)
    }

    private static func write(_ path: String, rows: Range<Int>) throws {
        let writer = try ShardWriter(path: path, description: description)
        for number in rows { try writer.append(row(number)) }
        try writer.finish()
    }

    @Test func `What was written is read, a column that nobody knows as well`() throws {
        let folder = try ScratchFolder()
        try Self.write(try folder.file("a.shard"), rows: 0..<7)
        try Self.write(try folder.file("b.shard"), rows: 7..<8)
        let set = try ShardSet(path: folder.path)
        #expect(set.rowCount == 8)
        #expect(set.description == Self.description)
        let (face, sound, gait, start) = (try set.column("face"), try set.column("sound"), try set.column("gait"), try set.column("start"))
        for row in 0..<8 {
            let faces = try set.elements(UInt8.self, row: row, column: face)
            #expect(set.entries(row: row, column: face) == row)
            #expect(faces.indices.map { faces[$0] } == (0..<105 * row).map { UInt8(truncatingIfNeeded: $0 * 31 + row) })
            let samples = try set.elements(Int16.self, row: row, column: sound)
            #expect(samples.indices.map { samples[$0] } == (row % 2 == 1 ? (0..<1001).map { Int16(truncatingIfNeeded: $0 * 97 - row) } : []))
            let steps = try set.elements(Float.self, row: row, column: gait)
            #expect(steps.indices.map { steps[$0] } == (row % 3 == 2 ? (0..<102).map { Float($0) / 7 } : []))
            let time = try set.elements(Int64.self, row: row, column: start)
            #expect(time[0] == Int64(-row) << 40)
        }
        #expect(try set.identities() == ["person 0": [0, 3, 6], "person 1": [1, 4, 7], "person 2": [2, 5]])
    }

    @Test func `A value that does not fit its column is refused`() throws {
        let folder = try ScratchFolder()
        let writer = try ShardWriter(path: try folder.file("a.shard"), description: Self.description)
        #expect(throws: DatasetError.self) { try writer.append(ShardRow(["face": ShardValue([UInt8](repeating: 0, count: 104), entries: 1)])) }
        #expect(throws: DatasetError.self) { try writer.append(ShardRow(["sound": ShardValue([Float](repeating: 0, count: 4), entries: 4)])) }
        let unknown = #expect(throws: DatasetError.self) { try writer.append(ShardRow(["smell": ShardValue("roses")])) }
        #expect(unknown?.description.contains("smell") == true)
    }

    @Test func `Every flipped byte is noticed, and where`() throws {
        let folder = try ScratchFolder()
        let path = try folder.file("a.shard")
        try Self.write(path, rows: 1..<3)
        let whole = try ScratchFolder.bytes(path)
        try Shard(path: path).verify()
        var noticed = 0
        // All of the preamble, the footer's beginning and the trailer, and of the rest one in five.
        let positions = whole.indices.filter { $0 < 64 || $0 >= whole.count - 200 || $0 % 5 == 0 }
        for position in positions {
            var bytes = whole
            bytes[position] ^= UInt8(1 << (position % 8))
            try ScratchFolder.write(bytes, path)
            let error = #expect(throws: DatasetError.self) { try Shard(path: path).verify() }
            if let error, error.category == .badData, error.description.contains("byte") { noticed += 1 }
        }
        #expect(noticed == positions.count)
    }

    @Test func `Damage is said with its place when the row is read, and other rows are read all the same`() throws {
        let folder = try ScratchFolder()
        let path = try folder.file("a.shard")
        let description = ShardDescription(columns: [ColumnDeclaration("identity", .uint8), ColumnDeclaration("data", .uint8)])
        let writer = try ShardWriter(path: path, description: description)
        for number in 0..<4 { try writer.append(ShardRow(["data": ShardValue([UInt8](repeating: UInt8(number), count: 100_000), entries: 100_000)])) }
        try writer.finish()
        var bytes = try ScratchFolder.bytes(path)
        bytes[250_000] ^= 1
        try ScratchFolder.write(bytes, path)
        let shard = try Shard(path: path)
        let first = try shard.bytes(row: 0, column: 1)
        #expect(first.count == 100_000)
        let error = #expect(throws: DatasetError.self) { _ = try shard.bytes(row: 2, column: 1) }
        #expect(error?.description.contains("bytes 196608..<262144 are damaged (first met in row 2, column 'data')") == true, "\(String(describing: error))")
    }

    @Test func `A shard that is cut short anywhere is refused`() throws {
        let folder = try ScratchFolder()
        let path = try folder.file("a.shard")
        try Self.write(path, rows: 0..<3)
        let whole = try ScratchFolder.bytes(path)
        for count in stride(from: 0, to: whole.count, by: 31) {
            try ScratchFolder.write(Array(whole[..<count]), path)
            let error = #expect(throws: DatasetError.self) { _ = try Shard(path: path) }
            #expect(error?.category == .badData)
        }
        try ScratchFolder.write(whole + [0], path)
        #expect(throws: DatasetError.self) { _ = try Shard(path: path) }
    }

    @Test(arguments: [(0, UInt64.max), (0, 1 << 62), (0, 65), (8, UInt64.max), (8, 1 << 40)])
    func `An index that points outside of the file is refused, though its checksums are right`(_ place: Int, _ value: UInt64) throws {
        let folder = try ScratchFolder()
        let path = try folder.file("a.shard")
        try Self.write(path, rows: 0..<3)
        var bytes = try ScratchFolder.bytes(path)
        let trailer = bytes.count - 64
        func number(_ offset: Int) -> Int { (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) } }
        let footer = number(trailer + 16)
        let index = footer + (number(trailer + 24) + 7) / 8 * 8
        for byte in 0..<8 { bytes[index + place + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte))) }
        func put(_ checksum: UInt32, _ offset: Int) { for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(byte))) } }
        put(Checksum.reference(Array(bytes[footer..<trailer])), trailer + 12)
        put(Checksum.reference(Array(bytes[trailer..<trailer + 60])), trailer + 60)
        try ScratchFolder.write(bytes, path)
        let error = #expect(throws: DatasetError.self) { _ = try Shard(path: path) }
        #expect(error?.description.contains("row 0, column 'identity'") == true, "\(String(describing: error))")
    }

    @Test func `What is no folder of shards is said`() throws {
        let folder = try ScratchFolder()
        #expect(#expect(throws: DatasetError.self) { _ = try ShardSet(path: folder.path + "/nowhere") }?.category == .noInput)
        #expect(#expect(throws: DatasetError.self) { _ = try ShardSet(path: folder.path) }?.category == .noInput)
        try ScratchFolder.write([UInt8]("not a shard, but long enough to be one: a text of more than 128 bytes, as people put notes beside their data, in any folder".utf8) + [UInt8](repeating: 10, count: 64), try folder.file("a.shard"))
        #expect(#expect(throws: DatasetError.self) { _ = try ShardSet(path: folder.path) }?.description.contains("fwocshrd") == true)
    }

    @Test func `Shards with other columns are not mixed`() throws {
        let folder = try ScratchFolder()
        try Self.write(try folder.file("a.shard"), rows: 0..<1)
        let writer = try ShardWriter(path: try folder.file("b.shard"), description: ShardDescription(columns: [ColumnDeclaration("identity", .uint8)]))
        try writer.append(ShardRow(["identity": ShardValue("x")]))
        try writer.finish()
        let error = #expect(throws: DatasetError.self) { _ = try ShardSet(path: folder.path) }
        #expect(error?.description.contains("b.shard") == true)
    }

    @Test(arguments: [0, 1, 3, 7, 8, 9, 63, 64, 65, 1000, 4099])
    func `The checksum's kernel agrees with the slow one`(_ count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        #expect(Checksum.of(bytes.span) == Checksum.reference(bytes))
        let half = count / 3
        #expect(Checksum.of(Array(bytes[half...]).span, after: Checksum.of(Array(bytes[..<half]).span)) == Checksum.reference(bytes))
    }

    /// RFC 3720, appendix B.4.
    @Test func `The checksum is the standard's`() {
        #expect(Checksum.of([UInt8](repeating: 0, count: 32).span) == 0x8A91_36AA)
        #expect(Checksum.of([UInt8](0..<32).span) == 0x46DD_794E)
    }
}
