import CKernels
import ModelBundle
import Tensors

/// Convolution as it is run: channels-last, weights packed, with residual and activation.
///
/// y = activation(conv(x) + bias + residual). Inputs: x [batch, spatial…, channels] (or planar, as ONNX has it, for the first
/// layer), weights as in ONNX, bias, slope of PRelu [channels], residual in the shape of y. Output [batch, spatial…, channels].
struct FusedConvOperator: Operator {
    static let names = ["fwoc.Conv"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let shape = try node.type(0, among: [.float32]).shape
        let convolution = try Self.convolution(node, shape)
        return [try node.makeType([shape[0]] + convolution.window.output + [convolution.outputChannels], .float32)]
    }

    private static func isPlanar(_ node: NodeContext) throws(InferenceError) -> Bool { try node.int("planar", default: 0) != 0 }

    private static func convolution(_ node: NodeContext, _ shape: [Int]) throws(InferenceError) -> Convolution {
        try isPlanar(node)
            ? Convolution(node, channels: shape[1], spatial: Array(shape.dropFirst(2)))
            : Convolution(node, channels: shape[shape.count - 1], spatial: Array(shape[1..<(shape.count - 1)]))
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let convolution = try Self.convolution(node, shape)
        let isPlanar = try Self.isPlanar(node)
        let activation = inference_activation(
            try node.int("activation", default: 0), try node.float("alpha", default: 0), try node.float("beta", default: 0))
        let window = convolution.window.inThreeDimensions.joined
        func triple(_ values: [Int]) -> (Int64, Int64, Int64) { (Int64(values[0]), Int64(values[1]), Int64(values[2])) }
        var description = inference_conv()
        description.batch = Int64(shape[0])
        description.input = triple(window.input)
        description.output = triple(window.output)
        description.kernel = triple(window.kernel)
        description.stride = triple(window.strides)
        description.dilation = triple(window.dilations)
        description.pad = triple(window.padsBefore)
        description.input_channels = Int64(convolution.inputChannels)
        description.output_channels = Int64(convolution.outputChannels)
        description.groups = Int64(convolution.groups)
        description.is_planar = isPlanar ? 1 : 0
        description.activation = activation
        description.output_pixel_stride = description.output_channels
        // One image after another is one longer row of pixels where the kernel looks at one pixel.
        if window.kernel == [1, 1, 1], window.input == window.output, !isPlanar, window.strides == [1, 1, 1] {
            description.input = (1, 1, Int64(window.input.reduce(1, *)) * description.batch)
            description.output = description.input
            description.batch = 1
        }
        let variant = node.options.variant
        let isDepthwise = convolution.isDepthwise && !isPlanar
        let weights = try node.constant(1), bias = node.hasInput(2) ? try node.constant(2) : nil
        let shared = description
        let count = unsafe Int(isDepthwise ? inference_depthwise_packed_count(variant, &description) : inference_conv_packed_count(variant, &description))
        let layout = "conv \(variant) \(isDepthwise) \(isPlanar) \(convolution.groups) \(bias?.values(as: Float.self) ?? [])"
        let storage = node.weights.storage(for: weights, layout: layout, byteCount: count * 4) { storage in
            var description = shared
            unsafe weights.values(as: Float.self).withUnsafeBufferPointer { weights in
                let target = unsafe storage.base.assumingMemoryBound(to: Float.self)
                func pack(_ bias: UnsafePointer<Float>?) {
                    if isDepthwise {
                        unsafe inference_depthwise_pack(variant, &description, weights.baseAddress!, bias, target)
                    } else {
                        unsafe inference_conv_pack(variant, &description, weights.baseAddress!, bias, target)
                    }
                }
                if let bias {
                    unsafe bias.values(as: Float.self).withUnsafeBufferPointer { unsafe pack($0.baseAddress!) }
                } else {
                    pack(nil)
                }
            }
        }
        var kernel = Kernel { arguments in
            var description = shared
            let packed = unsafe UnsafePointer(storage.base.assumingMemoryBound(to: Float.self))
            if isDepthwise {
                unsafe inference_depthwise_run(
                    variant, &description, arguments.inputPointer(0), packed, arguments.optionalInputPointer(3),
                    arguments.optionalInputPointer(4), arguments.outputPointer(0))
            } else {
                unsafe inference_conv_run(
                    variant, &description, arguments.inputPointer(0), packed, arguments.optionalInputPointer(3),
                    arguments.optionalInputPointer(4), arguments.outputPointer(0), UnsafeMutableRawPointer(arguments.scratchPointer(as: UInt8.self)))
            }
        }
        kernel.unreadInputs = [1, 2]
        kernel.scratchBytes = unsafe isDepthwise ? 0 : Int(inference_conv_scratch(variant, &description))
        kernel.multiplyAccumulates = try convolution.work(node, batch: shape[0])
        return kernel
    }
}
