import ModelBundle
import Tensors

extension GraphBuilder {
    public enum Padding: Sendable, Equatable {
        /// As much on both sides as keeps the size at stride 1: dilation · (kernel − 1) / 2, for odd kernels.
        case same
        case none
        /// On both sides of every axis.
        case each(Int)
        /// Before all axes, then after all.
        case explicit([Int])
    }

    /// What goes on after a layer.
    public enum Activation: Sendable, Equatable {
        case none, relu, prelu, sigmoid, tanh, hardSwish
        /// ReLU up to a bound.
        case clipped(Float)
    }

    private func spatial(_ size: ValueInfo.Dimension, _ kernel: Int, _ stride: Int, _ dilation: Int, _ pads: Int) -> ValueInfo.Dimension? {
        guard case .fixed(let size) = size else { return stride == 1 && pads == dilation * (kernel - 1) ? size : .free("") }
        let room = size + pads - (kernel - 1) * dilation - 1
        return room < 0 ? nil : .fixed(room / stride + 1)
    }

    /// A convolution over all axes after the channels of [batch, channels, …] (1 to 3 of them).
    ///
    /// - Parameters:
    ///   - kernel, strides, dilations: one number for every axis, or one for each.
    ///   - groups: the number of channels makes it depthwise.
    ///   - initializer: by default Kaiming's for a rectifier.
    public mutating func convolution(
        _ x: Value, _ outputs: Int, kernel: [Int], strides: [Int] = [1], padding: Padding = .same, dilations: [Int] = [1], groups: Int = 1, bias: Bool = true,
        initializer: WeightInitializer = .kaiming(), name: String? = nil
    ) -> Value {
        let rank = x.rank - 2
        func spread(_ values: [Int]) -> [Int] { values.count == 1 ? [Int](repeating: values[0], count: max(rank, 0)) : values }
        let kernel = spread(kernel), strides = spread(strides), dilations = spread(dilations)
        let name = name.map { (path(to: $0)) } ?? unique("conv")
        guard (1...3).contains(rank), kernel.count == rank, strides.count == rank, dilations.count == rank, (kernel + strides + dilations).allSatisfy({ $0 >= 1 }) else {
            fail("convolution '\(name)' with kernel \(kernel), strides \(strides), dilations \(dilations) of \(x.shape.text)")
            return x
        }
        guard let channels = x.channels, groups >= 1, channels % groups == 0, outputs % groups == 0, outputs >= 1 else {
            fail("convolution '\(name)' of \(x.shape.text) to \(outputs) channels in \(groups) groups; the channels must be fixed and divide into the groups")
            return x
        }
        let pads: [Int]
        switch padding {
        case .none: pads = [Int](repeating: 0, count: 2 * rank)
        case .each(let size): pads = [Int](repeating: size, count: 2 * rank)
        case .explicit(let given): pads = given
        case .same:
            let before = (0..<rank).map { dilations[$0] * (kernel[$0] - 1) / 2 }
            pads = before + (0..<rank).map { dilations[$0] * (kernel[$0] - 1) - before[$0] }
        }
        guard pads.count == 2 * rank, pads.allSatisfy({ $0 >= 0 }) else {
            fail("convolution '\(name)' with pads \(pads)")
            return x
        }
        var shape = [x.shape[0], .fixed(outputs)]
        for axis in 0..<rank {
            guard let size = spatial(x.shape[axis + 2], kernel[axis], strides[axis], dilations[axis], pads[axis] + pads[rank + axis]) else {
                fail("convolution '\(name)': a kernel of \(kernel) dilated by \(dilations) does not fit into \(x.shape.text)")
                return x
            }
            shape.append(size)
        }
        let area = kernel.reduce(1, *)
        var inputs = [x.name, weight("\(name).weight", [outputs, channels / groups] + kernel, initializer, inputs: channels / groups * area, outputs: outputs / groups * area)]
        if bias { inputs.append(weight("\(name).bias", [outputs], .constant(0))) }
        return node(
            "Conv", inputs,
            ["kernel_shape": .ints(kernel), "strides": .ints(strides), "dilations": .ints(dilations), "pads": .ints(pads), "group": .int(groups)], shape: shape, name: name)
    }

    public mutating func convolution(
        _ x: Value, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Padding = .same, dilation: Int = 1, groups: Int = 1, bias: Bool = true,
        initializer: WeightInitializer = .kaiming(), name: String? = nil
    ) -> Value {
        convolution(
            x, outputs, kernel: [kernel], strides: [stride], padding: padding, dilations: [dilation], groups: groups, bias: bias, initializer: initializer, name: name)
    }

