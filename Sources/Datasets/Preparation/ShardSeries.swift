import Foundation

/// The shards of one part, one after another, each no larger than a limit, and the journal of what is in them.
///
/// A shard is closed before the first file (or piece of a large file) that does not fit, so where it ends follows from the files alone.
struct ShardSeries: ~Copyable {
    private let folder: String
    private let name: String
    private let description: ShardDescription
    private let limit: Int
    private let journal: PrepareJournal
    private var writer: ShardWriter?
    /// The shard that is written, or comes next.
    private var number = 0
    /// Pieces of the file that was being written when the work was interrupted.
    private var piecesThere: [String: Int] = [:]
    private var bytesSinceSynchronised = 0
    /// Written data may be lost when the power fails, so much at most.
    private static let synchronisedBytes = 64 << 20

    init(folder: String, name: String, description: ShardDescription, limit: Int, journal: PrepareJournal) throws(DatasetError) {
        self.folder = folder
        self.name = name
        self.description = description
        self.limit = limit
        self.journal = journal
        for entry in journal.entries { piecesThere[entry.key] = entry.isLast ? nil : (piecesThere[entry.key] ?? 0) + 1 }
        try resume()
    }

    /// Finished shards.
    var shardCount: Int { number }

    func path(_ number: Int) -> String {
        let digits = String(number)
        return (folder as NSString).appendingPathComponent("\(name)-\(String(repeating: "0", count: max(0, 5 - digits.count)) + digits).\(ShardFormat.fileExtension)")
    }

    private mutating func resume() throws(DatasetError) {
        number = journal.entries.last { !$0.rows.isEmpty }?.shard ?? 0
        for finished in 0..<number where !OpenFile.exists(path(finished)) {
            throw DatasetError(.badData, "\(path(finished)): missing, though the journal says that it is finished; put it back, or prepare into an empty folder")
        }
        let entries = journal.entries.filter { $0.shard == number && !$0.rows.isEmpty }
        guard let last = entries.last else { return }
        if OpenFile.exists(path(number)) {
            // Killed after the shard was finished and before the next was begun.
            number += 1
            return
        }
        guard OpenFile.exists(ShardWriter.partial(path(number))) else {
            throw DatasetError(.badData, "\(ShardWriter.partial(path(number))): missing, though the journal says what is in it; prepare into an empty folder")
        }
        try Self.verify(ShardWriter.partial(path(number)), entries)
        writer = try ShardWriter(resuming: path(number), rows: entries.flatMap(\.rows), length: last.to, description: description)
    }

    private static func verify(_ path: String, _ entries: [PrepareJournal.Entry]) throws(DatasetError) {
        let file = try OpenFile(path, .readOnly)
        _ = try file.read(entries.first?.from ?? 0)
        for entry in entries {
            let bytes = try file.read(entry.to - entry.from)
            guard bytes.count == entry.to - entry.from, Checksum.of(bytes.span) == entry.checksum else {
                throw DatasetError(
                    .badData,
                    "\(path): bytes \(entry.from)..<\(entry.to), the rows of \(entry.key), are not what was written; the power failed or the disk is damaged: prepare into an empty folder")
            }
        }
    }

    /// Writes what a file gave, and says so in the journal.
    mutating func append(_ file: ExtractedFile, of item: SourceItem, bytes: Int) throws(DatasetError) {
        let pieces = pieces(file.rows)
        for (index, rows) in pieces.enumerated() {
            if index < piecesThere[item.key] ?? 0 { continue }
            var entry = PrepareJournal.Entry(
                key: item.key, identity: item.identity, bytes: bytes, shard: number, rows: [], from: 0, to: 0, checksum: 0,
                isLast: index == pieces.count - 1)
            if entry.isLast {
                entry.mediaSeconds = file.mediaSeconds
                entry.taken = file.taken
                entry.refused = file.refused
            }
            if !rows.isEmpty { try write(rows, &entry) }
            try journal.append(entry)
        }
        if bytesSinceSynchronised > Self.synchronisedBytes {
            try writer?.synchronise()
            try journal.synchronise()
            bytesSinceSynchronised = 0
        }
    }

    private mutating func write(_ rows: [ShardRow], _ entry: inout PrepareJournal.Entry) throws(DatasetError) {
        let size = rows.reduce(0) { $0 + $1.byteCount(description) }
        if let open = writer, open.byteCount + size + ShardWriter.footerBytes(rows: open.rows.count + rows.count, bytes: open.byteCount + size, description) > limit {
            try close()
        }
        let writer: ShardWriter
        if let open = self.writer { writer = open } else {
            writer = try ShardWriter(path: path(number), description: description)
            self.writer = writer
        }
        entry.shard = number
        entry.from = writer.byteCount
        let before = writer.rows.count
        writer.beginChecksum()
        for row in rows { try writer.append(row) }
        entry.checksum = writer.runningChecksum
        entry.rows = Array(writer.rows[before...])
        entry.to = writer.byteCount
        bytesSinceSynchronised += size
    }

    /// Closes the shard that is open.
    mutating func finish() throws(DatasetError) {
        try close()
        try journal.synchronise()
    }

    private mutating func close() throws(DatasetError) {
        guard let writer else { return }
        try writer.finish()
        self.writer = nil
        number += 1
    }

    /// Rows of one file in pieces that fit a shard; at least one piece, which may be empty.
    private func pieces(_ rows: [ShardRow]) -> [[ShardRow]] {
        var pieces: [[ShardRow]] = [[]]
        var size = 0
        for row in rows {
            let bytes = row.byteCount(description)
            let count = pieces[pieces.count - 1].count
            if count > 0, ShardFormat.preambleBytes + size + bytes + ShardWriter.footerBytes(rows: count + 1, bytes: size + bytes, description) > limit {
                pieces.append([])
                size = 0
            }
            pieces[pieces.count - 1].append(row)
            size += bytes
        }
        return pieces
    }
}
