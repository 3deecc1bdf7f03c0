import Tensors

/// `Min`, `Max`, `Sum`, `Mean` of any number of operands, all broadcast. Not-a-number wins over every number.
struct VariadicOperator: NumericOperator {
    static let names = ["Min", "Max", "Sum", "Mean"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let isOrdering = node.operation == "Min" || node.operation == "Max"
        guard !node.inputs.isEmpty else { throw node.malformed("no inputs") }
        let type = try node.commonElementType(0..<node.inputs.count, among: isOrdering ? ElementType.numbers : ElementType.floats)
        return [try node.makeType(try node.broadcast(0..<node.inputs.count), type)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let result = node.outputs[0]
        var walks: [BroadcastWalk] = []
        for index in node.inputs.indices { walks.append(BroadcastWalk(result.shape, try node.shape(index), to: result.shape)) }
        let all = walks, count = result.count
        let divisor = node.operation == "Mean" ? E(converting: Double(walks.count)) : nil
        let combine: (E, E) -> E =
            switch node.operation {
            case "Min": { $0.isNotANumber || $0 < $1 ? $0 : $1 }
            case "Max": { $0.isNotANumber || $0 > $1 ? $0 : $1 }
            default: { E.sum($0, $1) }
            }
        return Kernel { arguments in
            let y = unsafe arguments.outputPointer(0, as: E.self)
            for (position, walk) in all.enumerated() {
                let x = unsafe arguments.inputPointer(position, as: E.self)
                walk.forEachRun { own, ownStep, other, otherStep, _, count in
                    for index in 0..<count {
                        let value = unsafe x[other + index * otherStep]
                        let target = own + index * ownStep
                        unsafe y[target] = unsafe position == 0 ? value : combine(y[target], value)
                    }
                }
            }
            if let divisor {
                for index in 0..<count { unsafe y[index] = unsafe E.quotient(y[index], divisor) }
            }
        }
    }
}

/// `Mod` with broadcasting: the sign of the divisor, or of the dividend with `fmod`. An integer modulo 0 is 0.
struct ModOperator: NumericOperator {
    static let names = ["Mod"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        [try node.makeType(try node.broadcast(0..<2), try node.commonElementType(0..<2))]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let walk = BroadcastWalk(try node.shape(0), try node.shape(1), to: node.outputs[0].shape)
        let hasSignOfDividend = try node.int("fmod", default: 0) != 0
        return Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: E.self), z = unsafe arguments.inputPointer(1, as: E.self)
            let y = unsafe arguments.outputPointer(0, as: E.self)
            walk.forEachRun { left, leftStep, right, rightStep, result, count in
                for index in 0..<count {
                    unsafe y[result + index] = unsafe E.remainder(
                        x[left + index * leftStep], z[right + index * rightStep], hasSignOfDividend: hasSignOfDividend)
                }
            }
        }
    }
}
