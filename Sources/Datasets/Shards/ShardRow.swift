/// What one row holds in one column: entries and their bytes, as they will lie in the file.
public struct ShardValue: Sendable, Hashable {
    public let element: ElementType
    public let entries: Int
    public let bytes: [UInt8]

    /// The row lacks this modality.
    public static func absent(_ column: ColumnDeclaration) -> ShardValue { ShardValue(element: column.element, entries: 0, bytes: []) }

    init(element: ElementType, entries: Int, bytes: [UInt8]) {
        self.element = element
        self.entries = entries
        self.bytes = bytes
    }

    /// - Parameter elements: `[entries] + shape`, row-major.
    public init<Element: ShardElement>(_ elements: [Element], entries: Int) {
        self.entries = entries
        element = Element.elementType
        bytes = unsafe elements.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// One number.
    public init<Element: ShardElement>(_ number: Element) { self.init([number], entries: 1) }

    /// UTF-8, an entry a byte.
    public init(_ text: String) { self.init([UInt8](text.utf8), entries: text.utf8.count) }
}

/// One row to be written: a value for every column.
public struct ShardRow: Sendable, Hashable {
    public var values: [String: ShardValue]

    /// A column that is not named is absent from the row.
    public init(_ values: [String: ShardValue]) { self.values = values }

    /// Bytes in a file, each value beginning at a multiple of 64, given that the row does.
    func byteCount(_ description: ShardDescription) -> Int {
        description.columns.reduce(0) { $0 + ShardFormat.aligned(values[$1.name]?.bytes.count ?? 0) }
    }
}
