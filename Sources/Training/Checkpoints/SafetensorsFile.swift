public import Foundation
import ModelBundle
public import Tensors

/// Named tensors with text about them in one file, in the format of the same name: 8 bytes with the length of a JSON header, the header (each tensor's type,
/// shape and place, and `__metadata__` as text), then the bytes. Opens in Python with `safetensors`.
///
/// A file is written whole or not at all, and carries the SHA-256 of its bytes in the metadata (`fwoc.sha256`), so that a flipped one is noticed.
public struct SafetensorsFile: Sendable, Equatable {
    public var tensors: [String: Tensor]
    public var metadata: [String: String]

    public init(tensors: [String: Tensor], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    private static let digestKey = "fwoc.sha256"
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
        texts[Self.digestKey] = unsafe SHA256Digest.hex(of: data.span.bytes)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            // The two kinds of values of the header are encoded apart and joined.
            let head = try encoder.encode(["__metadata__": texts]), rest = try encoder.encode(entries)
            var header = [UInt8](head.dropLast()) + (entries.isEmpty ? [] : [UInt8(ascii: ",")]) + [UInt8](rest.dropFirst())
            // Data begin at a multiple of 8.
            while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
            return unsafe withUnsafeBytes(of: UInt64(header.count).littleEndian) { unsafe [UInt8]($0) } + header + data
        } catch {
            throw FitError(.internalError, "the header of a safetensors file cannot be encoded: \(error)")
        }
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
        let bytes: [UInt8]
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
            texts = try JSONDecoder().decode(Metadata.self, from: header).texts ?? [:]
            entries = try JSONDecoder().decode([String: Lenient].self, from: header).compactMapValues(\.entry)
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
        if let expected = texts[Self.digestKey], unsafe SHA256Digest.hex(of: Array(data).span.bytes) != expected {
            throw refuse("its bytes are not those that were written (SHA-256 differs); take another checkpoint")
        }
        self.tensors = tensors
        metadata = texts
        metadata[Self.digestKey] = nil
    }

    private struct Metadata: Decodable {
        var texts: [String: String]?
        enum CodingKeys: String, CodingKey { case texts = "__metadata__" }
    }

    /// A tensor's entry, or the metadata.
    private struct Lenient: Decodable {
        var entry: Entry?
        init(from decoder: any Decoder) throws {
            entry = try? Entry(from: decoder)
            if entry == nil { _ = try [String: String](from: decoder) }
        }
    }
}
