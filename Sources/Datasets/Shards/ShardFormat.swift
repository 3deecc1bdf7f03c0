/// The layout of a shard file, version 1. All numbers are little-endian; offsets count bytes from the beginning of the file.
///
///     preamble     64 bytes   "fwocshrd", UInt32 version, UInt32 block bytes (65536), zeros
///     values                  row after row, in a row column after column; each begins at a multiple of 64, gaps are zeros
///     footer                  at a multiple of 64:
///       description           JSON of ``ShardDescription``, padded with zeros to a multiple of 8
///       index                 for each row, for each column: UInt64 offset, UInt64 entries
///       checksums             UInt32 CRC-32C of each block of what lies before the footer, padded with zeros to a multiple of 8
///     trailer      64 bytes   "fwocshrd", UInt32 version, UInt32 CRC-32C of the footer, UInt64 offset of the footer,
///                             UInt64 bytes of the description, UInt64 rows, UInt32 columns, UInt32 blocks, UInt64 bytes of the file,
///                             4 zeros, UInt32 CRC-32C of the 60 bytes before
///
/// A value is `entries` times the entry that its column declares, so it is read where it lies. The footer is checked when a shard is
/// opened, a block when the first value in it is read. Only whole shards have their name: until then they are called `.partial`.
enum ShardFormat {
    static let magic: [UInt8] = [UInt8]("fwocshrd".utf8)
    static let version: UInt32 = 1
    static let blockBytes = 65_536
    static let preambleBytes = 64
    static let trailerBytes = 64
    static let alignment = 64
    static let mostColumns = 256
    static let fileExtension = "shard"
    static let partialExtension = "partial"

    static func aligned(_ offset: Int, to alignment: Int = Self.alignment) -> Int { (offset + alignment - 1) / alignment * alignment }

    static var preamble: [UInt8] {
        var bytes = magic
        append(version, to: &bytes)
        append(UInt32(blockBytes), to: &bytes)
        return bytes + [UInt8](repeating: 0, count: preambleBytes - bytes.count)
    }

    static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> Number(shift))) }
    }

    static func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int, in bytes: Span<UInt8>) -> Number {
        var number: Number = 0
        for index in 0..<Number.bitWidth / 8 { number |= Number(truncatingIfNeeded: bytes[offset + index]) << Number(8 * index) }
        return number
    }

    struct Trailer: Equatable {
        var footerChecksum: UInt32 = 0
        var footerOffset = 0
        var descriptionBytes = 0
        var rows = 0
        var columns = 0
        var blocks = 0
        var fileBytes = 0

        var bytes: [UInt8] {
            var bytes = magic
            append(version, to: &bytes)
            append(footerChecksum, to: &bytes)
            append(UInt64(footerOffset), to: &bytes)
            append(UInt64(descriptionBytes), to: &bytes)
            append(UInt64(rows), to: &bytes)
            append(UInt32(columns), to: &bytes)
            append(UInt32(blocks), to: &bytes)
            append(UInt64(fileBytes), to: &bytes)
            append(UInt32(0), to: &bytes)
            append(Checksum.of(bytes.span), to: &bytes)
            return bytes
        }

        init() {}

        /// - Returns: `nil` where the numbers are damaged; a version that is not known is the caller's to see.
        init?(_ bytes: Span<UInt8>) {
            guard bytes.count == trailerBytes, Checksum.of(bytes.extracting(0..<60)) == number(UInt32.self, at: 60, in: bytes) else { return nil }
            func integer(_ offset: Int) -> Int? { Int(exactly: number(UInt64.self, at: offset, in: bytes)) }
            guard let footerOffset = integer(16), let descriptionBytes = integer(24), let rows = integer(32), let fileBytes = integer(48) else { return nil }
            footerChecksum = number(UInt32.self, at: 12, in: bytes)
            self.footerOffset = footerOffset
            self.descriptionBytes = descriptionBytes
            self.rows = rows
            columns = Int(number(UInt32.self, at: 40, in: bytes))
            blocks = Int(number(UInt32.self, at: 44, in: bytes))
            self.fileBytes = fileBytes
        }
    }
}