    /// Over the batch and space of [batch, channels, …], with running statistics. `scale`: the initial one; 0 starts a residual branch silent.
    public mutating func batchNormalization(_ x: Value, scale: Float = 1, epsilon: Float = 1e-5, momentum: Float = 0.9, name: String? = nil) -> Value {
        let name = name.map { path(to: $0) } ?? unique("bn")
        guard let channels = x.channels else {
            fail("batch normalisation of \(x.shape.text), whose channels are not fixed")
            return x
        }
        let inputs = [
            x.name, weight("\(name).scale", [channels], .constant(scale)), weight("\(name).bias", [channels], .constant(0)),
            weight("\(name).mean", [channels], .constant(0)), weight("\(name).variance", [channels], .constant(1)),
        ]
        return node("BatchNormalization", inputs, ["epsilon": .float(epsilon), "momentum": .float(momentum)], shape: x.shape, name: name)
    }

    /// Over the last axis.
    public mutating func layerNormalization(_ x: Value, epsilon: Float = 1e-5) -> Value {
        let name = unique("ln")
        guard let size = x.size(-1) else {
            fail("layer normalisation of \(x.shape.text), whose last size is not fixed")
            return x
        }
        let inputs = [x.name, weight("\(name).scale", [size], .constant(1)), weight("\(name).bias", [size], .constant(0))]
        return node("LayerNormalization", inputs, ["axis": .int(-1), "epsilon": .float(epsilon)], shape: x.shape, name: name)
    }

    /// x for x > 0, slope · x otherwise, a slope for each channel.
    public mutating func prelu(_ x: Value, slope: Float = 0.25) -> Value {
        let name = unique("prelu")
        guard let channels = x.channels else {
            fail("prelu of \(x.shape.text), whose channels are not fixed")
            return x
        }
        let slopes = weight("\(name).slope", [channels] + [Int](repeating: 1, count: x.rank - 2), .constant(slope))
        return node("PRelu", [x.name, slopes], shape: x.shape, name: name)
    }

    public mutating func activation(_ x: Value, _ activation: Activation) -> Value {
        switch activation {
        case .none: return x
        case .prelu: return prelu(x)
        case .relu: return node("Relu", [x.name], shape: x.shape)
        case .sigmoid: return node("Sigmoid", [x.name], shape: x.shape)
        case .tanh: return node("Tanh", [x.name], shape: x.shape)
        case .hardSwish: return node("HardSwish", [x.name], shape: x.shape)
        case .clipped(let bound):
            let bounds = [constant(Tensor(scalar: Float(0))), constant(Tensor(scalar: bound))]
            return node("Clip", [x.name] + bounds, shape: x.shape)
        }
    }

    public mutating func relu(_ x: Value) -> Value { activation(x, .relu) }
    public mutating func sigmoid(_ x: Value) -> Value { activation(x, .sigmoid) }
    public mutating func tanh(_ x: Value) -> Value { activation(x, .tanh) }

    /// [batch, features] → [batch, outputs]; more axes before the last stay as they are.
    public mutating func linear(_ x: Value, _ outputs: Int, bias: Bool = true, initializer: WeightInitializer = .xavier, name: String? = nil) -> Value {
        let name = name.map { path(to: $0) } ?? unique("linear")
        guard let features = x.size(-1), x.rank >= 2, outputs >= 1 else {
            fail("linear layer '\(name)' of \(x.shape.text) to \(outputs); the last size must be fixed")
            return x
        }
        let shape = x.shape.dropLast() + [.fixed(outputs)]
        if x.rank == 2 {
            var inputs = [x.name, weight("\(name).weight", [outputs, features], initializer, inputs: features, outputs: outputs)]
            if bias { inputs.append(weight("\(name).bias", [outputs], .constant(0))) }
            return node("Gemm", inputs, ["transB": .int(1)], shape: Array(shape), name: name)
        }
        let matrix = weight("\(name).weight", [features, outputs], initializer, inputs: features, outputs: outputs)
        guard bias else { return node("MatMul", [x.name, matrix], shape: Array(shape), name: name) }
        let product = node("MatMul", [x.name, matrix], shape: Array(shape), name: "\(name).product")
        return node("Add", [product.name, weight("\(name).bias", [outputs], .constant(0))], shape: Array(shape), name: name)
    }

    private mutating func pool(_ operation: String, _ x: Value, _ kernel: Int, _ stride: Int, _ padding: Int) -> Value {
        let rank = x.rank - 2
        var shape = Array(x.shape.prefix(2))
        for dimension in x.shape.dropFirst(2) {
            guard let size = spatial(dimension, kernel, stride, 1, 2 * padding) else {
                fail("a pool over \(kernel) does not fit into \(x.shape.text)")
                return x
            }
            shape.append(size)
        }
        func each(_ value: Int, _ count: Int) -> Attribute { .ints([Int](repeating: value, count: count)) }
        return node(operation, [x.name], ["kernel_shape": each(kernel, rank), "strides": each(stride, rank), "pads": each(padding, 2 * rank)], shape: shape)
    }

