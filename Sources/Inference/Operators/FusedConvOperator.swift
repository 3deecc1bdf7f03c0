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
        let prepared = try Self.joined(node)
        let variant = node.options.variant
        var kernel = Kernel { arguments in
            var description = prepared.description
            let packed = unsafe prepared.weights
            if prepared.isDepthwise {
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
        kernel.scratchBytes = prepared.scratchBytes(variant)
        kernel.multiplyAccumulates = prepared.work
        return kernel
    }

    /// The same layer for a kernel that runs it itself.
    static func joined(_ node: NodeContext) throws(InferenceError) -> PreparedConvolution {
        try PreparedConvolution(node, convolution: convolution(node, node.shape(0)), isPlanar: isPlanar(node), joinsAxes: true)
    }

    /// Whether the layer takes fewer products by itself than as one stage of a chain.
    static func isFiltered(_ node: NodeContext) throws(InferenceError) -> Bool {
        try joined(node).description.filtered_axis != 0
    }

    /// The same layer as one stage of a chain: rows stay rows.
    static func stage(_ node: NodeContext) throws(InferenceError) -> PreparedConvolution {
        try PreparedConvolution(node, convolution: convolution(node, node.shape(0)), isPlanar: isPlanar(node), joinsAxes: false)
    }
}

/// A convolution's description for the C kernels and its packed weights.
struct PreparedConvolution {
    let description: inference_conv
    let isDepthwise: Bool
    let work: Int
    private let storage: AlignedStorage

    init(_ node: NodeContext, convolution: Convolution, isPlanar: Bool, joinsAxes: Bool) throws(InferenceError) {
        let batch = try node.shape(0)[0]
        let activation = inference_activation(
            try node.int("activation", default: 0), try node.float("alpha", default: 0), try node.float("beta", default: 0))
        var window = convolution.window.inThreeDimensions
        if joinsAxes { window = window.joined }
        var description = inference_conv(window, batch: batch, channels: convolution.inputChannels, outputChannels: convolution.outputChannels)
        description.groups = Int64(convolution.groups)
        description.is_planar = isPlanar ? 1 : 0
        description.activation = activation
        // One image after another is one longer row of pixels where the kernel looks at one pixel.
        if joinsAxes, window.kernel == [1, 1, 1], window.input == window.output, !isPlanar, window.strides == [1, 1, 1] {
            description.input = (1, 1, Int64(window.input.reduce(1, *)) * description.batch)
            description.output = description.input
            description.batch = 1
        }
        let variant = node.options.variant
        let isDepthwise = convolution.isDepthwise && !isPlanar
        if joinsAxes, !isDepthwise { description.filtered_axis = unsafe inference_filtered_axis(&description) }
        let weights = try node.constant(1), bias = node.hasInput(2) ? try node.constant(2) : nil
        let shared = description
        let count = unsafe Int(isDepthwise ? inference_depthwise_packed_count(variant, &description) : inference_conv_packed_count(variant, &description))
        let layout = "conv \(variant) \(isDepthwise) \(isPlanar) \(convolution.groups) \(description.filtered_axis) \(bias.map(WeightStore.name) ?? "")"
        storage = node.weights.storage(for: weights, layout: layout, byteCount: count * 4) { storage in
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
        self.description = description
        self.isDepthwise = isDepthwise
        work = try convolution.work(node, batch: batch)
    }

    @unsafe var weights: UnsafePointer<Float> { unsafe UnsafePointer(storage.base.assumingMemoryBound(to: Float.self)) }

    func scratchBytes(_ variant: Int32) -> Int {
        var description = description
        return unsafe isDepthwise ? 0 : Int(inference_conv_scratch(variant, &description))
    }
}

extension inference_conv {
    init(_ window: Window, batch: Int, channels: Int, outputChannels: Int) {
        func triple(_ values: [Int]) -> (Int64, Int64, Int64) { (Int64(values[0]), Int64(values[1]), Int64(values[2])) }
        self.init()
        self.batch = Int64(batch)
        input = triple(window.input)
        output = triple(window.output)
        kernel = triple(window.kernel)
        stride = triple(window.strides)
        dilation = triple(window.dilations)
        pad = triple(window.padsBefore)
        input_channels = Int64(channels)
        output_channels = Int64(outputChannels)
        output_pixel_stride = Int64(outputChannels)
        groups = 1
    }

    /// Depth joined with the batch, where nothing looks along it; `nil` where something does.
    var withoutDepth: inference_conv? {
        guard kernel.0 == 1, stride.0 == 1, pad.0 == 0, input.0 == output.0 else { return nil }
        var result = self
        result.batch *= input.0
        result.input.0 = 1
        result.output.0 = 1
        return result.is_planar != 0 && input.0 != 1 ? nil : result
    }
}
