import Foundation
import Tensors

/// `LayerNormalization` (Ba et al. 2016): y = (x − mean) / √(variance + ε) · scale + bias over the axes from `axis` on.
struct LayerNormalizationOperator: Operator {
    static let names = ["LayerNormalization"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        let axis = try node.axis(node.int("axis", default: -1), rank: type.rank)
        for index in 1...2 where index == 1 || node.hasInput(index) {
            let shape = try node.type(index, among: [.float32]).shape
            guard broadcastShape([shape, type.shape]) == type.shape else {
                throw node.malformed("input \(index) of shape \(shape) does not broadcast to \(type.shape)")
            }
        }
        let moments = try node.makeType(type.shape.enumerated().map { $0 < axis ? $1 : 1 }, .float32)
        return [type, moments, moments]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = node.outputs[0].shape
        let axis = try node.axis(node.int("axis", default: -1), rank: shape.count)
        let rows = shape.prefix(axis).reduce(1, *), size = shape.dropFirst(axis).reduce(1, *)
        let epsilon = try node.float("epsilon", default: 1e-5)
        let scales = BroadcastWalk(shape, try node.shape(1), to: shape)
        let biases = node.hasInput(2) ? BroadcastWalk(shape, try node.shape(2), to: shape) : nil
        return Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            for row in 0..<rows {
                let moments = unsafe Moments(x + row * size, count: size)
                let deviation = unsafe moments.normalize(x + row * size, y + row * size, count: size, epsilon: epsilon)
                if arguments.hasOutput(1) { unsafe arguments.outputPointer(1, as: Float.self)[row] = Float(moments.mean) }
                if arguments.hasOutput(2) { unsafe arguments.outputPointer(2, as: Float.self)[row] = 1 / deviation }
            }
            let scale = unsafe arguments.inputPointer(1, as: Float.self)
            scales.forEachRun { own, ownStep, other, otherStep, _, count in
                for index in 0..<count { unsafe y[own + index * ownStep] *= scale[other + index * otherStep] }
            }
            if let biases {
                let bias = unsafe arguments.inputPointer(2, as: Float.self)
                biases.forEachRun { own, ownStep, other, otherStep, _, count in
                    for index in 0..<count { unsafe y[own + index * ownStep] += bias[other + index * otherStep] }
                }
            }
        }
    }
}

/// Mean and variance of a run of values, in double precision.
struct Moments {
    let mean: Double
    let variance: Double

    init(_ values: UnsafePointer<Float>, count: Int) {
        var sum = 0.0
        for index in 0..<count { unsafe sum += Double(values[index]) }
        let mean = sum / Double(max(count, 1))
        var squares = 0.0
        for index in 0..<count {
            let difference = unsafe Double(values[index]) - mean
            squares += difference * difference
        }
        self.mean = mean
        variance = squares / Double(max(count, 1))
    }

    /// Writes (x − mean) / √(variance + ε) and returns the root.
    @discardableResult
    func normalize(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int, epsilon: Float) -> Float {
        let deviation = Float((variance + Double(epsilon)).squareRoot())
        let mean = Float(mean)
        for index in 0..<count { unsafe y[index] = unsafe (x[index] - mean) / deviation }
        return deviation
    }
}

/// `InstanceNormalization` (Ulyanov et al. 2016) and `GroupNormalization` (Wu and He 2018) of [batch, channels, spatial…]: every
/// group of channels has mean 0 and variance 1 over itself; then scale and bias, for each channel or (operator set 18) group.
struct GroupNormalizationOperator: Operator {
    static let names = ["InstanceNormalization", "GroupNormalization"]

    private static func groups(_ node: NodeContext) throws(InferenceError) -> Int {
        let shape = try node.shape(0)
        guard shape.count >= 2 else { throw node.malformed("an input of shape \(shape)") }
        if node.operation == "InstanceNormalization" { return shape[1] }
        let groups = try node.int("num_groups")
        guard groups >= 1, shape[1] % groups == 0 else { throw node.malformed("\(groups) groups of \(shape[1]) channels") }
        return groups
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        let groups = try Self.groups(node)
        let scale = try node.type(1, among: [.float32]).shape, bias = try node.type(2, among: [.float32]).shape
        guard scale == bias, scale == [type.shape[1]] || scale == [groups] else {
            throw node.malformed("scale of shape \(scale) and bias of shape \(bias) for \(type.shape[1]) channels in \(groups) groups")
        }
        return [type]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = node.outputs[0].shape
        let groups = try Self.groups(node), channels = shape[1], batch = shape[0]
        let size = shape.dropFirst(2).reduce(1, *)
        let perGroup = groups > 0 ? channels / groups : 0
        let isPerChannel = try node.shape(1) == [channels]
        let epsilon = try node.float("epsilon", default: 1e-5)
        var kernel = Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            let scale = arguments.input(1, as: Float.self), bias = arguments.input(2, as: Float.self)
            let count = perGroup * size
            for block in 0..<batch * groups {
                let start = block * count
                unsafe Moments(x + start, count: count).normalize(x + start, y + start, count: count, epsilon: epsilon)
                for channel in 0..<perGroup {
                    let group = block % groups
                    let position = isPerChannel ? group * perGroup + channel : group
                    let factor = scale[position], offset = bias[position]
                    for index in start + channel * size..<start + (channel + 1) * size { unsafe y[index] = unsafe y[index] * factor + offset }
                }
            }
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }
}

