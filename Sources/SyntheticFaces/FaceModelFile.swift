import CKernels
import Foundation

/// The container of a face model: named arrays.
///
/// Little-endian. `FWOCFACE`, version (u32), number of sections (u32), the sections, CRC-32C of everything before it (u32). A section: name (24 bytes, zero
/// padded), kind (u32: 1 int8, 2 uint16, 3 float32), three extents (u32, 1 where there is none), values row-major, zeros up to a multiple of four bytes.
public struct FaceModelFile: Sendable {
    public enum Values: Sendable, Hashable {
        case int8([Int8])
        case uint16([UInt16])
        case float([Float])

        public var count: Int {
            switch self {
            case .int8(let values): values.count
            case .uint16(let values): values.count
            case .float(let values): values.count
            }
        }
    }

    public struct Section: Sendable, Hashable {
        public var extents: [Int]
        public var values: Values
    }

    public static let version: UInt32 = 1
    /// Nothing larger is read.
    public static let mostBytes = 16 << 20
    static let magic = Array("FWOCFACE".utf8)

    /// In the order of the file.
    public private(set) var names: [String] = []
    public private(set) var sections: [String: Section] = [:]

    public init() {}

    /// - Precondition: the name is new and has 1…24 ASCII bytes; 1…3 extents, whose product is the number of values.
    public mutating func add(_ name: String, _ extents: [Int], _ values: Values) {
        precondition(sections[name] == nil && (1...24).contains(name.utf8.count), "section \(name)")
        precondition((1...3).contains(extents.count) && extents.reduce(1, *) == values.count, "section \(name): \(extents) of \(values.count) values")
        names.append(name)
        sections[name] = Section(extents: extents + Array(repeating: 1, count: 3 - extents.count), values: values)
    }

    public func bytes() -> [UInt8] {
        var bytes = Self.magic
        func append(_ value: UInt32) { for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) } }
        append(Self.version)
        append(UInt32(names.count))
        for name in names {
            guard let section = sections[name] else { continue }
            bytes += Array(name.utf8) + Array(repeating: 0, count: 24 - name.utf8.count)
            switch section.values {
            case .int8: append(1)
            case .uint16: append(2)
            case .float: append(3)
            }
            section.extents.forEach { append(UInt32($0)) }
            switch section.values {
            case .int8(let values): bytes += values.map { UInt8(bitPattern: $0) }
            case .uint16(let values): values.forEach { bytes.append(UInt8(truncatingIfNeeded: $0)); bytes.append(UInt8(truncatingIfNeeded: $0 >> 8)) }
            case .float(let values): values.forEach { append($0.bitPattern) }
            }
            while bytes.count % 4 != 0 { bytes.append(0) }
        }
        append(Self.checksum(bytes[...]))
        return bytes
    }

    /// - Parameter path: for the errors.
    public init(_ bytes: [UInt8], path: String) throws(FaceModelError) {
        guard bytes.count >= 20, bytes.starts(with: Self.magic) else {
            throw .notAFaceModel(path: path, detail: "it does not begin with FWOCFACE")
        }
        guard bytes.count <= Self.mostBytes else { throw .notAFaceModel(path: path, detail: "\(bytes.count) bytes, expected at most \(Self.mostBytes)") }
        func word(_ at: Int) -> UInt32 {
            UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        }
        guard word(8) == Self.version else {
            throw .notAFaceModel(path: path, detail: "version \(word(8)), expected \(Self.version)")
        }
        let end = bytes.count - 4
        guard Self.checksum(bytes[..<end]) == word(end) else { throw .damaged(path: path, detail: "its checksum does not match") }
        var at = 16
        for index in 0..<Int(word(12)) {
            guard end - at >= 40 else { throw .damaged(path: path, detail: "it ends in section \(index)") }
            let name = String(decoding: bytes[at..<at + 24].prefix { $0 != 0 }, as: UTF8.self)
            let kind = word(at + 24)
            let extents = [Int(word(at + 28)), Int(word(at + 32)), Int(word(at + 36))]
            at += 40
            guard let width = [1: 1, 2: 2, 3: 4][kind] else { throw .damaged(path: path, detail: "section \(name) has kind \(kind), expected 1, 2 or 3") }
            // Each extent is below 2³²; checked one at a time, so the product cannot overflow.
            var count = 1
            for extent in extents {
                guard extent >= 1, extent <= (end - at) / width / count else {
                    throw .damaged(path: path, detail: "section \(name) of \(extents.map(String.init).joined(separator: "×")) values goes beyond the end")
                }
                count *= extent
            }
            guard sections[name] == nil, !name.isEmpty else { throw .damaged(path: path, detail: "section \(name.isEmpty ? "without a name" : name + " twice")") }
            let start = at
            let values: Values =
                switch kind {
                case 1: .int8(bytes[start..<start + count].map { Int8(bitPattern: $0) })
                case 2: .uint16((0..<count).map { UInt16(bytes[start + 2 * $0]) | UInt16(bytes[start + 2 * $0 + 1]) << 8 })
                default: .float((0..<count).map { Float(bitPattern: word(start + 4 * $0)) })
                }
            names.append(name)
            sections[name] = Section(extents: extents, values: values)
            at = min(end, (at + count * width + 3) & ~3)
        }
        guard at == end else { throw .damaged(path: path, detail: "\(end - at) bytes after the last section") }
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            return unsafe fwoc_crc32c(0, start, bytes.count)
        }
    }
}
