/// A dense row-major tensor that owns its bytes: a weight, a constant, or what goes into and comes out of a file.
///
/// Value semantics; safe to share between threads. Not used on the sample path, where networks write into their arena.
public struct Tensor: Sendable, Equatable {
    /// Sizes of the dimensions, outermost first; empty for a scalar.
    public let shape: [Int]
    public let elementType: ElementType
    /// The elements in row-major order and native (little) endianness.
    public private(set) var bytes: [UInt8]

    /// - Precondition: `bytes.count == elementCount(shape) * elementType.size`.
    public init(shape: [Int], elementType: ElementType, bytes: [UInt8]) {
        precondition(
            bytes.count == Self.elementCount(shape) * elementType.size,
            "\(bytes.count) bytes for shape \(shape) of \(elementType)")
        self.shape = shape
        self.elementType = elementType
        self.bytes = bytes
    }

    /// - Precondition: `values.count` is the product of `shape`.
    public init<Element: TensorElement>(shape: [Int], values: [Element]) {
        let bytes = unsafe values.withUnsafeBytes { unsafe Array($0) }
        self.init(shape: shape, elementType: Element.elementType, bytes: bytes)
    }

    public init<Element: TensorElement>(scalar value: Element) {
        self.init(shape: [], values: [value])
    }

    public init(zeros shape: [Int], elementType: ElementType) {
        self.init(
            shape: shape, elementType: elementType,
            bytes: [UInt8](repeating: 0, count: Self.elementCount(shape) * elementType.size))
    }

    public var count: Int { Self.elementCount(shape) }

    public static func elementCount(_ shape: [Int]) -> Int { shape.reduce(1, *) }

    /// The elements, copied out. Boolean tensors are read as `UInt8`.
    /// - Precondition: the tensor holds elements of that type.
    public func values<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
        precondition(
            elementType == Element.elementType || (elementType == .bool && Element.elementType == .uint8),
            "tensor holds \(elementType), not \(Element.elementType)")
        return unsafe bytes.withUnsafeBytes { raw in
            unsafe [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
                unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(from: raw)
                initialized = raw.count / MemoryLayout<Element>.stride
            }
        }
    }

    /// The same elements under another shape.
    /// - Precondition: the element counts agree.
    public func reshaped(_ shape: [Int]) -> Tensor {
        Tensor(shape: shape, elementType: elementType, bytes: bytes)
    }
}
