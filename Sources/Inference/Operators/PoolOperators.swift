import CKernels
import Tensors

/// `MaxPool` and `AveragePool`. The engine's own names with `Last` work on channels-last values.
struct PoolOperator: Operator {
    static let names = ["MaxPool", "AveragePool", "fwoc.MaxPoolLast", "fwoc.AveragePoolLast"]

    private static func window(_ node: NodeContext) throws(InferenceError) -> (Window, channels: Int) {
        let shape = try node.type(0, among: [.float32]).shape
        guard (3...5).contains(shape.count) else { throw node.unsupported("an input of shape \(shape); expected 1 to 3 spatial dimensions") }
        let isLast = node.operation.hasPrefix("fwoc.")
        let channels = isLast ? shape[shape.count - 1] : shape[1]
        let spatial = isLast ? Array(shape[1..<(shape.count - 1)]) : Array(shape.dropFirst(2))
        return (try Window(node, input: spatial, kernel: nil, channels: channels), channels)
    }

    /// The description of a channels-last pool, for a chain.
    static func stage(_ node: NodeContext) throws(InferenceError) -> inference_conv {
        let (window, channels) = try window(node)
        return inference_conv(window.inThreeDimensions, batch: try node.shape(0)[0], channels: channels, outputChannels: channels)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let shape = try node.shape(0)
        let (window, channels) = try Self.window(node)
        guard node.outputCount == 1 else { throw node.unsupported("the second output (indices)") }
        let isLast = node.operation.hasPrefix("fwoc.")
        return [try node.makeType(isLast ? [shape[0]] + window.output + [channels] : [shape[0], channels] + window.output, .float32)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let (original, channels) = try Self.window(node)
        let window = original.inThreeDimensions
        let isMax = node.operation.contains("Max")
        let countsPadding = try node.int("count_include_pad", default: 0) != 0
        let work = window.products(batch: shape[0], outputChannels: channels, inputChannelsPerGroup: 1)
        guard let work, work <= node.options.maximumMultiplyAccumulates else { throw InferenceError(.tooLarge, "\(node.label): too much work") }
        let isLast = node.operation.hasPrefix("fwoc.")
        // With ceil_mode a window may reach beyond the padding, where nothing is counted: the reference does that.
        let isBeyond = window.output.indices.contains {
            (window.output[$0] - 1) * window.strides[$0] + (window.kernel[$0] - 1) * window.dilations[$0] + 1
                > window.input[$0] + window.padsBefore[$0] + window.padsAfter[$0]
        }
        if isLast && !(countsPadding && isBeyond) {
            let description = inference_conv(window, batch: shape[0], channels: channels, outputChannels: channels)
            let kind = Int32(isMax ? inference_pool_max : countsPadding ? inference_pool_mean_with_padding : inference_pool_mean)
            let variant = node.options.variant
            let shared = description
            return Kernel { arguments in
                var description = shared
                unsafe inference_pool(variant, kind, &description, arguments.inputPointer(0), arguments.outputPointer(0))
            }
        }
        let planes = shape[0] * channels
        let step = isLast ? channels : 1
        let inputPlane = window.input.reduce(1, *), outputPlane = window.output.reduce(1, *)
        return Kernel { arguments in
            let x = arguments.input(0, as: Float.self)
            var y = arguments.output(0, as: Float.self)
            for plane in 0..<planes {
                let source = isLast ? plane / channels * inputPlane * channels + plane % channels : plane * inputPlane
                var target = isLast ? plane / channels * outputPlane * channels + plane % channels : plane * outputPlane
                for od in 0..<window.output[0] {
                    for oh in 0..<window.output[1] {
                        for ow in 0..<window.output[2] {
                            var sum: Float = isMax ? -.infinity : 0
                            var count = 0
                            for kd in 0..<window.kernel[0] {
                                let id = od * window.strides[0] - window.padsBefore[0] + kd * window.dilations[0]
                                let isInDepth = id >= -window.padsBefore[0] && id < window.input[0] + window.padsAfter[0]
                                for kh in 0..<window.kernel[1] {
                                    let ih = oh * window.strides[1] - window.padsBefore[1] + kh * window.dilations[1]
                                    let isInHeight = ih >= -window.padsBefore[1] && ih < window.input[1] + window.padsAfter[1]
                                    for kw in 0..<window.kernel[2] {
                                        let iw = ow * window.strides[2] - window.padsBefore[2] + kw * window.dilations[2]
                                        let isInWidth = iw >= -window.padsBefore[2] && iw < window.input[2] + window.padsAfter[2]
                                        // Positions beyond the padding (ceil_mode) count nowhere.
                                        if countsPadding && isInDepth && isInHeight && isInWidth { count += 1 }
                                        guard id >= 0, id < window.input[0], ih >= 0, ih < window.input[1], iw >= 0, iw < window.input[2] else { continue }
                                        let value = x[source + ((id * window.input[1] + ih) * window.input[2] + iw) * step]
                                        if isMax { sum = max(sum, value) } else { sum += value }
                                        if !countsPadding { count += 1 }
                                    }
                                }
                            }
                            y[target] = isMax ? sum : sum / Float(max(count, 1))
                            target += step
                        }
                    }
                }
            }
        }
    }
}

/// `GlobalAveragePool` and `GlobalMaxPool` over [batch, channels, spatial…].
struct GlobalPoolOperator: Operator {
    static let names = ["GlobalAveragePool", "GlobalMaxPool"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let shape = try node.type(0, among: [.float32]).shape
        guard shape.count >= 3 else { throw node.malformed("an input of shape \(shape); expected at least one spatial dimension") }
        return [try node.makeType(Array(shape.prefix(2)) + shape.dropFirst(2).map { _ in 1 }, .float32)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let planes = shape[0] * shape[1], size = shape.dropFirst(2).reduce(1, *)
        let isMax = node.operation == "GlobalMaxPool"
        return Kernel { arguments in
            let x = arguments.input(0, as: Float.self)
            var y = arguments.output(0, as: Float.self)
            for plane in 0..<planes {
                var sum: Float = isMax ? -.infinity : 0
                for index in plane * size..<(plane + 1) * size {
                    if isMax { sum = max(sum, x[index]) } else { sum += x[index] }
                }
                y[plane] = isMax ? sum : sum / Float(max(size, 1))
            }
        }
    }
}

/// `BatchNormalization` with running statistics: y = (x − mean) / √(variance + ε) · scale + bias for each channel.
struct BatchNormalizationOperator: Operator {
    static let names = ["BatchNormalization"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        guard type.rank >= 2 else { throw node.malformed("an input of shape \(type.shape)") }
        guard try node.int("training_mode", default: 0) == 0 else { throw node.unsupported("training_mode") }
        for index in 1...4 {
            guard try node.type(index, among: [.float32]).shape == [type.shape[1]] else {
                throw node.malformed("input \(index) of shape \(try node.shape(index)), expected [\(type.shape[1])]")
            }
        }
        return [type]
    }

    /// Per channel y = x · factor + offset.
    static func factors(scale: [Float], bias: [Float], mean: [Float], variance: [Float], epsilon: Float) -> (factor: [Float], offset: [Float]) {
        let factor = scale.indices.map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
        return (factor, scale.indices.map { bias[$0] - mean[$0] * factor[$0] })
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = node.outputs[0].shape
        let size = shape.dropFirst(2).reduce(1, *), channels = shape[1], batch = shape[0]
        let epsilon = try node.float("epsilon", default: 1e-5)
        var kernel = Kernel { arguments in
            let x = arguments.input(0, as: Float.self)
            let scale = arguments.input(1, as: Float.self), bias = arguments.input(2, as: Float.self)
            let mean = arguments.input(3, as: Float.self), variance = arguments.input(4, as: Float.self)
            var y = arguments.output(0, as: Float.self)
            for n in 0..<batch {
                for c in 0..<channels {
                    let factor = scale[c] / (variance[c] + epsilon).squareRoot()
                    let offset = bias[c] - mean[c] * factor
                    let start = (n * channels + c) * size
                    for index in start..<start + size { y[index] = x[index] * factor + offset }
                }
            }
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }
}
