import CKernels
import ModelBundle
import Tensors

/// Sums with a residual and activations that follow a convolution or a matrix product become its last step.
extension Program {
    mutating func fuseEpilogues(options: NetworkOptions, weights: WeightStore) throws(InferenceError) {
        let uses = useCounts
        var result: [Operation?] = []
        var producer = [Int?](repeating: nil, count: values.count)
        /// Where the only reader of `value` could join what makes it.
        func target(_ value: ValueID, allowingGemm: Bool = true) -> Int? {
            guard uses[value] == 1, let index = producer[value], let operation = result[index], operation.attributes["activation"] == nil else { return nil }
            return operation.kind == "fwoc.Conv" || (allowingGemm && operation.kind == "Gemm") || (allowingGemm && operation.kind == "fwoc.Gemm") ? index : nil
        }
        for operation in operations {
            if operation.outputs.count == 1, let output = operation.outputs[0] {
                if operation.kind == "Add", let left = operation.inputs[0], let right = operation.inputs[1], left != right,
                    values[left].type == values[right].type, values[left].constant == nil, values[right].constant == nil
                {
                    // The one that is made later takes the other as its residual, and runs where the sum was.
                    let candidates = [left, right].compactMap { value in target(value, allowingGemm: false).map { (value, $0) } }
                        .filter { result[$0.1]!.inputs.count < 5 }
                    if let (value, index) = candidates.max(by: { $0.1 < $1.1 }), var convolution = result[index] {
                        while convolution.inputs.count < 4 { convolution.inputs.append(nil) }
                        convolution.inputs.append(value == left ? right : left)
                        convolution.outputs = [output]
                        result[index] = nil
                        producer[output] = result.count
                        result.append(convolution)
                        continue
                    }
                }
                if let input = operation.inputs.first ?? nil, let index = target(input), let epilogue = try epilogue(operation, options: options, weights: weights),
                    epilogue.slope == nil || result[index]!.kind == "fwoc.Conv"
                {
                    var joined = result[index]!
                    let isGemm = joined.kind != "fwoc.Conv"
                    if isGemm { joined.kind = "fwoc.Gemm" }
                    joined.attributes["activation"] = .int(Int(epilogue.activation.kind))
                    joined.attributes[isGemm ? "actAlpha" : "alpha"] = .float(epilogue.activation.alpha)
                    joined.attributes[isGemm ? "actBeta" : "beta"] = .float(epilogue.activation.beta)
                    if let slope = epilogue.slope {
                        while joined.inputs.count < 4 { joined.inputs.append(nil) }
                        producer.append(nil)
                        joined.inputs[3] = addConstant(Tensor(shape: [slope.count], values: slope), name: operation.name + " slope")
                    }
                    joined.outputs = [output]
                    result[index] = joined
                    producer[output] = index
                    continue
                }
            }
            for case let output? in operation.outputs { producer[output] = result.count }
            result.append(operation)
        }
        operations = result.compactMap { $0 }
    }

    /// The activation that a kernel applies in place of this operation, where it can.
    private func epilogue(
        _ operation: Operation, options: NetworkOptions, weights: WeightStore
    ) throws(InferenceError) -> (activation: inference_activation, slope: [Float]?)? {
        let context = context(operation, options: options, weights: weights)
        guard let input = operation.inputs[0], values[input].type.elementType == .float32 else { return nil }
        switch operation.kind {
        case "Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "fwoc.Silu":
            return (try FloatMapOperator.activation(context), nil)
        case "Clip":
            if operation.opset >= 11 {
                for case let bound? in operation.inputs.dropFirst() where values[bound].constant == nil { return nil }
            }
            let (lower, upper) = try ClipOperator.bounds(context)
            return (inference_activation(Int(inference_clip), lower, upper), nil)
        case "PRelu":
            guard let slope = operation.inputs[1], let tensor = values[slope].constant, let channels = values[input].type.shape.last else { return nil }
            if tensor.count == 1 { return (inference_activation(Int(inference_leaky_relu), tensor.values(as: Float.self)[0]), nil) }
            guard tensor.count == channels, tensor.shape.last == channels else { return nil }
            return (inference_activation(Int(inference_prelu)), tensor.values(as: Float.self))
        default: return nil
        }
    }
}
