public import Foundation
import ModelBundle
public import Tensors

/// Named tensors with text about them in one file, in the format of the same name: 8 bytes with the length of a JSON header, the header (each tensor's type,
/// shape and place, and `__metadata__` as text), then the bytes. Opens in Python with `safetensors`.
///
/// A file is written whole or not at all, and carries in the metadata (`fwoc.file.sha256`) the SHA-256 of all its bytes, header included, as they are with
/// zeros for the digest's 64 digits: so that a flipped one is noticed, in a tensor as in what a run remembers of itself. A file without is another program's.
public struct SafetensorsFile: Sendable, Equatable {
    public var tensors: [String: Tensor]
    public var metadata: [String: String]

    public init(tensors: [String: Tensor], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    private static let digestKey = "fwoc.file.sha256"
    private static let digits = 64
    private static let longestHeader = 1 << 26

    private static let types: [(name: String, type: ElementType)] = [
        ("F32", .float32), ("F64", .float64), ("I64", .int64), ("I32", .int32), ("I16", .int16), ("I8", .int8), ("U8", .uint8), ("BOOL", .bool),
    ]

    private struct Entry: Codable {
        var dtype: String
        var shape: [Int]
        var data_offsets: [Int]
    }

    // MARK: Writing

    /// Writes the file beside its place, waits until it is on the disk, and puts it there: whoever reads it sees the old one or the new one.
    public func write(to url: URL) throws(FitError) {
        let bytes = try encoded()
        let temporary = url.path + ".part"
        guard let file = unsafe fopen(temporary, "wb") else { throw Self.failure(url.path, "opening") }
        let written = unsafe bytes.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
        let isOnDisk = unsafe written == bytes.count && fflush(file) == 0 && fsync(fileno(file)) == 0
        let failure = isOnDisk ? nil : Self.failure(url.path, "writing")
        unsafe fclose(file)
        if let failure {
            unsafe unlink(temporary)
            throw failure
        }
        guard unsafe rename(temporary, url.path) == 0 else { throw Self.failure(url.path, "putting a finished file in place of") }
    }

    private func encoded() throws(FitError) -> [UInt8] {
        var data: [UInt8] = []
        data.reserveCapacity(tensors.values.reduce(0) { $0 + $1.bytes.count })
        var entries: [String: Entry] = [:]
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            guard let type = Self.types.first(where: { $0.type == tensor.elementType })?.name else {
                throw FitError(.internalError, "tensor '\(name)' of type \(tensor.elementType) has no place in a safetensors file")
            }
            entries[name] = Entry(dtype: type, shape: tensor.shape, data_offsets: [data.count, data.count + tensor.bytes.count])
            data += tensor.bytes
        }
        var texts = metadata
        texts[Self.digestKey] = String(repeating: "0", count: Self.digits)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            // The two kinds of values of the header are encoded apart and joined.
            let head = try encoder.encode(["__metadata__": texts]), rest = try encoder.encode(entries)
            var header = [UInt8](head.dropLast()) + (entries.isEmpty ? [] : [UInt8(ascii: ",")]) + [UInt8](rest.dropFirst())
            // Data begin at a multiple of 8.
            while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
            var bytes = unsafe withUnsafeBytes(of: UInt64(header.count).littleEndian) { unsafe [UInt8]($0) } + header + data
            guard let place = Self.digestPlace(bytes, headerBytes: header.count) else { throw FitError(.internalError, "the header of a safetensors file has no place for its digest") }
            bytes.replaceSubrange(place, with: (unsafe SHA256Digest.hex(of: bytes.span.bytes)).utf8)
            return bytes
        } catch let error as FitError {
            throw error
        } catch {
            throw FitError(.internalError, "the header of a safetensors file cannot be encoded: \(error)")
        }
    }

    /// Where a file's digest stands. Quotes within texts of the header are escaped, so that none of them looks like it.
    private static func digestPlace(_ bytes: [UInt8], headerBytes: Int) -> Range<Int>? {
        let header = bytes[8..<8 + headerBytes]
        guard let start = header.firstRange(of: Array("\"\(digestKey)\":\"".utf8))?.upperBound, start + digits <= header.endIndex else { return nil }
        return start..<start + digits
    }

    private static func failure(_ path: String, _ operation: String) -> FitError {
        let code = errno
        let cause = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        let remedy = code == ENOSPC || code == EDQUOT || code == EFBIG ? "; make room, and go on with --resume: what was there before is whole" : ""
        return FitError(.inputOutput, "\(path): \(operation) it failed: \(cause)\(remedy)")
    }

    // MARK: Reading

    /// - Throws: ``FitError``: no such file, not of this format, cut off, or other bytes than were written.
    public init(contentsOf url: URL) throws(FitError) {
        var bytes: [UInt8]
        do { bytes = [UInt8](try Data(contentsOf: url)) } catch {
            throw FitError(.noInput, "\(url.path): cannot be read: \(error.localizedDescription)")
        }
        func refuse(_ problem: String) -> FitError { FitError(.badData, "\(url.path): \(problem)") }
        guard bytes.count >= 8 else { throw refuse("\(bytes.count) bytes are no safetensors file") }
        let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << (8 * UInt64($1)) }
        guard length <= UInt64(Self.longestHeader), 8 + Int(length) <= bytes.count else { throw refuse("not a safetensors file, or cut off: its header would have \(length) bytes, the file has \(bytes.count)") }
        let header = Data(bytes[8..<8 + Int(length)]), data = bytes[(8 + Int(length))...]
        let entries: [String: Entry], texts: [String: String]
        do {
            let decoded = try JSONDecoder().decode(Header.self, from: header)
            (texts, entries) = (decoded.texts, decoded.entries)
        } catch { throw refuse("its header is damaged: \(error)") }
        var tensors: [String: Tensor] = [:]
        for (name, entry) in entries {
            guard let type = Self.types.first(where: { $0.name == entry.dtype })?.type else { throw refuse("tensor '\(name)' is of type \(entry.dtype), which is not supported") }
            var size = type.size
            for side in entry.shape {
                guard side >= 0, side <= 1 << 31 else { throw refuse("tensor '\(name)' has shape \(entry.shape)") }
                let product = size.multipliedReportingOverflow(by: side)
                guard !product.overflow else { throw refuse("tensor '\(name)' has shape \(entry.shape)") }
                size = product.partialValue
            }
            guard entry.data_offsets.count == 2, entry.data_offsets[0] >= 0, entry.data_offsets[1] >= entry.data_offsets[0], entry.data_offsets[1] <= data.count,
                entry.data_offsets[1] - entry.data_offsets[0] == size
            else { throw refuse("tensor '\(name)' lies at \(entry.data_offsets) of \(data.count) bytes, its shape \(entry.shape) needs \(size)") }
            tensors[name] = Tensor(shape: entry.shape, elementType: type, bytes: Array(data[(data.startIndex + entry.data_offsets[0])..<(data.startIndex + entry.data_offsets[1])]))
        }
        // As the format wants it: every byte of the data is some tensor's, and no other's.
        var end = 0
        for (name, entry) in entries.sorted(by: { ($0.value.data_offsets[0], $0.value.data_offsets[1]) < ($1.value.data_offsets[0], $1.value.data_offsets[1]) }) {
            guard entry.data_offsets[0] == end else { throw refuse("tensor '\(name)' begins at byte \(entry.data_offsets[0]) of the data, those before it end at \(end): \(entry.data_offsets[0] < end ? "they overlap" : "there is a gap")") }
            end = entry.data_offsets[1]
        }
        guard end == data.count else { throw refuse("its tensors end at byte \(end) of \(data.count) bytes of data: there is a gap") }
        if let expected = texts[Self.digestKey] {
            let place = Self.digestPlace(bytes, headerBytes: Int(length))
            if let place { bytes.replaceSubrange(place, with: repeatElement(UInt8(ascii: "0"), count: Self.digits)) }
            guard place != nil, unsafe SHA256Digest.hex(of: bytes.span.bytes) == expected else {
                throw refuse("its bytes are not those that were written (SHA-256 differs); take another checkpoint")
            }
        }
        self.tensors = tensors
        metadata = texts
        metadata[Self.digestKey] = nil
    }

    private struct Header: Decodable {
        var texts: [String: String] = [:]
        var entries: [String: Entry] = [:]

        private struct Name: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let header = try decoder.container(keyedBy: Name.self)
            for name in header.allKeys {
                if name.stringValue == "__metadata__" { texts = try header.decode([String: String].self, forKey: name) } else { entries[name.stringValue] = try header.decode(Entry.self, forKey: name) }
            }
        }
    }
}
