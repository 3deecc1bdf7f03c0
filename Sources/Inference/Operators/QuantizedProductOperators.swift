import Tensors

/// Accumulators to 8-bit values: saturate(round(sum · scale) + zero point).
private func requantize(_ sum: Int32, _ factor: Float, zeroPoint: UInt8, isSigned: Bool) -> UInt8 {
    let value = Float(sum) * factor
    return isSigned
        ? UInt8(bitPattern: Int8(quantizing: value, zeroPoint: Int8(bitPattern: zeroPoint))) : UInt8(quantizing: value, zeroPoint: zeroPoint)
}

/// `QLinearConv` and `ConvInteger` on 8-bit values, accumulated in 32 bits: the slow reference.
///
/// Inputs of `QLinearConv`: x, its scale and zero point, w, its scale and zero point (one or one for each output channel), the
/// output's scale and zero point, bias in steps of both scales.
struct QuantizedConvOperator: Operator {
    static let names = ["QLinearConv", "ConvInteger"]

    private struct Sizes {
        let window: Window
        let batch: Int, channels: Int, outputs: Int, groups: Int
        let isLinear: Bool
        let weightInput: Int, inputZero: Int, weightZero: Int
    }

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> Sizes {
        let isLinear = node.operation == "QLinearConv"
        let weightInput = isLinear ? 3 : 1, inputZero = 2, weightZero = isLinear ? 5 : 3
        let x = try node.type(0, among: [.uint8, .int8]), w = try node.type(weightInput, among: [.uint8, .int8])
        guard (3...5).contains(x.rank), w.rank == x.rank else { throw node.unsupported("an input of shape \(x.shape) and weights of \(w.shape)") }
        let groups = try node.int("group", default: 1)
        guard groups >= 1, w.shape[0] >= 1, w.shape[1] >= 1, w.shape[1].multipliedReportingOverflow(by: groups) == (x.shape[1], false),
            w.shape[0] % groups == 0
        else { throw node.malformed("weights of shape \(w.shape) in \(groups) groups for input \(x.shape)") }
        let outputs = w.shape[0]
        func check(_ index: Int, _ type: ElementType, perChannel: Bool) throws(InferenceError) {
            guard node.hasInput(index) else { return }
            let given = try node.type(index, among: [type])
            guard given.count == 1 || (perChannel && given.shape == [outputs]) else { throw node.malformed("input \(index) of shape \(given.shape)") }
        }
        try check(inputZero, x.elementType, perChannel: false)
        try check(weightZero, w.elementType, perChannel: true)
        if isLinear {
            for index in [1, 4, 6] {
                _ = try node.type(index)
                try check(index, .float32, perChannel: index == 4)
            }
            guard try node.type(7, among: [.uint8, .int8]).count == 1 else { throw node.malformed("input 7 of shape \(try node.shape(7))") }
            if node.hasInput(8) {
                guard try node.type(8, among: [.int32]).shape == [outputs] else { throw node.malformed("bias of shape \(try node.shape(8))") }
            }
        }
        let window = try Window(node, input: Array(x.shape.dropFirst(2)), kernel: Array(w.shape.dropFirst(2)), channels: x.shape[1])
        return Sizes(
            window: window, batch: x.shape[0], channels: x.shape[1], outputs: outputs, groups: groups, isLinear: isLinear,
            weightInput: weightInput, inputZero: inputZero, weightZero: weightZero)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let sizes = try Self.sizes(node)
        return [
            try node.makeType([sizes.batch, sizes.outputs] + sizes.window.output, sizes.isLinear ? try node.type(7).elementType : .int32)
        ]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let sizes = try Self.sizes(node)
        return switch (try node.type(0).elementType, try node.type(sizes.weightInput).elementType) {
        case (.uint8, .uint8): try Self.kernel(node, sizes, UInt8.self, UInt8.self)
        case (.uint8, _): try Self.kernel(node, sizes, UInt8.self, Int8.self)
        case (_, .uint8): try Self.kernel(node, sizes, Int8.self, UInt8.self)
        default: try Self.kernel(node, sizes, Int8.self, Int8.self)
        }
    }

