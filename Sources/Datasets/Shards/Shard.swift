import Glibc
import Synchronization

/// A shard that is read: a file in memory as long as it is used, nothing of it copied.
///
/// Opening checks the footer and that every value lies within the file; the bytes of a value are checked against their checksums when they
/// are read for the first time. The file must not be shortened while it is open.
///
/// Thread-safe: the mapping never changes, and what has been checked is behind a lock; hence `@unchecked`.
@safe public final class Shard: @unchecked Sendable {
    public let path: String
    public let description: ShardDescription
    public let rowCount: Int
    public let byteCount: Int
    /// CRC-32C of the footer, in which the checksums of all values are: a shard with other values has another, but for one chance in four thousand million.
    public let digest: UInt32
    private let mapping: UnsafeRawBufferPointer
    /// Offset and entries of each value, row after row.
    private let index: [(offset: Int, entries: Int)]
    private let checksumOffset: Int
    private let footerOffset: Int
    private let checked: Mutex<[Bool]>

    /// - Throws: ``DatasetError`` where the file is not there, not a whole shard, or its footer is damaged.
    public init(path: String) throws(DatasetError) {
        self.path = path
        let file = try OpenFile(path, .readOnly)
        guard file.isRegular else { throw DatasetError(.noInput, "\(path): not a regular file, expected a shard") }
        byteCount = try file.byteCount
        func damaged(_ what: String) -> DatasetError {
            DatasetError(.badData, "\(path): unreadable shard: \(what); prepare it again, or copy it again from where it is whole")
        }
        guard byteCount >= ShardFormat.preambleBytes + ShardFormat.trailerBytes else {
            throw damaged("it has \(byteCount) bytes, less than the smallest shard")
        }
        let mapping = try unsafe file.map(byteCount)
        unsafe self.mapping = mapping
        // What throws from here on leaves no object whose deinit would unmap.
        do throws(DatasetError) {
            let bytes = unsafe Span<UInt8>(_unsafeElements: mapping.assumingMemoryBound(to: UInt8.self))
            guard ShardFormat.magic.indices.allSatisfy({ bytes[$0] == ShardFormat.magic[$0] }) else { throw damaged("it does not begin with 'fwocshrd' (byte 0)") }
            let version = ShardFormat.number(UInt32.self, at: 8, in: bytes)
            guard version == ShardFormat.version else {
                throw damaged("it has version \(version) (byte 8), this program reads version \(ShardFormat.version)")
            }
            guard ShardFormat.preamble.indices.allSatisfy({ bytes[$0] == ShardFormat.preamble[$0] }) else { throw damaged("its preamble is damaged (bytes 0..<64)") }
            let trailerOffset = byteCount - ShardFormat.trailerBytes
            guard let trailer = ShardFormat.Trailer(bytes.extracting(trailerOffset..<byteCount)), trailer.fileBytes == byteCount else {
                throw damaged("its end (bytes \(trailerOffset)..<\(byteCount)) is damaged or missing: it was cut short, or is still being written")
            }
            let layout = try Self.layout(trailer, bytes, damaged)
            description = layout.description
            index = layout.index
            checksumOffset = layout.checksumOffset
            rowCount = trailer.rows
            digest = trailer.footerChecksum
            footerOffset = trailer.footerOffset
            checked = Mutex([Bool](repeating: false, count: trailer.blocks))
        } catch {
            _ = unsafe munmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count)
            throw error
        }
    }

    deinit { _ = unsafe munmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count) }

    private struct Layout {
        var description: ShardDescription
        var index: [(offset: Int, entries: Int)]
        var checksumOffset: Int
    }

    private static func layout(
        _ trailer: ShardFormat.Trailer, _ bytes: Span<UInt8>, _ damaged: (String) -> DatasetError
    ) throws(DatasetError) -> Layout {
        let trailerOffset = bytes.count - ShardFormat.trailerBytes
        let footer = trailer.footerOffset
        guard footer >= ShardFormat.preambleBytes, footer % ShardFormat.alignment == 0, footer <= trailerOffset else {
            throw damaged("its footer cannot lie at byte \(footer)")
        }
        guard Checksum.of(bytes.extracting(footer..<trailerOffset)) == trailer.footerChecksum else {
            throw damaged("its footer (bytes \(footer)..<\(trailerOffset)) is damaged")
        }
        // From here on only a program that writes nonsense on purpose is refused.
        let size = trailerOffset - footer
        let blocks = (footer + ShardFormat.blockBytes - 1) / ShardFormat.blockBytes
        guard trailer.blocks == blocks, trailer.descriptionBytes <= size, trailer.columns <= ShardFormat.mostColumns, trailer.rows <= size else {
            throw damaged("its footer contradicts its trailer")
        }
        let indexOffset = ShardFormat.aligned(trailer.descriptionBytes, to: 8)
        let checksumOffset = indexOffset + trailer.rows * trailer.columns * 16
        guard ShardFormat.aligned(checksumOffset + blocks * 4, to: 8) == size else { throw damaged("its footer contradicts its trailer") }
        let description: ShardDescription
        do {
            let json = bytes.extracting(footer..<footer + trailer.descriptionBytes)
            description = try ShardDescription(json: json.indices.map { json[$0] })
        } catch {
            throw damaged("its description cannot be read: \(error)")
        }
        if let fault = description.fault { throw damaged(fault) }
        guard description.columns.count == trailer.columns else { throw damaged("its description names \(description.columns.count) columns, its trailer \(trailer.columns)") }
        var index: [(offset: Int, entries: Int)] = []
        index.reserveCapacity(trailer.rows * trailer.columns)
        for row in 0..<trailer.rows {
            for (number, column) in description.columns.enumerated() {
                let place = footer + indexOffset + (row * trailer.columns + number) * 16
                let offset = Int(exactly: ShardFormat.number(UInt64.self, at: place, in: bytes)) ?? -1
                let entries = Int(exactly: ShardFormat.number(UInt64.self, at: place + 8, in: bytes)) ?? -1
                guard entries >= 0, entries <= footer / column.entryBytes, offset >= ShardFormat.preambleBytes, offset % ShardFormat.alignment == 0,
                    offset <= footer, entries * column.entryBytes <= footer - offset
                else { throw damaged("row \(row), column '\(column.name)' cannot be \(entries) entries at byte \(offset)") }
                index.append((offset, entries))
            }
        }
        return Layout(description: description, index: index, checksumOffset: footer + checksumOffset)
    }

    /// Entries that a row has in a column; 0 where it lacks this modality.
    public func entries(row: Int, column: Int) -> Int { index[row * description.columns.count + column].entries }

    /// The bytes of a value, `[entries] + shape` of its column, valid as long as the shard.
    /// - Throws: where a block that it lies in is damaged.
    /// - Precondition: row and column exist.
    @_lifetime(borrow self)
    public func bytes(row: Int, column: Int) throws(DatasetError) -> Span<UInt8> {
        let span = unsafe Span<UInt8>(_unsafeElements: try buffer(row: row, column: column).assumingMemoryBound(to: UInt8.self))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// The numbers of a value, `[entries] + shape` of its column, valid as long as the shard.
    /// - Throws: where a block that it lies in is damaged.
    /// - Precondition: row and column exist, and the column's element is of this type.
    @_lifetime(borrow self)
    public func elements<Element: ShardElement>(_ type: Element.Type, row: Int, column: Int) throws(DatasetError) -> Span<Element> {
        let span = unsafe Span<Element>(_unsafeElements: try buffer(Element.self, row: row, column: column))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// The bytes of a value once they are checked; they stay where they are as long as the shard.
    func buffer(row: Int, column: Int) throws(DatasetError) -> UnsafeRawBufferPointer {
        let value = index[row * description.columns.count + column]
        let count = value.entries * description.columns[column].entryBytes
        try check(value.offset..<value.offset + count, row: row, column: column)
        return unsafe slice(value.offset, count)
    }

    func buffer<Element: ShardElement>(_ type: Element.Type, row: Int, column: Int) throws(DatasetError) -> UnsafeBufferPointer<Element> {
        let declaration = description.columns[column]
        precondition(Element.elementType == declaration.element, "column '\(declaration.name)' holds \(declaration.element.rawValue), not \(Element.elementType.rawValue)")
        // Offsets are multiples of 64, and the mapping begins at a page.
        return try unsafe buffer(row: row, column: column).assumingMemoryBound(to: Element.self)
    }

    /// A value that is UTF-8.
    public func text(row: Int, column: Int) throws(DatasetError) -> String {
        let bytes = try bytes(row: row, column: column)
        return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
    }

    /// Reads everything and compares it with its checksums.
    public func verify() throws(DatasetError) {
        checked.withLock { for index in $0.indices { $0[index] = false } }
        for row in 0..<rowCount {
            for column in description.columns.indices { _ = try bytes(row: row, column: column) }
        }
        // Gaps between values belong to blocks, too.
        try check(0..<footerOffset, row: nil, column: nil)
    }

    private func slice(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: mapping[offset..<offset + count]) }

    private func check(_ range: Range<Int>, row: Int?, column: Int?) throws(DatasetError) {
        guard !range.isEmpty else { return }
        for block in range.lowerBound / ShardFormat.blockBytes...(range.upperBound - 1) / ShardFormat.blockBytes {
            if checked.withLock({ $0[block] }) { continue }
            let start = block * ShardFormat.blockBytes
            let end = min(start + ShardFormat.blockBytes, footerOffset)
            let content = unsafe Span<UInt8>(_unsafeElements: slice(start, end - start).assumingMemoryBound(to: UInt8.self))
            let stored = unsafe mapping.loadUnaligned(fromByteOffset: checksumOffset + 4 * block, as: UInt32.self).littleEndian
            let actual = Checksum.of(content)
            guard actual == stored else {
                let what = row.map { " (first met in row \($0)\(column.map { ", column '\(description.columns[$0].name)'" } ?? ""))" } ?? ""
                throw DatasetError(
                    .badData,
                    "\(path): bytes \(start)..<\(end) are damaged\(what): CRC-32C \(String(actual, radix: 16)), expected \(String(stored, radix: 16)); prepare the shard again, or copy it again from where it is whole")
            }
            checked.withLock { $0[block] = true }
        }
    }
}
