/// Types of number that a shard holds, little-endian.
public enum ElementType: String, Codable, Hashable, Sendable, CaseIterable {
    case uint8, int16, int32, int64, float32

    public var byteCount: Int {
        switch self {
        case .uint8: 1
        case .int16: 2
        case .int32, .float32: 4
        case .int64: 8
        }
    }
}

/// A Swift type that a shard's numbers can be read as, where they lie.
public protocol ShardElement: BitwiseCopyable, Sendable { static var elementType: ElementType { get } }

extension UInt8: ShardElement { public static var elementType: ElementType { .uint8 } }
extension Int16: ShardElement { public static var elementType: ElementType { .int16 } }
extension Int32: ShardElement { public static var elementType: ElementType { .int32 } }
extension Int64: ShardElement { public static var elementType: ElementType { .int64 } }
extension Float: ShardElement { public static var elementType: ElementType { .float32 } }

/// One kind of data that every row of a shard has: a modality's crops or samples, or what is known about them.
///
/// A row's value is any number of entries of one shape: `[entries] + shape`, row-major. No entry means that the row lacks this modality, which
/// is not the same as zeros. A new modality is a new declaration; the format and its reader know no names.
public struct ColumnDeclaration: Codable, Hashable, Sendable {
    /// Lower-case words joined with dots, for example `face.quality`.
    public var name: String
    public var element: ElementType
    /// Of one entry; empty for a single number.
    public var shape: [Int]
    /// What the numbers along the last dimension are, where they are not alike.
    public var fields: [String]?
    /// Canonical text of the front end that made the values (`FrontEndContract.fingerprint`), where one did.
    public var frontEnd: String?

    public init(_ name: String, _ element: ElementType, shape: [Int] = [], fields: [String]? = nil, frontEnd: String? = nil) {
        self.name = name
        self.element = element
        self.shape = shape
        self.fields = fields
        self.frontEnd = frontEnd
    }

    /// Numbers in one entry.
    public var entryElements: Int { shape.reduce(1, *) }
    public var entryBytes: Int { entryElements * element.byteCount }

    /// Whether the sizes are such that no offset computed from them overflows.
    var isSane: Bool {
        guard !name.isEmpty, shape.count <= 8 else { return false }
        var bytes = element.byteCount
        for side in shape {
            guard side > 0, side <= 1 << 24 else { return false }
            bytes *= side
            guard bytes <= 1 << 32 else { return false }
        }
        return true
    }
}