    private static func kernel<X: TensorElement & FixedWidthInteger, W: TensorElement & FixedWidthInteger>(
        _ node: NodeContext, _ sizes: Sizes, _: X.Type, _: W.Type
    ) throws(InferenceError) -> Kernel {
        let window = sizes.window.inThreeDimensions
        let inputsPerGroup = sizes.channels / sizes.groups, outputsPerGroup = sizes.outputs / sizes.groups
        let hasManyZeros = node.hasInput(sizes.weightZero) ? try node.type(sizes.weightZero).count > 1 : false
        let hasManyScales = sizes.isLinear ? try node.type(4).count > 1 : false
        let isSigned = node.outputs[0].elementType == .int8
        var kernel = Kernel { arguments in
            let x = arguments.input(0, as: X.self), w = arguments.input(sizes.weightInput, as: W.self)
            let inputZero = arguments.hasInput(sizes.inputZero) ? Int32(arguments.input(sizes.inputZero, as: X.self)[0]) : 0
            var target = 0
            for n in 0..<sizes.batch {
                for o in 0..<sizes.outputs {
                    let weightZero = arguments.hasInput(sizes.weightZero)
                        ? Int32(arguments.input(sizes.weightZero, as: W.self)[hasManyZeros ? o : 0]) : 0
                    let bias = sizes.isLinear && arguments.hasInput(8) ? arguments.input(8, as: Int32.self)[o] : 0
                    var factor: Float = 1
                    if sizes.isLinear {
                        factor = arguments.input(1, as: Float.self)[0] * arguments.input(4, as: Float.self)[hasManyScales ? o : 0]
                            / arguments.input(6, as: Float.self)[0]
                    }
                    for od in 0..<window.output[0] {
                        for oh in 0..<window.output[1] {
                            for ow in 0..<window.output[2] {
                                var sum = bias
                                for i in 0..<inputsPerGroup {
                                    let image = (n * sizes.channels + o / outputsPerGroup * inputsPerGroup + i) * window.input[0]
                                    let weights = (o * inputsPerGroup + i) * window.kernel[0]
                                    for kd in 0..<window.kernel[0] {
                                        let id = od * window.strides[0] - window.padsBefore[0] + kd * window.dilations[0]
                                        if id < 0 || id >= window.input[0] { continue }
                                        for kh in 0..<window.kernel[1] {
                                            let ih = oh * window.strides[1] - window.padsBefore[1] + kh * window.dilations[1]
                                            if ih < 0 || ih >= window.input[1] { continue }
                                            for kw in 0..<window.kernel[2] {
                                                let iw = ow * window.strides[2] - window.padsBefore[2] + kw * window.dilations[2]
                                                if iw < 0 || iw >= window.input[2] { continue }
                                                let value = Int32(x[((image + id) * window.input[1] + ih) * window.input[2] + iw]) - inputZero
                                                let weight = Int32(w[((weights + kd) * window.kernel[1] + kh) * window.kernel[2] + kw]) - weightZero
                                                sum &+= value * weight
                                            }
                                        }
                                    }
                                }
                                if sizes.isLinear {
                                    let zero = arguments.input(7, as: UInt8.self)[0]
                                    var y = arguments.output(0, as: UInt8.self)
                                    y[target] = requantize(sum, factor, zeroPoint: zero, isSigned: isSigned)
                                } else {
                                    var y = arguments.output(0, as: Int32.self)
                                    y[target] = sum
                                }
                                target += 1
                            }
                        }
                    }
                }
            }
        }
        guard let work = sizes.window.products(batch: sizes.batch, outputChannels: sizes.outputs, inputChannelsPerGroup: inputsPerGroup) else {
            throw InferenceError(.tooLarge, "\(node.label): more multiply-accumulates than can be counted")
        }
        kernel.multiplyAccumulates = work
        return kernel
    }
}

/// `QLinearMatMul` and `MatMulInteger` on 8-bit values, accumulated in 32 bits: the slow reference.
///
/// Scales and zero points: one for the whole, one for each row of the left or one for each column of the right operand.
struct QuantizedMatrixProductOperator: Operator {
    static let names = ["QLinearMatMul", "MatMulInteger"]

    private struct Sizes {
        let batch: [Int], m: Int, k: Int, n: Int
        let left: [Int], right: [Int], output: [Int]
        let isLinear: Bool
        let rightInput: Int, leftZero: Int, rightZero: Int
    }

