import CKernels
import ModelBundle
import Tensors

/// A layer in eight bits, channels-last: `fwoc.QuantizedConv`, and `fwoc.QuantizedGemm` for a matrix `[m, k]`.
///
/// Inputs: x (uint8), w (int8, as ONNX has it, the output channel first), bias (int32, in steps of both scales), factor (float32, for each output channel), slope of
/// PRelu, residual (uint8 or float32, in the shape of y). Attributes: those of the layer; `input_zero`, `output_zero`; `is_float` where y is not rounded;
/// `rounded_least`, `rounded_most` and `rounded_scale` where y is rounded before a residual of eight bits is added, with `residual_scale` and `residual_zero`.
/// CKernelsQuantized.h has the arithmetic, to the bit.
struct QuantizedLayerOperator: Operator {
    static let names = ["fwoc.QuantizedConv", "fwoc.QuantizedGemm"]

    private struct Layer {
        let description: inference_quantized_conv
        let output: [Int]
        let work: Int
    }

    private static func layer(_ node: NodeContext) throws(InferenceError) -> Layer {
        let shape = try node.type(0, among: [.uint8]).shape, weights = try node.type(1, among: [.int8]).shape
        guard shape.count >= 2, weights.count == shape.count, shape.count <= 5 else { throw node.malformed("weights of shape \(weights) for \(shape)") }
        let channels = shape[shape.count - 1], spatial = Array(shape[1..<(shape.count - 1)])
        let groups = try node.int("group", default: 1)
        let window = spatial.isEmpty
            ? try Window(node, input: [1], kernel: [1], channels: channels) : try Window(node, input: spatial, kernel: Array(weights.dropFirst(2)), channels: channels)
        var description = inference_quantized_conv()
        let batch = shape[0]
        description.shape = inference_conv(window.inThreeDimensions.joined, batch: batch, channels: channels, outputChannels: weights[0])
        description.shape.groups = Int64(groups)
        description.shape.activation = inference_activation(
            try node.int("activation", default: 0), try node.float("alpha", default: 0), try node.float("beta", default: 0))
        description.weight_channels = Int64(weights[1])
        guard groups == 1 ? weights[1] <= channels : groups == channels && groups == weights[0] && weights[1] == 1 else {
            throw node.malformed("weights of shape \(weights) in \(groups) groups for \(channels) channels")
        }
        func byte(_ name: String) throws(InferenceError) -> Int32 {
            let value = try node.int(name, default: 0)
            guard (-255...255).contains(value) else { throw node.malformed("attribute '\(name)' is \(value)") }
            return Int32(value)
        }
        description.input_zero = try byte("input_zero")
        description.output_zero = try byte("output_zero")
        description.is_float = try byte("is_float")
        if node.attributes["rounded_scale"] != nil {
            description.is_rounded = 1
            description.rounded_least = try byte("rounded_least")
            description.rounded_most = try byte("rounded_most")
            description.rounded_scale = try node.float("rounded_scale")
        }
        if node.hasInput(5) {
            let isBytes = try node.type(5, among: [.uint8, .float32]).elementType == .uint8
            description.residual_kind = Int32(isBytes ? inference_residual_bytes : inference_residual_float)
            if isBytes {
                description.residual_scale = try node.float("residual_scale")
                description.residual_zero = try byte("residual_zero")
            }
        }
        guard groups == 1 || (description.residual_kind == 0 && description.is_rounded == 0) else { throw node.malformed("a residual after a depthwise convolution") }
        guard let work = window.products(batch: batch, outputChannels: weights[0], inputChannelsPerGroup: weights[1]) else {
            throw InferenceError(.tooLarge, "\(node.label): more multiply-accumulates than can be counted")
        }
        return Layer(description: description, output: [batch] + (spatial.isEmpty ? [] : window.output) + [weights[0]], work: work)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let layer = try Self.layer(node)
        return [try node.makeType(layer.output, layer.description.is_float != 0 ? .float32 : .uint8)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let layer = try Self.layer(node)
        let variant = node.options.variant
        let weights = try node.constant(1), factor = try node.constant(3).values(as: Float.self)
        let bias = node.hasInput(2) ? try node.constant(2).values(as: Int32.self) : nil
        let slope = node.hasInput(4) ? try node.constant(4).values(as: Float.self) : nil
        let outputs = weights.shape[0]
        guard factor.count == outputs, bias.map({ $0.count == outputs }) ?? true, slope.map({ $0.count == outputs }) ?? true else {
            throw node.malformed("\(factor.count) factors for \(outputs) channels")
        }
        if node.hasInput(5) { guard try node.shape(5) == layer.output else { throw node.malformed("a residual of shape \(try node.shape(5))") } }
        var shared = layer.description
        let byteCount = unsafe Int(inference_quantized_packed_bytes(variant, &shared))
        let shape = shared.shape
        let arrangement = [shape.kernel.0, shape.kernel.1, shape.kernel.2, shape.stride.2, shape.dilation.2, shape.input_channels, shape.groups, Int64(shared.input_zero)]
        let parameters = [Tensor(shape: [bias?.count ?? 0], values: bias ?? []), Tensor(shape: [outputs], values: factor), Tensor(shape: [slope?.count ?? 0], values: slope ?? [])]
        let layout = "quantized \(variant) \(arrangement) \(parameters.map(WeightStore.name).joined(separator: " "))"
        let storage = node.weights.storage(for: weights, layout: layout, byteCount: byteCount) { storage in
            var description = layer.description
            let values = weights.values(as: Int8.self)
            unsafe values.withUnsafeBufferPointer { values in
                unsafe factor.withUnsafeBufferPointer { factor in
                    func pack(_ bias: UnsafePointer<Int32>?, _ slope: UnsafePointer<Float>?) {
                        unsafe inference_quantized_pack(variant, &description, values.baseAddress!, bias, factor.baseAddress!, slope, storage.base)
                    }
                    unsafe (bias ?? []).withUnsafeBufferPointer { biases in
                        unsafe (slope ?? []).withUnsafeBufferPointer { slopes in
                            unsafe pack(bias == nil ? nil : biases.baseAddress, slope == nil ? nil : slopes.baseAddress)
                        }
                    }
                }
            }
        }
        let description = layer.description
        var kernel = Kernel { arguments in
            var description = description
            unsafe inference_quantized_run(
                variant, &description, arguments.inputPointer(0), storage.base, arguments.optionalInputPointer(5, as: UInt8.self).map { unsafe UnsafeRawPointer($0) },
                UnsafeMutableRawPointer(arguments.outputPointer(0, as: UInt8.self)), UnsafeMutableRawPointer(arguments.scratchPointer(as: UInt8.self)))
        }
        kernel.unreadInputs = [1, 2, 3, 4]
        kernel.scratchBytes = unsafe Int(inference_quantized_scratch(variant, &shared))
        kernel.multiplyAccumulates = layer.work
        return kernel
    }
}

/// Float planes `[batch, 2…4, spatial…]`, times a constant `factor`, rounded to a pixel in four bytes, `[batch, spatial…, 4]`: `fwoc.QuantizePlanes`. What the fourth holds counts nothing.
struct QuantizePlanesOperator: Operator {
    static let names = ["fwoc.QuantizePlanes"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let shape = try node.type(0, among: [.float32]).shape
        guard shape.count >= 3, (1...4).contains(shape[1]) else { throw node.unsupported("an input of shape \(shape)") }
        return [try node.makeType([shape[0]] + shape.dropFirst(2) + [4], .uint8)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let factor = try node.float("factor", default: 1), scale = try node.constantFloat(1), zero = node.hasInput(2) ? Int32(try node.constant(2).bytes[0]) : 0
        let batch = shape[0], planes = shape[1], pixels = shape.dropFirst(2).reduce(1, *)
        let variant = node.options.variant
        return Kernel { arguments in
            for image in 0..<batch {
                unsafe inference_quantize_planes(
                    variant, arguments.inputPointer(0) + image * planes * pixels, Int64(planes), Int64(pixels), factor, scale, zero,
                    arguments.outputPointer(0) + image * pixels * 4)
            }
        }
    }
}

/// The sum of two rounded values, rounded: `fwoc.QuantizedAdd`.
struct QuantizedAddOperator: Operator {
    static let names = ["fwoc.QuantizedAdd"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.uint8])
        guard try node.type(1, among: [.uint8]) == type else { throw node.malformed("shapes \(type.shape) and \(try node.shape(1))") }
        return [type]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let left = try node.float("left_scale"), right = try node.float("right_scale"), scale = try node.float("scale")
        let leftZero = Int32(try node.int("left_zero")), rightZero = Int32(try node.int("right_zero")), zero = Int32(try node.int("zero"))
        let count = Int64(try node.type(0).count), variant = node.options.variant
        return Kernel { arguments in
            unsafe inference_quantized_add(
                variant, arguments.inputPointer(0), left, leftZero, arguments.inputPointer(1), right, rightZero, scale, zero, arguments.outputPointer(0), count)
        }
    }
}