/// `LpNormalization`: x divided by its 1-norm or 2-norm along an axis; 0 where the norm is 0. `LogSoftmax`: x − log Σ eˣ along an
/// axis (operator set 13 on), or over everything from the axis on (before).
struct AxisNormalizationOperator: Operator {
    static let names = ["LpNormalization", "LogSoftmax"]

    private static func axis(_ node: NodeContext) throws(InferenceError) -> Int {
        let fallback = node.operation == "LogSoftmax" && node.opset < 13 ? 1 : -1
        return try node.axis(node.int("axis", default: fallback), rank: max(node.type(0).rank, 1))
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        _ = try Self.axis(node)
        if node.operation == "LpNormalization" {
            let p = try node.int("p", default: 2)
            guard p == 1 || p == 2 else { throw node.malformed("p \(p), expected 1 or 2") }
        }
        return [type]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = node.outputs[0].shape
        let axis = try Self.axis(node)
        let isSoftmax = node.operation == "LogSoftmax", isFlat = isSoftmax && node.opset < 13
        let outer = shape.prefix(axis).reduce(1, *)
        let size = isFlat ? shape.dropFirst(axis).reduce(1, *) : shape.isEmpty ? 1 : shape[axis]
        let inner = isFlat ? 1 : shape.dropFirst(axis + 1).reduce(1, *)
        let isSquare = try node.int("p", default: 2) == 2
        var kernel = Kernel { arguments in
            let x = arguments.input(0, as: Float.self)
            var y = arguments.output(0, as: Float.self)
            for block in 0..<outer {
                for column in 0..<inner {
                    let start = block * size * inner + column
                    var sum = 0.0
                    if isSoftmax {
                        var largest = -Float.infinity
                        for index in 0..<size { largest = max(largest, x[start + index * inner]) }
                        for index in 0..<size { sum += exp(Double(x[start + index * inner] - largest)) }
                        let offset = Float(log(sum))
                        for index in 0..<size { y[start + index * inner] = x[start + index * inner] - largest - offset }
                        continue
                    }
                    for index in 0..<size {
                        let value = Double(x[start + index * inner])
                        sum += isSquare ? value * value : abs(value)
                    }
                    let norm = Float(isSquare ? sum.squareRoot() : sum)
                    for index in 0..<size { y[start + index * inner] = norm == 0 ? 0 : x[start + index * inner] / norm }
                }
            }
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }
}

/// `LRN` (Krizhevsky et al. 2012) over the channels of [batch, channels, spatial…]: y = x / (bias + α/size · Σ x²)^β.
struct LocalResponseNormalizationOperator: Operator {
    static let names = ["LRN"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        guard type.rank >= 2, try node.int("size") >= 1 else { throw node.malformed("an input of shape \(type.shape)") }
        return [type]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = node.outputs[0].shape
        let (batch, channels, inner) = (shape[0], shape[1], shape.dropFirst(2).reduce(1, *))
        let size = try node.int("size")
        let alpha = Double(try node.float("alpha", default: 0.0001)) / Double(size), beta = Double(try node.float("beta", default: 0.75))
        let bias = Double(try node.float("bias", default: 1))
        var kernel = Kernel { arguments in
            let x = arguments.input(0, as: Float.self)
            var y = arguments.output(0, as: Float.self)
            for n in 0..<batch {
                for c in 0..<channels {
                    let window = max(0, c - (size - 1) / 2)...min(channels - 1, c + size / 2)
                    for position in 0..<inner {
                        var sum = 0.0
                        for other in window {
                            let value = Double(x[(n * channels + other) * inner + position])
                            sum += value * value
                        }
                        let index = (n * channels + c) * inner + position
                        y[index] = Float(Double(x[index]) / pow(bias + alpha * sum, beta))
                    }
                }
            }
        }
        kernel.multiplyAccumulates = node.outputs[0].count * min(size, channels)
        return kernel
    }
}