    private static func sizes(_ node: NodeContext) throws(InferenceError) -> Sizes {
        let isLinear = node.operation == "QLinearMatMul"
        let rightInput = isLinear ? 3 : 1, leftZero = 2, rightZero = isLinear ? 5 : 3
        let leftType = try node.type(0, among: [.uint8, .int8]), rightType = try node.type(rightInput, among: [.uint8, .int8])
        var left = leftType.shape, right = rightType.shape
        let isRow = left.count == 1, isColumn = right.count == 1
        guard !left.isEmpty, !right.isEmpty else { throw node.malformed("operands of shapes \(left) and \(right)") }
        if isRow { left = [1] + left }
        if isColumn { right = right + [1] }
        let m = left[left.count - 2], k = left[left.count - 1], n = right[right.count - 1]
        guard right[right.count - 2] == k, let batch = broadcastShape([Array(left.dropLast(2)), Array(right.dropLast(2))]) else {
            throw node.malformed("shapes \(leftType.shape) and \(rightType.shape) do not fit")
        }
        func check(_ index: Int, _ type: ElementType, _ count: Int) throws(InferenceError) {
            guard node.hasInput(index) else { return }
            let given = try node.type(index, among: [type])
            guard given.count == 1 || given.count == count else { throw node.malformed("input \(index) of shape \(given.shape), expected 1 or \(count) elements") }
        }
        try check(leftZero, leftType.elementType, m)
        try check(rightZero, rightType.elementType, n)
        if isLinear {
            for index in [1, 4, 6] { _ = try node.type(index) }
            try check(1, .float32, m)
            try check(4, .float32, n)
            try check(6, .float32, 1)
            guard try node.type(7, among: [.uint8, .int8]).count == 1 else { throw node.malformed("input 7 of shape \(try node.shape(7))") }
        }
        return Sizes(
            batch: batch, m: m, k: k, n: n, left: left, right: right, output: batch + (isRow ? [] : [m]) + (isColumn ? [] : [n]),
            isLinear: isLinear, rightInput: rightInput, leftZero: leftZero, rightZero: rightZero)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let sizes = try Self.sizes(node)
        return [try node.makeType(sizes.output, sizes.isLinear ? try node.type(7).elementType : .int32)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let sizes = try Self.sizes(node)
        return switch (try node.type(0).elementType, try node.type(sizes.rightInput).elementType) {
        case (.uint8, .uint8): try Self.kernel(node, sizes, UInt8.self, UInt8.self)
        case (.uint8, _): try Self.kernel(node, sizes, UInt8.self, Int8.self)
        case (_, .uint8): try Self.kernel(node, sizes, Int8.self, UInt8.self)
        default: try Self.kernel(node, sizes, Int8.self, Int8.self)
        }
    }

    private static func kernel<A: TensorElement & FixedWidthInteger, B: TensorElement & FixedWidthInteger>(
        _ node: NodeContext, _ sizes: Sizes, _: A.Type, _: B.Type
    ) throws(InferenceError) -> Kernel {
        let (m, k, n) = (sizes.m, sizes.k, sizes.n)
        let (work, overflow) = node.outputs[0].count.multipliedReportingOverflow(by: max(k, 1))
        guard !overflow else { throw InferenceError(.tooLarge, "\(node.label): more multiply-accumulates than can be counted") }
        func steps(_ index: Int) throws(InferenceError) -> Int {
            if !node.hasInput(index) { return 0 }
            return try node.type(index).count > 1 ? 1 : 0
        }
        let leftZeroStep = try steps(sizes.leftZero), rightZeroStep = try steps(sizes.rightZero)
        let leftScaleStep = sizes.isLinear ? try steps(1) : 0, rightScaleStep = sizes.isLinear ? try steps(4) : 0
        let isSigned = node.outputs[0].elementType == .int8
        let pairs = node.outputs[0].count == 0
            ? [] : BroadcastWalk.offsets(sizes.left.dropLast(2).map { $0 }, sizes.right.dropLast(2).map { $0 }, in: sizes.batch)
        var kernel = Kernel { arguments in
            let a = arguments.input(0, as: A.self), b = arguments.input(sizes.rightInput, as: B.self)
            for (index, pair) in pairs.enumerated() {
                for i in 0..<m {
                    let leftZero = arguments.hasInput(sizes.leftZero) ? Int32(arguments.input(sizes.leftZero, as: A.self)[i * leftZeroStep]) : 0
                    for j in 0..<n {
                        let rightZero = arguments.hasInput(sizes.rightZero) ? Int32(arguments.input(sizes.rightZero, as: B.self)[j * rightZeroStep]) : 0
                        var sum: Int32 = 0
                        for p in 0..<k {
                            sum &+= (Int32(a[(pair.0 * m + i) * k + p]) - leftZero) * (Int32(b[(pair.1 * k + p) * n + j]) - rightZero)
                        }
                        let target = (index * m + i) * n + j
                        if sizes.isLinear {
                            let factor = arguments.input(1, as: Float.self)[i * leftScaleStep] * arguments.input(4, as: Float.self)[j * rightScaleStep]
                                / arguments.input(6, as: Float.self)[0]
                            let zero = arguments.input(7, as: UInt8.self)[0]
                            var y = arguments.output(0, as: UInt8.self)
                            y[target] = requantize(sum, factor, zeroPoint: zero, isSigned: isSigned)
                        } else {
                            var y = arguments.output(0, as: Int32.self)
                            y[target] = sum
                        }
                    }
                }
            }
        }
        kernel.multiplyAccumulates = work
        return kernel
    }
}
