import Tensors

/// Kernel, strides, dilations and padding of a convolution or a pool over its spatial axes, checked.
struct Window {
    let input: [Int]
    let kernel: [Int]
    let strides: [Int]
    let dilations: [Int]
    let padsBefore: [Int]
    let padsAfter: [Int]
    let output: [Int]

    /// - Parameters:
    ///   - input: spatial sizes.
    ///   - kernel: sizes from the weights; `nil` where the attribute `kernel_shape` gives them.
    ///   - channels: of the input, to bound what padding may add.
    init(_ node: NodeContext, input: [Int], kernel weights: [Int]?, channels: Int) throws(InferenceError) {
        let rank = input.count
        let attribute = try node.ints("kernel_shape", count: rank)
        guard let kernel = weights ?? attribute else { throw node.malformed("attribute 'kernel_shape' is missing") }
        if let attribute, attribute != kernel { throw node.malformed("kernel_shape \(attribute) but weights of \(kernel)") }
        let strides = try node.ints("strides", count: rank) ?? [Int](repeating: 1, count: rank)
        let dilations = try node.ints("dilations", count: rank) ?? [Int](repeating: 1, count: rank)
        let pads = try node.ints("pads", count: 2 * rank) ?? [Int](repeating: 0, count: 2 * rank)
        guard kernel.allSatisfy({ $0 >= 1 }), strides.allSatisfy({ $0 >= 1 }), dilations.allSatisfy({ $0 >= 1 }), pads.allSatisfy({ $0 >= 0 }) else {
            throw node.malformed("kernel \(kernel), strides \(strides), dilations \(dilations), pads \(pads); expected at least 1, 1, 1, 0")
        }
        let rounding = try node.int("ceil_mode", default: 0)
        var before = Array(pads.prefix(rank))
        var after = Array(pads.suffix(rank))
        var output: [Int] = []
        let automatic = try node.string("auto_pad", default: "NOTSET")
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
                if automatic == "VALID" {
                    before[axis] = 0
                    after[axis] = 0
                }
                let room = input[axis] + before[axis] + after[axis] - reach
                guard room >= 0 else {
                    throw node.malformed("a kernel that reaches over \(reach) does not fit into size \(input[axis]) with padding \(before[axis]) and \(after[axis])")
                }
                var size = room / strides[axis] + 1
                if rounding != 0 && room % strides[axis] != 0 && size * strides[axis] < input[axis] + before[axis] { size += 1 }
                output.append(size)
            default: throw node.malformed("auto_pad '\(automatic)'")
            }
        }
        // The padded input must be a size that could exist, so that no sum over it overflows.
        _ = try node.makeType([channels] + (0..<rank).map { input[$0] + before[$0] + after[$0] }, .float32)
        self.input = input
        self.kernel = kernel
        self.strides = strides
        self.dilations = dilations
        padsBefore = before
        padsAfter = after
        self.output = output
    }

    private init(input: [Int], kernel: [Int], strides: [Int], dilations: [Int], padsBefore: [Int], padsAfter: [Int], output: [Int]) {
        self.input = input
        self.kernel = kernel
        self.strides = strides
        self.dilations = dilations
        self.padsBefore = padsBefore
        self.padsAfter = padsAfter
        self.output = output
    }

    /// The same with leading axes of size 1 up to three axes: depth, height, width.
    var inThreeDimensions: Window {
        let lead = 3 - input.count
        func padded(_ values: [Int], _ fill: Int) -> [Int] { [Int](repeating: fill, count: lead) + values }
        return Window(
            input: padded(input, 1), kernel: padded(kernel, 1), strides: padded(strides, 1), dilations: padded(dilations, 1),
            padsBefore: padded(padsBefore, 0), padsAfter: padded(padsAfter, 0), output: padded(output, 1))
    }

    /// In three dimensions, neighbouring axes joined where the kernel does not look along them: a kernel over time sees a
    /// picture as one row of pixels.
    var joined: Window {
        func isPlain(_ axis: Int) -> Bool {
            kernel[axis] == 1 && strides[axis] == 1 && padsBefore[axis] == 0 && padsAfter[axis] == 0
        }
        var window = self
        if isPlain(1) && isPlain(2) { window = window.joining(1, 2) }
        if window.kernel[0] == 1 && isPlain(0) && window.kernel[1] == 1 && isPlain(1) && isPlain(2) { window = window.joining(0, 2) }
        return window
    }

    private func joining(_ axis: Int, _ other: Int) -> Window {
        func join(_ values: [Int]) -> [Int] {
            var values = values
            values[other] *= values[axis]
            values[axis] = 1
            return values
        }
        return Window(
            input: join(input), kernel: kernel, strides: strides, dilations: dilations, padsBefore: padsBefore, padsAfter: padsAfter,
            output: join(output))
    }

    /// Output elements of one channel times kernel elements, or `nil` where that overflows.
    func products(batch: Int, outputChannels: Int, inputChannelsPerGroup: Int) -> Int? {
        var result = batch
        for factor in output + kernel + [outputChannels, inputChannelsPerGroup] {
            let (product, overflow) = result.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            result = product
        }
        return result
    }
}
