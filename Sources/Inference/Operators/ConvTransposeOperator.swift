import Tensors

/// `ConvTranspose`, the gradient of a convolution with respect to its input: every input element adds the kernel, times
/// itself, to the output at its place times the stride. x [batch, channels, spatial…], w [channels, outputs / groups, kernel…].
struct ConvTransposeOperator: Operator {
    static let names = ["ConvTranspose"]

    private struct Sizes {
        let batch: Int, channels: Int, outputs: Int, groups: Int
        /// Depth, height, width.
        let input: [Int], kernel: [Int], strides: [Int], dilations: [Int], padsBefore: [Int], output: [Int]
        let shape: [Int]
    }

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> Sizes {
        let x = try node.type(0, among: [.float32]).shape, w = try node.type(1, among: [.float32]).shape
        guard (3...5).contains(x.count), w.count == x.count else { throw node.unsupported("an input of shape \(x) and weights of \(w); expected 1 to 3 spatial dimensions") }
        let rank = x.count - 2
        let groups = try node.int("group", default: 1)
        guard groups >= 1, x[1] == w[0], x[1] % groups == 0, !w.contains(0) else { throw node.malformed("weights of shape \(w) in \(groups) groups for input \(x)") }
        let outputs = w[1] * groups
        _ = try node.makeType([outputs], .float32)
        if node.hasInput(2) {
            let bias = try node.type(2, among: [.float32]).shape
            guard bias == [outputs] else { throw node.malformed("bias of shape \(bias), expected [\(outputs)]") }
        }
        let input = Array(x.dropFirst(2)), kernel = Array(w.dropFirst(2))
        if let given = try node.ints("kernel_shape"), given != kernel { throw node.malformed("kernel_shape \(given) but weights of \(kernel)") }
        let ones = [Int](repeating: 1, count: rank), zeros = [Int](repeating: 0, count: rank)
        let strides = try node.ints("strides", count: rank) ?? ones, dilations = try node.ints("dilations", count: rank) ?? ones
        let pads = try node.ints("pads", count: 2 * rank) ?? zeros + zeros
        let extra = try node.ints("output_padding", count: rank) ?? zeros
        guard strides.allSatisfy({ $0 >= 1 }), dilations.allSatisfy({ $0 >= 1 }), pads.allSatisfy({ $0 >= 0 }), extra.allSatisfy({ $0 >= 0 }) else {
            throw node.malformed("strides \(strides), dilations \(dilations), pads \(pads), output_padding \(extra)")
        }
        let automatic = try node.string("auto_pad", default: "NOTSET")
        guard ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", ""].contains(automatic) else { throw node.malformed("auto_pad '\(automatic)'") }
        var wanted = try node.ints("output_shape")
        if let all = wanted, all.count == rank + 2 { wanted = Array(all.dropFirst(2)) }
        if wanted == nil, automatic.hasPrefix("SAME") { wanted = zip(input, strides).map { $0 * $1 } }
        var before = automatic == "VALID" ? zeros : Array(pads.prefix(rank))
        var output: [Int] = []
        for axis in 0..<rank {
            let whole = (input[axis] - 1) * strides[axis] + extra[axis] + (kernel[axis] - 1) * dilations[axis] + 1
            if let wanted {
                guard wanted.count == rank, wanted[axis] >= 0 else { throw node.malformed("output_shape \(wanted)") }
                let total = max(0, whole - wanted[axis])
                before[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
                output.append(wanted[axis])
            } else {
                output.append(whole - before[axis] - (automatic == "VALID" ? 0 : pads[rank + axis]))
            }
        }
        // What the kernel could reach must be a size that could exist, so that no sum over it overflows.
        for axis in 0..<rank { _ = try node.makeType([max(0, output[axis]), 1], .float32) }
        func three(_ values: [Int], _ fill: Int) -> [Int] { [Int](repeating: fill, count: 3 - rank) + values }
        return Sizes(
            batch: x[0], channels: x[1], outputs: outputs, groups: groups, input: three(input, 1), kernel: three(kernel, 1),
            strides: three(strides, 1), dilations: three(dilations, 1), padsBefore: three(before, 0), output: three(output, 1),
            shape: [x[0], outputs] + output)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        [try node.makeType(Self.sizes(node).shape, .float32)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let sizes = try Self.sizes(node)
        let inputPlane = sizes.input.reduce(1, *), outputPlane = sizes.output.reduce(1, *), kernelSize = sizes.kernel.reduce(1, *)
        let channelsPerGroup = sizes.channels / sizes.groups, outputsPerGroup = sizes.outputs / sizes.groups
        let (work, overflow) = (sizes.batch * sizes.channels * inputPlane).multipliedReportingOverflow(by: outputsPerGroup * kernelSize)
        guard !overflow else { throw InferenceError(.tooLarge, "\(node.label): more multiply-accumulates than can be counted") }
        var kernel = Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self), w = unsafe arguments.inputPointer(1, as: Float.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            let (stride, dilation) = (sizes.strides[2], sizes.dilations[2])
            for n in 0..<sizes.batch {
                for o in 0..<sizes.outputs {
                    let target = unsafe y + (n * sizes.outputs + o) * outputPlane
                    unsafe target.update(repeating: arguments.hasInput(2) ? arguments.input(2, as: Float.self)[o] : 0, count: outputPlane)
                    let group = o / outputsPerGroup
                    for c in group * channelsPerGroup..<(group + 1) * channelsPerGroup {
                        let source = unsafe x + (n * sizes.channels + c) * inputPlane
                        let weights = unsafe w + (c * outputsPerGroup + o % outputsPerGroup) * kernelSize
                        for kd in 0..<sizes.kernel[0] {
                            for kh in 0..<sizes.kernel[1] {
                                for kw in 0..<sizes.kernel[2] {
                                    let weight = unsafe weights[(kd * sizes.kernel[1] + kh) * sizes.kernel[2] + kw]
                                    let shift = kw * dilation - sizes.padsBefore[2]
                                    for id in 0..<sizes.input[0] {
                                        let od = id * sizes.strides[0] + kd * sizes.dilations[0] - sizes.padsBefore[0]
                                        if od < 0 || od >= sizes.output[0] { continue }
                                        for ih in 0..<sizes.input[1] {
                                            let oh = ih * sizes.strides[1] + kh * sizes.dilations[1] - sizes.padsBefore[1]
                                            if oh < 0 || oh >= sizes.output[1] { continue }
                                            let from = unsafe source + (id * sizes.input[1] + ih) * sizes.input[2]
                                            let to = unsafe target + (od * sizes.output[1] + oh) * sizes.output[2]
                                            for iw in 0..<sizes.input[2] {
                                                let ow = iw * stride + shift
                                                if ow >= 0 && ow < sizes.output[2] { unsafe to[ow] += from[iw] * weight }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        kernel.multiplyAccumulates = work
        return kernel
    }
}
