import Tensors

/// `Cast` between the element types. Floats are truncated towards zero; what does not fit saturates, NaN becomes 0.
struct CastOperator: Operator {
    static let names = ["Cast", "CastLike"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        if node.operation == "CastLike" { return [try node.makeType(type.shape, node.type(1).elementType)] }
        let target: ElementType
        switch try node.int("to") {
        case 1: target = .float32
        case 2: target = .uint8
        case 3: target = .int8
        case 4: target = .uint16
        case 5: target = .int16
        case 6: target = .int32
        case 7: target = .int64
        case 9: target = .bool
        case 11: target = .float64
        case 12: target = .uint32
        case 13: target = .uint64
        case let code: throw node.unsupported("element type number \(code)")
        }
        return [try node.makeType(type.shape, target)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let source = try node.type(0).elementType, target = node.outputs[0].elementType
        if source == target { return Kernel(.view(ofInput: 0)) }
        switch source {
        case .float32: return Self.fromFloat(Float.self, target)
        case .float64: return Self.fromFloat(Double.self, target)
        case .int8: return Self.fromInteger(Int8.self, target)
        case .uint8, .bool: return Self.fromInteger(UInt8.self, target)
        case .int16: return Self.fromInteger(Int16.self, target)
        case .uint16: return Self.fromInteger(UInt16.self, target)
        case .int32: return Self.fromInteger(Int32.self, target)
        case .uint32: return Self.fromInteger(UInt32.self, target)
        case .int64: return Self.fromInteger(Int64.self, target)
        case .uint64: return Self.fromInteger(UInt64.self, target)
        }
    }

    private static func each<S: TensorElement, T: TensorElement>(_: S.Type, _: T.Type, _ convert: @escaping (S) -> T) -> Kernel {
        Kernel { arguments in
            let x = arguments.input(0, as: S.self)
            var y = arguments.output(0, as: T.self)
            for index in x.indices { y[index] = convert(x[index]) }
        }
    }

    private static func fromFloat<S: TensorElement & BinaryFloatingPoint>(_: S.Type, _ target: ElementType) -> Kernel {
        func integer<T: TensorElement & FixedWidthInteger>(_: T.Type) -> Kernel {
            each(S.self, T.self) { value in
                if value.isNaN { return 0 }
                let rounded = value.rounded(.towardZero)
                return T(exactly: rounded) ?? (rounded < 0 ? T.min : T.max)
            }
        }
        switch target {
        case .float32: return each(S.self, Float.self) { Float($0) }
        case .float64: return each(S.self, Double.self) { Double($0) }
        case .bool: return each(S.self, UInt8.self) { $0 != 0 ? 1 : 0 }
        case .int8: return integer(Int8.self)
        case .uint8: return integer(UInt8.self)
        case .int16: return integer(Int16.self)
        case .uint16: return integer(UInt16.self)
        case .int32: return integer(Int32.self)
        case .uint32: return integer(UInt32.self)
        case .int64: return integer(Int64.self)
        case .uint64: return integer(UInt64.self)
        }
    }

    private static func fromInteger<S: TensorElement & FixedWidthInteger>(_: S.Type, _ target: ElementType) -> Kernel {
        switch target {
        case .float32: each(S.self, Float.self) { Float($0) }
        case .float64: each(S.self, Double.self) { Double($0) }
        case .bool: each(S.self, UInt8.self) { $0 != 0 ? 1 : 0 }
        case .int8: each(S.self, Int8.self) { Int8(truncatingIfNeeded: $0) }
        case .uint8: each(S.self, UInt8.self) { UInt8(truncatingIfNeeded: $0) }
        case .int16: each(S.self, Int16.self) { Int16(truncatingIfNeeded: $0) }
        case .uint16: each(S.self, UInt16.self) { UInt16(truncatingIfNeeded: $0) }
        case .int32: each(S.self, Int32.self) { Int32(truncatingIfNeeded: $0) }
        case .uint32: each(S.self, UInt32.self) { UInt32(truncatingIfNeeded: $0) }
        case .int64: each(S.self, Int64.self) { Int64(truncatingIfNeeded: $0) }
        case .uint64: each(S.self, UInt64.self) { UInt64(truncatingIfNeeded: $0) }
        }
    }
}
