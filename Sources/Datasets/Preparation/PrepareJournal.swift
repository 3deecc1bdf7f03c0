import Foundation

/// What has been done of one part's work: a line of JSON for each file, written when its rows are in the shard.
///
/// A line begins with the CRC-32C of its JSON, so that one that was cut off is seen; nothing after such a line counts. It holds what is needed to go on
/// with a shard that was not finished: where its rows lie, and their checksum.
final class PrepareJournal {
    /// One line.
    struct Entry: Codable, Equatable {
        /// ``SourceItem/key``.
        var key: String
        var identity: String
        /// Size of the file in bytes, by which a change is noticed.
        var bytes: Int
        /// Rows go to this shard, at these places (`ShardWriter.RowIndex`), from byte to byte, with this checksum.
        var shard: Int
        var rows: [[Int]]
        var from: Int
        var to: Int
        var checksum: UInt32
        /// A file whose rows do not fit one shard has several lines; the last one counts and says the rest.
        var isLast: Bool
        var mediaSeconds: Double = 0
        var taken = TakenCounts()
        var refused: [Refusal] = []
    }

    /// The first line: what this journal belongs to.
    struct Header: Codable, Equatable {
        var schema = "fwoc.prepare-journal/1"
        var part: String
        var shardBytes: Int
        /// Of ``ShardDescription``, with its origin.
        var description: ShardDescription
    }

    let path: String
    private let file: OpenFile
    private(set) var entries: [Entry] = []
    private let encoder: JSONEncoder

    /// Opens or begins a journal and locks it.
    /// - Throws: where another process works on the same part, or it was begun with other settings.
    init(path: String, header: Header) throws(DatasetError) {
        self.path = path
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        file = try OpenFile(path, .readWrite, creates: true)
        guard file.lock() else {
            throw DatasetError(.configuration, "\(path): another process prepares part \(header.part) into this folder; wait for it, or give each its own --part")
        }
        let content = try file.read(try file.byteCount)
        var end = 0
        var found: Header?
        while let newline = content[end...].firstIndex(of: 0x0A), let json = Self.checked(content[end..<newline]) {
            do {
                if found == nil { found = try JSONDecoder().decode(Header.self, from: json) } else { entries.append(try JSONDecoder().decode(Entry.self, from: json)) }
            } catch { throw DatasetError(.badData, "\(path): a line at byte \(end) is not one of this program's: \(error); prepare into an empty folder") }
            end = newline + 1
        }
        if let found, found != header { throw Self.difference(path, found, header) }
        if found == nil, !content.isEmpty, content.contains(0x0A) {
            throw DatasetError(.badData, "\(path): not the journal of a preparation; prepare into an empty folder")
        }
        try file.truncate(to: found == nil ? 0 : end)
        if found == nil { try write(header) }
    }

    func append(_ entry: Entry) throws(DatasetError) {
        try write(entry)
        entries.append(entry)
    }

    func synchronise() throws(DatasetError) { try file.synchronise() }

    private func write(_ value: some Encodable) throws(DatasetError) {
        let json: Data
        do { json = try encoder.encode(value) } catch { throw DatasetError(.badData, "\(path): a line cannot be written: \(error)") }
        let bytes = [UInt8](json)
        let crc = String(Checksum.of(bytes.span), radix: 16)
        try file.write([UInt8]((String(repeating: "0", count: 8 - crc.count) + crc + " ").utf8) + bytes + [0x0A])
    }

    private static func checked(_ line: ArraySlice<UInt8>) -> Data? {
        guard line.count > 9 else { return nil }
        let json = Array(line.dropFirst(9))
        guard let stored = UInt32(String(decoding: line.prefix(8), as: UTF8.self), radix: 16), Checksum.of(json.span) == stored else { return nil }
        return Data(json)
    }

    private static func difference(_ path: String, _ found: Header, _ wanted: Header) -> DatasetError {
        var what = "other settings"
        if found.shardBytes != wanted.shardBytes {
            what = "shards of \(found.shardBytes) bytes, now \(wanted.shardBytes)"
        } else if found.part != wanted.part {
            what = "part \(found.part), now \(wanted.part)"
        } else {
            let (old, new) = (found.description.origin, wanted.description.origin)
            if let key = Set(old.keys).union(new.keys).sorted().first(where: { old[$0] != new[$0] }) {
                what = "\(key) \(old[key] ?? "not given"), now \(new[key] ?? "not given")"
            } else {
                what = "other columns or front ends (\(found.description.fingerprint), now \(wanted.description.fingerprint))"
            }
        }
        return DatasetError(.configuration, "\(path): this folder was begun with \(what); give the same settings to go on, or another folder")
    }
}
