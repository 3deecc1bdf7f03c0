import ModelBundle
import Tensors

/// A batch norm, or a constant factor and offset for each channel, after a convolution becomes part of its weights.
///
/// conv(x) · f + o = conv′(x) with weights · f and bias · f + o. A batch norm that follows no convolution becomes one product and
/// one sum with constants.
extension Program {
    mutating func foldAffine() {
        let uses = useCounts
        var result: [Operation] = []
        result.reserveCapacity(operations.count)
        /// Where in `result` a value is made.
        var producer = [Int?](repeating: nil, count: values.count)
        func convolution(of value: ValueID) -> Int? {
            guard uses[value] == 1, let index = producer[value], result[index].kind == "Conv", result[index].outputs.count == 1,
                let weights = result[index].inputs[1], values[weights].constant != nil,
                result[index].inputs.count < 3 || result[index].inputs[2] == nil || values[result[index].inputs[2]!].constant != nil
            else { return nil }
            return index
        }
        for operation in operations {
            if let (input, factor, offset) = affine(operation), let output = operation.outputs[0] {
                if let index = convolution(of: input) {
                    scale(&result[index], factor: factor, offset: offset)
                    result[index].outputs[0] = output
                    producer[output] = index
                    continue
                }
                if operation.kind == "BatchNormalization" {
                    let shape = [values[input].type.shape[1]] + [Int](repeating: 1, count: values[input].type.rank - 2)
                    let scaled = add(Value(name: operation.name + " scaled", type: values[output].type, constant: nil, origin: values[output].origin))
                    producer += [nil, nil, nil]
                    let f = addConstant(Tensor(shape: shape, values: factor), name: operation.name + " factor")
                    let o = addConstant(Tensor(shape: shape, values: offset), name: operation.name + " offset")
                    result.append(Operation(kind: "Mul", name: operation.name, opset: 14, inputs: [input, f], outputs: [scaled]))
                    result.append(Operation(kind: "Add", name: operation.name, opset: 14, inputs: [scaled, o], outputs: [output]))
                    producer[output] = result.count - 1
                    continue
                }
            }
            for case let output? in operation.outputs { producer[output] = result.count }
            result.append(operation)
        }
        operations = result
    }

    /// The operation as y = x · factor + offset for each channel, where it is that.
    private func affine(_ operation: Operation) -> (input: ValueID, factor: [Float], offset: [Float])? {
        func floats(_ value: ValueID?) -> [Float]? {
            guard let value, let tensor = values[value].constant, tensor.elementType == .float32 else { return nil }
            return tensor.values(as: Float.self)
        }
        switch operation.kind {
        case "BatchNormalization":
            guard operation.inputs.count >= 5, operation.outputs.count == 1, let input = operation.inputs[0], let scale = floats(operation.inputs[1]),
                let bias = floats(operation.inputs[2]), let mean = floats(operation.inputs[3]), let variance = floats(operation.inputs[4])
            else { return nil }
            var epsilon: Float = 1e-5
            if case .float(let value)? = operation.attributes["epsilon"] { epsilon = value }
            let (factor, offset) = BatchNormalizationOperator.factors(scale: scale, bias: bias, mean: mean, variance: variance, epsilon: epsilon)
            return (input, factor, offset)
        case "Mul", "Add", "Sub", "Div":
            guard let left = operation.inputs[0], let right = operation.inputs[1], let output = operation.outputs[0] else { return nil }
            let isSwapped = values[left].constant != nil
            if isSwapped && (operation.kind == "Sub" || operation.kind == "Div") { return nil }
            let (input, constant) = isSwapped ? (right, left) : (left, right)
            let shape = values[input].type.shape
            guard shape.count >= 3, values[output].type.shape == shape, let given = floats(constant) else { return nil }
            let channels = shape[1]
            // One number, or one for each channel: [C, 1, …] with any leading ones.
            let aligned = [Int](repeating: 1, count: Swift.max(0, shape.count - values[constant].type.rank)) + values[constant].type.shape
            guard given.count == 1 || (given.count == channels && aligned[1] == channels) else { return nil }
            let each = given.count == 1 ? [Float](repeating: given[0], count: channels) : given
            let ones = [Float](repeating: 1, count: channels), zeros = [Float](repeating: 0, count: channels)
            switch operation.kind {
            case "Mul": return (input, each, zeros)
            case "Div": return (input, each.map { 1 / $0 }, zeros)
            case "Add": return (input, ones, each)
            default: return (input, ones, each.map { -$0 })
            }
        default: return nil
        }
    }

    private mutating func scale(_ convolution: inout Operation, factor: [Float], offset: [Float]) {
        guard let weights = convolution.inputs[1], let tensor = values[weights].constant else { return }
        var elements = tensor.values(as: Float.self)
        let size = elements.count / Swift.max(factor.count, 1)
        for channel in factor.indices {
            for index in channel * size..<(channel + 1) * size { elements[index] *= factor[channel] }
        }
        var bias = offset
        if convolution.inputs.count > 2, let old = convolution.inputs[2], let values = values[old].constant?.values(as: Float.self) {
            for channel in bias.indices { bias[channel] += values[channel] * factor[channel] }
        }
        convolution.inputs = [
            convolution.inputs[0], addConstant(Tensor(shape: tensor.shape, values: elements), name: values[weights].name),
            addConstant(Tensor(shape: [bias.count], values: bias), name: convolution.name + " bias"),
        ]
    }
}
