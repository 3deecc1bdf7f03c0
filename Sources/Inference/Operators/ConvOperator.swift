import CKernels
import ModelBundle
import Tensors

/// `Conv` as ONNX writes it, [batch, channels, spatial…]: the slow reference, which also runs where nothing is optimised.
struct ConvOperator: Operator {
    static let names = ["Conv"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let shape = try node.type(0, among: [.float32]).shape
        let convolution = try Convolution(node, channels: shape.count > 1 ? shape[1] : 0, spatial: Array(shape.dropFirst(2)))
        return [try node.makeType([shape[0], convolution.outputChannels] + convolution.window.output, .float32)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = try node.shape(0)
        let convolution = try Convolution(node, channels: shape[1], spatial: Array(shape.dropFirst(2)))
        let window = convolution.window.inThreeDimensions
        let batch = shape[0], channels = shape[1], outputs = convolution.outputChannels, groups = convolution.groups
        var kernel = Kernel { arguments in
            let x = arguments.input(0, as: Float.self), w = arguments.input(1, as: Float.self)
            let hasBias = arguments.hasInput(2)
            var y = arguments.output(0, as: Float.self)
            let inputsPerGroup = channels / groups, outputsPerGroup = outputs / groups
            var target = 0
            for n in 0..<batch {
                for o in 0..<outputs {
                    let group = o / outputsPerGroup
                    let bias = hasBias ? arguments.input(2, as: Float.self)[o] : 0
                    for od in 0..<window.output[0] {
                        for oh in 0..<window.output[1] {
                            for ow in 0..<window.output[2] {
                                var sum = bias
                                for i in 0..<inputsPerGroup {
                                    let image = (n * channels + group * inputsPerGroup + i) * window.input[0]
                                    let weights = (o * inputsPerGroup + i) * window.kernel[0]
                                    for kd in 0..<window.kernel[0] {
                                        let id = od * window.strides[0] - window.padsBefore[0] + kd * window.dilations[0]
                                        if id < 0 || id >= window.input[0] { continue }
                                        for kh in 0..<window.kernel[1] {
                                            let ih = oh * window.strides[1] - window.padsBefore[1] + kh * window.dilations[1]
                                            if ih < 0 || ih >= window.input[1] { continue }
                                            let row = ((image + id) * window.input[1] + ih) * window.input[2]
                                            let weightRow = ((weights + kd) * window.kernel[1] + kh) * window.kernel[2]
                                            for kw in 0..<window.kernel[2] {
                                                let iw = ow * window.strides[2] - window.padsBefore[2] + kw * window.dilations[2]
                                                if iw < 0 || iw >= window.input[2] { continue }
                                                sum += x[row + iw] * w[weightRow + kw]
                                            }
                                        }
                                    }
                                }
                                y[target] = sum
                                target += 1
                            }
                        }
                    }
                }
            }
        }
        kernel.multiplyAccumulates = try convolution.work(node, batch: batch)
        return kernel
    }
}

/// Attributes and weights of a convolution, checked against its input.
struct Convolution {
    let window: Window
    let groups: Int
    let inputChannels: Int
    let outputChannels: Int

    init(_ node: NodeContext, channels: Int, spatial: [Int]) throws(InferenceError) {
        let weights = try node.type(1, among: [.float32]).shape
        guard (1...3).contains(spatial.count) else { throw node.unsupported("\(spatial.count) spatial dimensions; expected 1 to 3") }
        guard weights.count == spatial.count + 2 else {
            throw node.malformed("weights of shape \(weights) for \(spatial.count) spatial dimensions")
        }
        groups = try node.int("group", default: 1)
        guard groups >= 1, weights[0] >= 1, weights[1] >= 1, weights[1].multipliedReportingOverflow(by: groups) == (channels, false), weights[0] % groups == 0 else {
            throw node.malformed("weights of shape \(weights) in \(groups) groups for \(channels) channels")
        }
        inputChannels = channels
        outputChannels = weights[0]
        if node.hasInput(2) {
            let bias = try node.type(2, among: [.float32]).shape
            guard bias == [weights[0]] else { throw node.malformed("bias of shape \(bias), expected [\(weights[0])]") }
        }
        window = try Window(node, input: spatial, kernel: Array(weights.dropFirst(2)), channels: channels)
    }

    var isDepthwise: Bool { groups == inputChannels && groups == outputChannels && groups > 1 }

    func work(_ node: NodeContext, batch: Int) throws(InferenceError) -> Int {
        guard let work = window.products(batch: batch, outputChannels: outputChannels, inputChannelsPerGroup: inputChannels / groups) else {
            throw InferenceError(.tooLarge, "\(node.label): more multiply-accumulates than can be counted")
        }
        return work
    }
}
