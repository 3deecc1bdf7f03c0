/// The element types that tensors hold, with their ONNX meaning.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
    case float32, float64, int8, uint8, int16, uint16, int32, uint32, int64, uint64, bool

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .int16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}

/// A Swift type that can be the element of a ``Tensor``: trivially copyable, every bit pattern valid.
///
/// `Bool` is not one, because not every byte is a valid `Bool`; boolean tensors are read and written as `UInt8` (0 or 1).
public protocol TensorElement: BitwiseCopyable, Sendable, Equatable {
    static var elementType: ElementType { get }
}

extension Float: TensorElement { public static var elementType: ElementType { .float32 } }
extension Double: TensorElement { public static var elementType: ElementType { .float64 } }
extension Int8: TensorElement { public static var elementType: ElementType { .int8 } }
extension UInt8: TensorElement { public static var elementType: ElementType { .uint8 } }
extension Int16: TensorElement { public static var elementType: ElementType { .int16 } }
extension UInt16: TensorElement { public static var elementType: ElementType { .uint16 } }
extension Int32: TensorElement { public static var elementType: ElementType { .int32 } }
extension UInt32: TensorElement { public static var elementType: ElementType { .uint32 } }
extension Int64: TensorElement { public static var elementType: ElementType { .int64 } }
extension UInt64: TensorElement { public static var elementType: ElementType { .uint64 } }
