import ModelBundle
import Tensors

/// Finders of faces.
extension GraphBuilder {
    private mutating func unit(_ x: Value, _ channels: Int, stride: Int = 1) -> Value {
        let inner = x.channels ?? 1
        return relu(batchNormalization(convolution(convolution(x, inner, kernel: 3, stride: stride, groups: inner, bias: false), channels, kernel: 1, bias: false)))
    }

    /// What is added to the values that it is of; nothing to begin with.
    private mutating func linearUnit(_ x: Value, _ channels: Int) -> Value {
        let inner = x.channels ?? 1
        return batchNormalization(convolution(convolution(x, inner, kernel: 3, groups: inner, bias: false), channels, kernel: 1, bias: false), scale: 0)
    }

    /// Twice the width and height, each value four times.
    private mutating func doubled(_ x: Value) -> Value {
        let scales = constant(Tensor(shape: [4], values: [Float(1), 1, 2, 2]))
        return node(
            "Resize", [x.name, "", scales], ["mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"), "nearest_mode": .string("floor")],
            shape: [x.shape[0], x.shape[1], .free(""), .free("")])
    }

    /// Outputs as YuNet's (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023), of a network of separable convolutions with a pyramid of three
    /// scales: `cls`, `obj` (one and the same here, for √(cls · obj) is what counts), `bbox` and `kps` by stride, `[batch, cells, 1 | 1 | 4 | 10]`.
    ///
    /// Pictures [batch, 3, height, width], blue green red, 0…255; sides are multiples of 32. 59.9 M multiply-accumulates at 320×240.
    mutating func faceDetector(_ picture: Value, width: Int = 64) -> [(key: String, value: Value)] {
        var y = scale(picture, by: 1 / 128)
        y = scope("stem") { net in net.relu(net.batchNormalization(net.convolution(y, 16, kernel: 3, stride: 2, bias: false))) }
        y = scope("quarter") { net in net.unit(net.unit(y, 32, stride: 2), 32) }
        var levels: [Value] = []
        for (index, count) in [3, 3, 2].enumerated() {
            y = scope("stride\(8 << index)") { net in
                var z = net.unit(y, width, stride: 2)
                for _ in 1..<count { z = net.add(z, net.unit(z, width)) }
                return z
            }
            levels.append(y)
        }
        // From coarse to fine: what is around a small face tells that it is one.
        for index in [1, 0] { levels[index] = scope("pyramid\(8 << index)") { net in net.unit(net.add(levels[index], net.doubled(levels[index + 1])), width) } }
        var outputs: [(key: String, value: Value)] = []
        for (index, level) in levels.enumerated() {
            let stride = 8 << index
            scope("head\(stride)") { net in
                let seen = net.unit(level, width)
                let shared = net.add(seen, net.scope("again") { $0.linearUnit(seen, width) })
                func answer(_ name: String, _ size: Int) -> Value {
                    net.reshape(net.transpose(net.convolution(shared, size, kernel: 1, name: name), [0, 2, 3, 1]), [0, -1, size])
                }
                let score = net.sigmoid(answer("score", 1))
                outputs.append(("cls_\(stride)", score))
                outputs.append(("obj_\(stride)", net.node("Identity", [score.name], shape: score.shape)))
                outputs.append(("bbox_\(stride)", answer("bbox", 4)))
                outputs.append(("kps_\(stride)", answer("kps", 10)))
            }
        }
        return outputs
    }
}
