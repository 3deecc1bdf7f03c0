import CTorch
import ModelBundle
import Tensors

/// Kernel, strides, dilations and padding over spatial axes, as a convolution or pool node gives them for an input.
struct SpatialWindow {
    let kernel: [Int], strides: [Int], dilations: [Int]
    let padsBefore: [Int], padsAfter: [Int]
    let output: [Int]

    init(_ node: NodeCall, input: [Int], kernel weights: [Int]?) throws {
        let rank = input.count
        guard (1...3).contains(rank) else { throw node.unsupported("\(rank) spatial dimensions; expected 1 to 3") }
        let attribute = try node.ints("kernel_shape", count: rank)
        guard let kernel = weights ?? attribute, kernel.count == rank else { throw node.malformed("attribute 'kernel_shape' is missing or does not fit \(input)") }
        let ones = [Int](repeating: 1, count: rank)
        let strides = try node.ints("strides", count: rank) ?? ones, dilations = try node.ints("dilations", count: rank) ?? ones
        let pads = try node.ints("pads", count: 2 * rank) ?? [Int](repeating: 0, count: 2 * rank)
        guard (kernel + strides + dilations).allSatisfy({ $0 >= 1 }), pads.allSatisfy({ $0 >= 0 }) else {
            throw node.malformed("kernel \(kernel), strides \(strides), dilations \(dilations), pads \(pads); expected at least 1, 1, 1, 0")
        }
        let automatic = try node.string("auto_pad", default: "NOTSET")
        let roundsUp = try node.int("ceil_mode", default: 0) != 0
        var before = Array(pads.prefix(rank)), after = Array(pads.suffix(rank)), output: [Int] = []
        for axis in 0..<rank {
            let reach = (kernel[axis] - 1) * dilations[axis] + 1
            switch automatic {
            case "SAME_UPPER", "SAME_LOWER":
                let size = (input[axis] + strides[axis] - 1) / strides[axis]
                let total = max(0, (size - 1) * strides[axis] + reach - input[axis])
                before[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
                after[axis] = total - before[axis]
                output.append(size)
            case "VALID", "NOTSET", "":
                if automatic == "VALID" { (before[axis], after[axis]) = (0, 0) }
                let room = input[axis] + before[axis] + after[axis] - reach
                guard room >= 0 else { throw node.malformed("a kernel that reaches over \(reach) does not fit into \(input) with pads \(before) and \(after)") }
                var size = room / strides[axis] + 1
                if roundsUp && room % strides[axis] != 0 && size * strides[axis] < input[axis] + before[axis] { size += 1 }
                output.append(size)
            default: throw node.malformed("auto_pad '\(automatic)'")
            }
        }
        (self.kernel, self.strides, self.dilations) = (kernel, strides, dilations)
        (padsBefore, padsAfter, self.output) = (before, after, output)
    }

    /// Whether libtorch's own padding does it.
    func isSymmetric(input: [Int]) -> Bool {
        padsBefore == padsAfter && output.indices.allSatisfy { needed($0) <= input[$0] + padsBefore[$0] + padsAfter[$0] }
    }

    /// Input positions that the windows of an axis reach over.
    private func needed(_ axis: Int) -> Int { (output[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 }

    /// Before and after of the last axis first, so that windows without further padding give ``output`` exactly.
    func explicitPads(input: [Int]) -> [Int] {
        output.indices.reversed().flatMap { [padsBefore[$0], needed($0) - input[$0] - padsBefore[$0]] }
    }
}

extension OperatorTable {
    static let convolutions: [String: Evaluation] = [
        "Conv": convolution, "ConvTranspose": transposedConvolution,
    ]

    static let pools: [String: Evaluation] = [
        "MaxPool": maxPool, "AveragePool": averagePool,
        "GlobalAveragePool": { node in
            let x = try node.input(0)
            return [try x.rank > 2 && x.isFloat ? x.channelMeans() : x.mean(Array(2..<max(x.rank, 2)), keepsAxes: true)]
        },
        "GlobalMaxPool": { node in
            let x = try node.input(0)
            return [try x.max(Array(2..<max(x.rank, 2)), keepsAxes: true)]
        },
    ]

    @Sendable private static func convolution(_ node: NodeCall) throws -> [TorchTensor?] {
        var x = try node.input(0)
        let weight = try node.input(1)
        guard x.rank >= 3, weight.rank == x.rank else { throw node.malformed("an input of shape \(x.shape) and a weight of \(weight.shape)") }
        let input = Array(x.shape.dropFirst(2))
        let window = try SpatialWindow(node, input: input, kernel: Array(weight.shape.dropFirst(2)))
        var padding = window.padsBefore
        if window.padsBefore != window.padsAfter {
            x = try x.padded(window.explicitPads(input: input))
            padding = [Int](repeating: 0, count: input.count)
        }
        return [try x.convolved(
            weight, bias: node.optional(2), strides: window.strides, padding: padding, dilations: window.dilations, groups: node.int("group", default: 1))]
    }

    @Sendable private static func transposedConvolution(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0), weight = try node.input(1)
        guard x.rank >= 3, weight.rank == x.rank else { throw node.malformed("an input of shape \(x.shape) and a weight of \(weight.shape)") }
        let rank = x.rank - 2, ones = [Int](repeating: 1, count: rank), zeros = [Int](repeating: 0, count: rank)
        let strides = try node.ints("strides", count: rank) ?? ones, dilations = try node.ints("dilations", count: rank) ?? ones
        let extra = try node.ints("output_padding", count: rank) ?? zeros
        let pads = try node.ints("pads", count: 2 * rank) ?? zeros + zeros
        var before = Array(pads.prefix(rank)), after = Array(pads.suffix(rank))
        let automatic = try node.string("auto_pad", default: "NOTSET")
        let wanted = try node.ints("output_shape").map { Array($0.suffix(rank)) }
        let inputs = Array(x.shape.dropFirst(2)), kernel = Array(weight.shape.dropFirst(2))
        let full: [Int] = (0..<rank).map { axis in
            let reach = (kernel[axis] - 1) * dilations[axis] + 1
            return (inputs[axis] - 1) * strides[axis] + reach
        }
        for axis in 0..<rank {
            let size: Int
            if let wanted { size = wanted[axis] } else if automatic.hasPrefix("SAME") { size = x.shape[axis + 2] * strides[axis] } else { continue }
            // What is too much is cut; what is missing is padding of zeros, which takes the bias as well.
            let total = full[axis] + extra[axis] - size
            before[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
            if wanted != nil, automatic == "NOTSET" { before[axis] = total / 2 }
            after[axis] = total - before[axis]
        }
        if automatic == "VALID" { (before, after) = (zeros, zeros) }
        // Without bias, cut or padded to the output, then the bias: the same in every case.
        var y = try x.convolved(weight, strides: strides, padding: zeros, dilations: dilations, groups: node.int("group", default: 1), isTransposed: true)
        let cut = (0..<rank).reversed().flatMap { [-before[$0], extra[$0] - after[$0]] }
        if cut.contains(where: { $0 != 0 }) { y = try y.padded(cut) }
        if let bias = node.optional(2) { y = try y + bias.reshaped([1, bias.count] + ones) }
        return [y]
    }

    @Sendable private static func maxPool(_ node: NodeCall) throws -> [TorchTensor?] {
        var x = try node.input(0)
        guard node.node.outputs.count == 1 else { throw node.unsupported("a second output") }
        guard x.isFloat else { throw node.unsupported("an input of \(x.elementType)") }
        let input = Array(x.shape.dropFirst(2))
        let window = try SpatialWindow(node, input: input, kernel: nil)
        var padding = window.padsBefore
        // libtorch takes at most half a kernel of padding.
        if !window.isSymmetric(input: input) || zip(padding, window.kernel).contains(where: { 2 * $0 > $1 }) {
            x = try x.padded(window.explicitPads(input: input), value: -.infinity)
            padding = padding.map { _ in 0 }
        }
        return [try x.pooled(CTORCH_MAX_POOL, kernel: window.kernel, strides: window.strides, padding: padding, dilations: window.dilations)]
    }

    @Sendable private static func averagePool(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let input = Array(x.shape.dropFirst(2)), zeros = [Int](repeating: 0, count: max(x.rank - 2, 0))
        let window = try SpatialWindow(node, input: input, kernel: nil)
        let countsPadding = try node.int("count_include_pad", default: 0) != 0
        let isDilated = window.dilations.contains { $0 != 1 }
        let explicit = window.explicitPads(input: input)
        func sum(_ x: TorchTensor) throws -> TorchTensor {
            guard isDilated else { return try x.pooled(CTORCH_MEAN_POOL, kernel: window.kernel, strides: window.strides, padding: zeros, dilations: window.dilations) }
            // A mean over dilated windows is a convolution of each channel.
            let weight = try TorchTensor.full([x.shape[1], 1] + window.kernel, 1 / Double(window.kernel.reduce(1, *)), x.elementType, device: x.device)
            return try x.convolved(weight, strides: window.strides, padding: zeros, dilations: window.dilations, groups: x.shape[1])
        }
        if explicit.allSatisfy({ $0 <= 0 }) && !isDilated { return [try sum(x)] }
        let padded = try sum(x.padded(explicit))
        // How much of each window counts: the picture, or the picture and the padding that the node asks for.
        let ones = try TorchTensor.full([1, x.shape[1]] + input, 1, x.elementType, device: x.device)
        let asked = input.indices.reversed().flatMap { [window.padsBefore[$0], window.padsAfter[$0]] }
        let share = countsPadding
            ? try sum(ones.padded(asked, value: 1).padded(zip(explicit, asked).map { $0 - $1 })) : try sum(ones.padded(explicit))
        return [try padded / share]
    }
}
