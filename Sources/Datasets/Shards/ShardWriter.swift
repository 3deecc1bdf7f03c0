/// Writes one shard: rows go to a file called `.partial`, which gets its name when it is whole.
///
/// A program that is killed leaves a `.partial` that ``init(resuming:rows:length:description:)`` goes on with. Thread-bound.
public final class ShardWriter {
    /// Where a row's values lie: for each column offset and entries.
    public typealias RowIndex = [Int]

    public let path: String
    public let description: ShardDescription
    public private(set) var rows: [RowIndex]
    /// Bytes so far, footer not included.
    public private(set) var byteCount: Int
    private let file: OpenFile
    private var checksums: [UInt32] = []
    private var blockChecksum: UInt32 = 0
    private var blockFill = 0
    /// Of what was appended since ``beginChecksum()``.
    private(set) var runningChecksum: UInt32 = 0

    /// Begins a shard.
    /// - Parameter path: of the finished file.
    public convenience init(path: String, description: ShardDescription) throws(DatasetError) {
        try self.init(resuming: path, rows: [], length: 0, description: description)
    }

    /// Goes on with a shard whose first `length` bytes hold these rows; what comes after them in the file is dropped.
    /// - Throws: where the file is shorter. Whether the bytes are what was written is the caller's to check.
    public init(resuming path: String, rows: [RowIndex], length: Int, description: ShardDescription) throws(DatasetError) {
        if let fault = description.fault { throw DatasetError(.configuration, "\(path): cannot be a shard: \(fault)") }
        self.path = path
        self.description = description
        self.rows = rows
        file = try OpenFile(Self.partial(path), .readWrite, creates: true)
        let there = try file.byteCount
        guard there >= length else {
            throw DatasetError(.badData, "\(file.path): has \(there) bytes, expected at least \(length); remove the folder and begin anew")
        }
        byteCount = 0
        if length == 0 {
            try file.truncate(to: 0)
            try write(ShardFormat.preamble)
        } else {
            while byteCount < length {
                let piece = try file.read(min(length - byteCount, 1 << 20))
                guard !piece.isEmpty else { throw DatasetError(.inputOutput, "\(file.path): ends early at byte \(byteCount)") }
                digest(piece.span)
                byteCount += piece.count
            }
            try file.truncate(to: length)
        }
    }

    static func partial(_ path: String) -> String { path + ".\(ShardFormat.partialExtension)" }

    /// Bytes that the finished file would have with one more row.
    public func byteCount(with row: ShardRow) -> Int {
        byteCount + row.byteCount(description) + Self.footerBytes(rows: rows.count + 1, bytes: byteCount + row.byteCount(description), description)
    }

    static func footerBytes(rows: Int, bytes: Int, _ description: ShardDescription) -> Int {
        // The description's own length is a few kilobytes; its exact number does not matter for a limit.
        8192 + rows * description.columns.count * 16 + bytes / ShardFormat.blockBytes * 4 + ShardFormat.trailerBytes
    }

    /// - Throws: where a value does not fit its column, or the disk is full; the rows before stay whole.
    public func append(_ row: ShardRow) throws(DatasetError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(row.byteCount(description))
        var index: RowIndex = []
        var known = 0
        for column in description.columns {
            let value = row.values[column.name] ?? .absent(column)
            if row.values[column.name] != nil { known += 1 }
            guard value.element == column.element, value.bytes.count == value.entries * column.entryBytes else {
                throw DatasetError(
                    .badData,
                    "\(path): row \(rows.count), column '\(column.name)': got \(value.entries) entries in \(value.bytes.count) bytes of \(value.element.rawValue), expected \(column.entryBytes) bytes of \(column.element.rawValue) an entry")
            }
            index += [byteCount + bytes.count, value.entries]
            bytes += value.bytes
            bytes += [UInt8](repeating: 0, count: ShardFormat.aligned(bytes.count) - bytes.count)
        }
        if known != row.values.count {
            let unknown = row.values.keys.filter { description.index(of: $0) == nil }.sorted()
            throw DatasetError(.badData, "\(path): row \(rows.count) has columns that are not declared: \(unknown.joined(separator: ", "))")
        }
        try write(bytes)
        rows.append(index)
    }

    func beginChecksum() { runningChecksum = 0 }

    /// Returns when what was appended is on the disk.
    public func synchronise() throws(DatasetError) { try file.synchronise() }

    /// Writes the footer and gives the file its name.
    public func finish() throws(DatasetError) {
        let footerOffset = byteCount
        var checksums = checksums
        if blockFill > 0 { checksums.append(blockChecksum) }
        var footer: [UInt8]
        do { footer = try description.json } catch { throw DatasetError(.badData, "\(path): its description cannot be written: \(error)") }
        var trailer = ShardFormat.Trailer()
        trailer.descriptionBytes = footer.count
        footer += [UInt8](repeating: 0, count: ShardFormat.aligned(footer.count, to: 8) - footer.count)
        for row in rows { for number in row { ShardFormat.append(UInt64(number), to: &footer) } }
        for checksum in checksums { ShardFormat.append(checksum, to: &footer) }
        footer += [UInt8](repeating: 0, count: ShardFormat.aligned(footer.count, to: 8) - footer.count)
        trailer.footerChecksum = Checksum.of(footer.span)
        trailer.footerOffset = footerOffset
        trailer.rows = rows.count
        trailer.columns = description.columns.count
        trailer.blocks = checksums.count
        trailer.fileBytes = footerOffset + footer.count + ShardFormat.trailerBytes
        try file.write(footer + trailer.bytes)
        try file.synchronise()
        try OpenFile.rename(file.path, to: path)
    }

    private func write(_ bytes: [UInt8]) throws(DatasetError) {
        try file.write(bytes)
        digest(bytes.span)
        runningChecksum = Checksum.of(bytes.span, after: runningChecksum)
        byteCount += bytes.count
    }

    private func digest(_ bytes: Span<UInt8>) {
        var offset = 0
        while offset < bytes.count {
            let count = min(ShardFormat.blockBytes - blockFill, bytes.count - offset)
            blockChecksum = Checksum.of(bytes.extracting(offset..<offset + count), after: blockChecksum)
            blockFill += count
            offset += count
            if blockFill == ShardFormat.blockBytes {
                checksums.append(blockChecksum)
                blockChecksum = 0
                blockFill = 0
            }
        }
    }
}
