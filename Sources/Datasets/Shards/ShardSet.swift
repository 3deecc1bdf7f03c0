import Foundation

/// All shards of a folder, read as one list of rows.
///
/// Rows are numbered through in the order of the files' names, so the same folder gives the same numbers everywhere. Thread-safe.
public final class ShardSet: Sendable {
    public let path: String
    public let shards: [Shard]
    public let description: ShardDescription
    /// Rows before each shard, and all rows at the end.
    private let starts: [Int]

    /// One row by its place.
    public struct Place: Hashable, Sendable {
        public var shard: Int
        public var row: Int
    }

    /// - Parameter path: a folder of shards, or one shard.
    /// - Throws: ``DatasetError`` where there is none, one cannot be read, or they do not belong together.
    public init(path: String) throws(DatasetError) {
        self.path = path
        var shards: [Shard] = []
        for file in try Self.files(path) { shards.append(try Shard(path: file)) }
        guard let first = shards.first else {
            throw DatasetError(.noInput, "\(path): no shard in this folder, expected files that end in .\(ShardFormat.fileExtension); make them with fwoc-train prepare")
        }
        for shard in shards.dropFirst() where shard.description.fingerprint != first.description.fingerprint {
            throw DatasetError(
                .badData,
                "\(shard.path): its columns or front ends are not those of \(first.path) (\(shard.description.fingerprint), expected \(first.description.fingerprint)); prepare both with the same settings")
        }
        self.shards = shards
        description = first.description
        var starts = [0]
        for shard in shards { starts.append(starts[starts.count - 1] + shard.rowCount) }
        self.starts = starts
        guard rowCount > 0 else { throw DatasetError(.badData, "\(path): the shards hold no row; their manifest says what was refused and why") }
    }

    private static func files(_ path: String) throws(DatasetError) -> [String] {
        var isDirectory = ObjCBool(false)
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw DatasetError(.noInput, "\(path): no such folder; expected one that fwoc-train prepare has filled")
        }
        guard isDirectory.boolValue else { return [path] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix("." + ShardFormat.fileExtension) }.sorted()
                .map { (path as NSString).appendingPathComponent($0) }
        } catch { throw DatasetError(.inputOutput, "\(path): cannot be listed: \(error.localizedDescription)") }
    }

    public var rowCount: Int { starts[starts.count - 1] }
    public var byteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }
    /// Of what is in it: other values, other text.
    public var digest: String { shards.map { "\($0.rowCount) \($0.byteCount) \($0.digest)" }.joined(separator: "\n") }

    /// - Precondition: 0 ≤ row < ``rowCount``.
    public func place(_ row: Int) -> Place {
        precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
        var low = 0
        var high = shards.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= row { low = middle } else { high = middle - 1 }
        }
        return Place(shard: low, row: row - starts[low])
    }

    /// The number of a column.
    public func column(_ name: String) throws(DatasetError) -> Int {
        guard let index = description.index(of: name) else {
            throw DatasetError(.badData, "\(path): the shards have no column '\(name)', only \(description.columns.map(\.name).joined(separator: ", "))")
        }
        return index
    }

    public func entries(row: Int, column: Int) -> Int {
        let place = place(row)
        return shards[place.shard].entries(row: place.row, column: column)
    }

    /// As ``Shard/elements(_:row:column:)``.
    @_lifetime(borrow self)
    public func elements<Element: ShardElement>(_ type: Element.Type, row: Int, column: Int) throws(DatasetError) -> Span<Element> {
        let place = place(row)
        let span = unsafe Span<Element>(_unsafeElements: try shards[place.shard].buffer(type, row: place.row, column: column))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// As ``Shard/bytes(row:column:)``.
    @_lifetime(borrow self)
    public func bytes(row: Int, column: Int) throws(DatasetError) -> Span<UInt8> {
        let place = place(row)
        let span = unsafe Span<UInt8>(_unsafeElements: try shards[place.shard].buffer(row: place.row, column: column).assumingMemoryBound(to: UInt8.self))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    public func text(row: Int, column: Int) throws(DatasetError) -> String {
        let place = place(row)
        return try shards[place.shard].text(row: place.row, column: column)
    }

    /// Rows by identity. Order of rows is that of the set.
    public func identities() throws(DatasetError) -> [String: [Int]] {
        let column = try column(SampleColumns.identity)
        var rows: [String: [Int]] = [:]
        for row in 0..<rowCount { rows[try text(row: row, column: column), default: []].append(row) }
        return rows
    }
}
