import ModelBundle
import Tensors

/// An element type that operators compute with. Integer sums and products wrap, as ONNX's reference does.
protocol NumericElement: TensorElement, Comparable {
    static var zero: Self { get }
    /// Below and above every other value: infinities where there are some.
    static var lowest: Self { get }
    static var highest: Self { get }

    static func sum(_ a: Self, _ b: Self) -> Self
    static func difference(_ a: Self, _ b: Self) -> Self
    static func product(_ a: Self, _ b: Self) -> Self
    /// Truncated for integers; 0 where an integer is divided by 0.
    static func quotient(_ a: Self, _ b: Self) -> Self
    /// With the sign of the dividend (C's `fmod`) or of the divisor (Python's `%`); 0 for an integer modulo 0.
    static func remainder(_ a: Self, _ b: Self, hasSignOfDividend: Bool) -> Self

    /// Integers truncate and saturate; not-a-number becomes 0.
    init(converting value: Double)
    var double: Double { get }
    var isNotANumber: Bool { get }
}

extension NumericElement where Self: FixedWidthInteger {
    static var lowest: Self { .min }
    static var highest: Self { .max }
    static func sum(_ a: Self, _ b: Self) -> Self { a &+ b }
    static func difference(_ a: Self, _ b: Self) -> Self { a &- b }
    static func product(_ a: Self, _ b: Self) -> Self { a &* b }
    static func quotient(_ a: Self, _ b: Self) -> Self { b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue }
    static func remainder(_ a: Self, _ b: Self, hasSignOfDividend: Bool) -> Self {
        if b == 0 { return 0 }
        let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
        return hasSignOfDividend || rest == 0 || (rest < 0) == (b < 0) ? rest : rest &+ b
    }
    init(converting value: Double) {
        let rounded = value.isNaN ? 0 : value.rounded(.towardZero)
        self = Self(exactly: rounded) ?? (rounded < 0 ? .min : .max)
    }
    var double: Double { Double(self) }
    var isNotANumber: Bool { false }
}

extension NumericElement where Self: BinaryFloatingPoint {
    static var lowest: Self { -.infinity }
    static var highest: Self { .infinity }
    static func sum(_ a: Self, _ b: Self) -> Self { a + b }
    static func difference(_ a: Self, _ b: Self) -> Self { a - b }
    static func product(_ a: Self, _ b: Self) -> Self { a * b }
    static func quotient(_ a: Self, _ b: Self) -> Self { a / b }
    static func remainder(_ a: Self, _ b: Self, hasSignOfDividend: Bool) -> Self {
        let rest = a.truncatingRemainder(dividingBy: b)
        return hasSignOfDividend || rest == 0 || (rest < 0) == (b < 0) ? rest : rest + b
    }
    init(converting value: Double) { self = Self(value) }
    var double: Double { Double(self) }
    var isNotANumber: Bool { isNaN }
}

extension Float: NumericElement {}
extension Double: NumericElement {}
extension Int8: NumericElement {}
extension UInt8: NumericElement {}
extension Int16: NumericElement {}
extension UInt16: NumericElement {}
extension Int32: NumericElement {}
extension UInt32: NumericElement {}
extension Int64: NumericElement {}
extension UInt64: NumericElement {}

/// An operator whose kernel is written once for all element types; boolean values are bytes of 0 or 1.
protocol NumericOperator: Operator {
    func kernel<E: NumericElement>(_ node: NodeContext, _ type: E.Type) throws(InferenceError) -> Kernel

    /// The input whose element type counts.
    var typedInput: Int { get }
}

extension NumericOperator {
    var typedInput: Int { 0 }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        switch try node.type(typedInput).elementType {
        case .float32: try kernel(node, Float.self)
        case .float64: try kernel(node, Double.self)
        case .int8: try kernel(node, Int8.self)
        case .uint8, .bool: try kernel(node, UInt8.self)
        case .int16: try kernel(node, Int16.self)
        case .uint16: try kernel(node, UInt16.self)
        case .int32: try kernel(node, Int32.self)
        case .uint32: try kernel(node, UInt32.self)
        case .int64: try kernel(node, Int64.self)
        case .uint64: try kernel(node, UInt64.self)
        }
    }
}

extension ElementType {
    static let floats: [ElementType] = [.float32, .float64]
    /// All but `bool`.
    static let numbers: [ElementType] = allCases.filter { $0 != .bool }
}

extension NodeContext {
    /// The element type of input 0, which the other inputs of `range` must hold as well.
    func commonElementType(_ range: Range<Int>, among types: [ElementType] = ElementType.numbers) throws(InferenceError) -> ElementType {
        let type = try type(range.lowerBound, among: types).elementType
        for index in range.dropFirst() {
            guard try self.type(index).elementType == type else {
                throw malformed("input \(index) holds \(try self.type(index).elementType), input \(range.lowerBound) holds \(type)")
            }
        }
        return type
    }
}
