import Tensors

/// `Equal`, `Less`, `Greater` and their kin, `And`, `Or`, `Xor`: two operands, broadcast, to booleans.
struct ComparisonOperator: NumericOperator {
    static let names = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let allowed: [ElementType] =
            switch node.operation {
            case "And", "Or", "Xor": [.bool]
            case "Equal": ElementType.allCases
            default: ElementType.numbers
            }
        _ = try node.commonElementType(0..<2, among: allowed)
        return [try node.makeType(try node.broadcast(0..<2), .bool)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let walk = BroadcastWalk(try node.shape(0), try node.shape(1), to: node.outputs[0].shape)
        func kernel(_ holds: @escaping (E, E) -> Bool) -> Kernel {
            Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: E.self), z = unsafe arguments.inputPointer(1, as: E.self)
                let y = unsafe arguments.outputPointer(0, as: UInt8.self)
                walk.forEachRun { left, leftStep, right, rightStep, result, count in
                    for index in 0..<count {
                        unsafe y[result + index] = unsafe holds(x[left + index * leftStep], z[right + index * rightStep]) ? 1 : 0
                    }
                }
            }
        }
        switch node.operation {
        case "Equal": return kernel { $0 == $1 }
        case "Less": return kernel { $0 < $1 }
        case "LessOrEqual": return kernel { $0 <= $1 }
        case "Greater": return kernel { $0 > $1 }
        case "GreaterOrEqual": return kernel { $0 >= $1 }
        case "And": return kernel { $0 != .zero && $1 != .zero }
        case "Or": return kernel { $0 != .zero || $1 != .zero }
        case "Xor": return kernel { ($0 != .zero) != ($1 != .zero) }
        default: throw node.unsupported("not a comparison")
        }
    }
}

/// `Not`, `IsNaN`, `IsInf`: one operand, to booleans.
struct PredicateOperator: NumericOperator {
    static let names = ["Not", "IsNaN", "IsInf"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: node.operation == "Not" ? [.bool] : ElementType.floats)
        return [try node.makeType(type.shape, .bool)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        func kernel(_ holds: @escaping (E) -> Bool) -> Kernel {
            Kernel { arguments in
                let x = arguments.input(0, as: E.self)
                var y = arguments.output(0, as: UInt8.self)
                for index in x.indices { y[index] = holds(x[index]) ? 1 : 0 }
            }
        }
        switch node.operation {
        case "Not": return kernel { $0 == .zero }
        case "IsNaN": return kernel { $0.isNotANumber }
        case "IsInf":
            let seesNegative = try node.int("detect_negative", default: 1) != 0, seesPositive = try node.int("detect_positive", default: 1) != 0
            return kernel { (seesNegative && $0.double == -.infinity) || (seesPositive && $0.double == .infinity) }
        default: throw node.unsupported("not a predicate")
        }
    }
}

/// `Where`: x where the condition holds, otherwise y; all three are broadcast.
struct WhereOperator: Operator {
    static let names = ["Where"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        _ = try node.type(0, among: [.bool])
        let type = try node.commonElementType(1..<3, among: ElementType.allCases)
        return [try node.makeType(try node.broadcast(0..<3), type)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        switch node.outputs[0].elementType.size {
        case 1: try Self.kernel(node, UInt8.self)
        case 2: try Self.kernel(node, UInt16.self)
        case 4: try Self.kernel(node, UInt32.self)
        default: try Self.kernel(node, UInt64.self)
        }
    }

    private static func kernel<E: BitwiseCopyable>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let result = node.outputs[0].shape
        let first = BroadcastWalk(try node.shape(0), try node.shape(1), to: result)
        let second = BroadcastWalk(try node.shape(0), try node.shape(2), to: result)
        return Kernel { arguments in
            let condition = unsafe arguments.inputPointer(0, as: UInt8.self)
            let y = unsafe arguments.outputPointer(0, as: E.self)
            func choose(_ walk: BroadcastWalk, _ source: UnsafePointer<E>, where isChosen: Bool) {
                walk.forEachRun { left, leftStep, right, rightStep, result, count in
                    for index in 0..<count where unsafe (condition[left + index * leftStep] != 0) == isChosen {
                        unsafe y[result + index] = unsafe source[right + index * rightStep]
                    }
                }
            }
            unsafe choose(first, arguments.inputPointer(1, as: E.self), where: true)
            unsafe choose(second, arguments.inputPointer(2, as: E.self), where: false)
        }
    }
}