    public mutating func maxPool(_ x: Value, kernel: Int, stride: Int, padding: Int = 0) -> Value { pool("MaxPool", x, kernel, stride, padding) }
    public mutating func averagePool(_ x: Value, kernel: Int, stride: Int, padding: Int = 0) -> Value { pool("AveragePool", x, kernel, stride, padding) }

    /// [batch, channels, …] → [batch, channels, 1 …].
    public mutating func globalAveragePool(_ x: Value) -> Value {
        node("GlobalAveragePool", [x.name], shape: x.shape.prefix(2) + x.shape.dropFirst(2).map { _ in .fixed(1) })
    }

    /// One recurrent layer over [batch, time, features] → [batch, time, directions · hidden].
    public mutating func lstm(_ x: Value, hidden: Int, isBidirectional: Bool = false) -> Value { recurrent("LSTM", 4, x, hidden, isBidirectional) }
    public mutating func gru(_ x: Value, hidden: Int, isBidirectional: Bool = false) -> Value { recurrent("GRU", 3, x, hidden, isBidirectional) }

    private mutating func recurrent(_ operation: String, _ gates: Int, _ x: Value, _ hidden: Int, _ isBidirectional: Bool) -> Value {
        let name = unique(operation.lowercased())
        guard x.rank == 3, let features = x.size(2), hidden >= 1 else {
            fail("\(operation) of \(x.shape.text); expected [batch, time, features] with fixed features")
            return x
        }
        let directions = isBidirectional ? 2 : 1
        let bound = WeightInitializer.uniform(bound: 1 / Float(hidden).squareRoot())
        // Time first, as every runtime has it.
        let turned = transpose(x, [1, 0, 2])
        let inputs = [
            turned.name, weight("\(name).input", [directions, gates * hidden, features], bound), weight("\(name).recurrent", [directions, gates * hidden, hidden], bound),
            weight("\(name).bias", [directions, 2 * gates * hidden], bound),
        ]
        var attributes: [String: Attribute] = ["hidden_size": .int(hidden), "direction": .string(isBidirectional ? "bidirectional" : "forward")]
        if operation == "GRU" { attributes["linear_before_reset"] = .int(1) }
        let y = node(operation, inputs, attributes, shape: [x.shape[1], .fixed(directions), x.shape[0], .fixed(hidden)], name: name)
        return reshape(transpose(y, [2, 0, 1, 3]), [0, 0, directions * hidden])
    }

    /// Zeroes with a probability in training.
    public mutating func dropout(_ x: Value, _ probability: Float) -> Value {
        guard (0..<1).contains(probability) else {
            fail("dropout with probability \(probability); expected 0 ..< 1")
            return x
        }
        return node("Dropout", [x.name, constant(Tensor(scalar: probability))], shape: x.shape)
    }

    /// Divides by the 2-norm along an axis.
    public mutating func normalized(_ x: Value, axis: Int = -1) -> Value { node("LpNormalization", [x.name], ["axis": .int(axis), "p": .int(2)], shape: x.shape) }

    /// Mean and standard deviation over the last axis (Snyder et al. 2018): [batch, channels, time] → [batch, 2 · channels].
    ///
    /// - Parameter weights: how much every moment counts in every channel, [batch, channels, time] with a sum of 1 over time (Okabe, Koshinaka and Shinoda, "Attentive
    ///   Statistics Pooling", Interspeech 2018); all alike where there are none.
    public mutating func statisticsPooling(_ x: Value, weights: Value? = nil, epsilon: Float = 1e-5) -> Value {
        guard x.rank == 3, let channels = x.channels else {
            fail("statistics pooling of \(x.shape.text); expected [batch, channels, time] with fixed channels")
            return x
        }
        func average(_ net: inout GraphBuilder, _ y: Value) -> Value {
            guard let weights else { return net.reduceMean(y, [2], keepsAxes: true) }
            return net.reduceSum(net.multiply(y, weights), [2], keepsAxes: true)
        }
        let mean = average(&self, x)
        let centred = subtract(x, mean)
        let variance = average(&self, multiply(centred, centred))
        let shifted = node("Add", [variance.name, constant(Tensor(scalar: epsilon))], shape: variance.shape)
        let deviation = node("Sqrt", [shifted.name], shape: shifted.shape)
        return reshape(concatenate([mean, deviation], axis: 1), [0, 2 * channels])
    }

    private func path(to name: String) -> String { (scopePath + [name]).joined(separator: ".") }
}
