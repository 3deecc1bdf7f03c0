import ModelBundle
import Tensors

/// Which axis of each value of a program is time.
struct TimeTracing {
    /// By value; `nil` where a value does not change with time.
    private(set) var axes: [Int?]
    /// Why a value's axis could not be followed, by value.
    private(set) var failures: [Program.ValueID: String] = [:]

    /// - Parameter units: units of time in the program, at least 2.
    init(_ program: Program, inputs: [String: TimeInput], units: Int) {
        axes = [Int?](repeating: nil, count: program.values.count)
        for id in program.inputs { axes[id] = inputs[program.values[id].name]?.axis }
        for operation in program.operations {
            let timed = operation.inputs.compactMap { $0 }.filter { axes[$0] != nil }
            guard !timed.isEmpty else { continue }
            for (position, output) in operation.outputs.enumerated() {
                guard let output else { continue }
                if let axis = position == 0 ? follow(operation, program) : nil {
                    axes[output] = axis
                } else {
                    axes[output] = -1
                    failures[output] = "\(operation.kind) node '\(operation.name)' cannot be run a few frames at a time: it mixes frames in another way than a convolution"
                }
            }
        }
    }

    /// The output's time axis; `nil` where the operation does not keep one.
    private func follow(_ operation: Program.Operation, _ program: Program) -> Int? {
        func shape(_ id: Program.ValueID) -> [Int] { program.values[id].type.shape }
        func axes(_ position: Int = 0) -> Int? { operation.inputs.indices.contains(position) ? operation.inputs[position].flatMap { self.axes[$0] } : nil }
        guard operation.inputs.allSatisfy({ $0.map { self.axes[$0] != -1 } ?? true }), case let output?? = operation.outputs.first else { return nil }
        let result = shape(output)
        switch operation.kind {
        case "Conv", "MaxPool", "AveragePool":
            guard let axis = axes(), axis != 1 else { return nil }
            return axis
        case "GlobalAveragePool", "GlobalMaxPool":
            guard let axis = axes(), axis == 0 else { return nil }
            return axis
        case "Transpose":
            guard let axis = axes(), let input = operation.inputs[0] else { return nil }
            var permutation = Array((0..<shape(input).count).reversed())
            if case .ints(let given)? = operation.attributes["perm"] { permutation = given }
            return permutation.firstIndex(of: axis)
        case "Reshape", "Squeeze", "Unsqueeze", "Flatten":
            // The axis that has as many elements before it, and the same size.
            guard let axis = axes(), let input = operation.inputs[0] else { return nil }
            let before = shape(input)[..<axis].reduce(1, *), size = shape(input)[axis]
            var product = 1
            for (position, other) in result.enumerated() {
                if product == before && other == size { return position }
                product *= other
            }
            return nil
        case "Concat":
            guard case .int(let given)? = operation.attributes["axis"] else { return nil }
            let joined = given < 0 ? given + result.count : given
            guard let axis = axes(), axis != joined, operation.inputs.allSatisfy({ $0.map { self.axes[$0] == axis } ?? false }) else { return nil }
            return axis
        case "BatchNormalization", "InstanceNormalization":
            guard let axis = axes(), operation.kind == "BatchNormalization" ? axis != 1 : axis == 0 else { return nil }
            return axis
        case "MatMul", "Gemm":
            // Rows of the left operand.
            guard let axis = axes(), axes(1) == nil, let input = operation.inputs[0], axis < shape(input).count - 1, shape(input).count == result.count,
                operation.kind == "MatMul" || operation.attributes["transA"] == nil || operation.attributes["transA"] == .int(0)
            else { return nil }
            return axis
        case "Softmax", "LogSoftmax", "LpNormalization":
            guard let axis = axes(), operation.opset >= 13 || operation.kind == "LpNormalization" else { return nil }
            var over = -1
            if case .int(let given)? = operation.attributes["axis"] { over = given }
            return (over < 0 ? over + result.count : over) == axis ? nil : axis
        case "LayerNormalization":
            guard let axis = axes() else { return nil }
            var first = -1
            if case .int(let given)? = operation.attributes["axis"] { first = given }
            return axis < (first < 0 ? first + result.count : first) ? axis : nil
        case let kind where kind.hasPrefix("Reduce"):
            guard let axis = axes(), let input = operation.inputs[0] else { return nil }
            var over: [Int]
            if case .ints(let given)? = operation.attributes["axes"] {
                over = given
            } else if operation.inputs.count > 1, let id = operation.inputs[1], let constant = program.values[id].constant, constant.elementType == .int64 {
                over = constant.values(as: Int64.self).map { Int($0) }
            } else {
                return nil
            }
            over = over.map { $0 < 0 ? $0 + shape(input).count : $0 }
            guard !over.contains(axis) else { return nil }
            if case .int(0)? = operation.attributes["keepdims"] { return axis - over.filter { $0 < axis }.count }
            return axis
        case let kind where ElementwiseKinds.maps.contains(kind) || ElementwiseKinds.combinations.contains(kind):
            // Aligned at the last axis; what is not a stream must be the same for every frame.
            var found: Int?
            for case let input? in operation.inputs {
                guard let axis = self.axes[input] else { continue }
                let aligned = axis + result.count - shape(input).count
                guard found == nil || found == aligned else { return nil }
                found = aligned
            }
            guard let found else { return nil }
            for case let input? in operation.inputs where self.axes[input] == nil {
                let position = found - (result.count - shape(input).count)
                if position >= 0 && shape(input)[position] != 1 { return nil }
            }
            return found
        default: return nil
        }
    }
}

/// Operators that work on each element alone.
enum ElementwiseKinds {
    /// Of one value; further inputs are parameters.
    static let maps: Set<String> = [
        "Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Exp", "Sqrt", "Abs", "Neg", "Reciprocal", "Clip", "Identity", "Dropout",
        "Elu", "Selu", "Celu", "Gelu", "Erf", "Softplus", "Softsign", "Mish", "ThresholdedRelu", "Log", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos",
        "Cast", "Not", "QuantizeLinear", "DequantizeLinear",
    ]
    /// Of values that are broadcast to each other.
    static let combinations: Set<String> = [
        "Add", "Sub", "Mul", "Div", "PRelu", "Pow", "Min", "Max", "Mean", "Sum", "Where", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual",
        "And", "Or", "Xor", "Mod",
    ]
}
