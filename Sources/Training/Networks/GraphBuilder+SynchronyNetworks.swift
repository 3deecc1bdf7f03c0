import ModelBundle
import Tensors

/// The two streams that compare a mouth with sound, in the manner of Chung and Zisserman, "Out of Time: Automated Lip Sync in the Wild", ACCV 2016 workshops.
///
/// There every position of a window of five pictures is embedded anew. Here each picture passes its convolutions once, and what looks along time comes after
/// them: a step of a stream costs one picture. Both give a unit-length embedding for every 40 ms, to be compared at any offset.
extension GraphBuilder {
    private mutating func unit(_ x: Value, _ channels: Int, kernel: Int, stride: Int = 1, groups: Int = 1) -> Value {
        relu(batchNormalization(convolution(x, channels, kernel: kernel, stride: stride, groups: groups, bias: false)))
    }

    /// Two convolutions over time with residuals, and the embedding: [batch, channels, time] → [batch, time, dimension].
    private mutating func overTime(_ x: Value, dimension: Int) -> Value {
        var y = x
        for block in 1...2 {
            let before = y
            y = scope("time\(block)") { net in
                net.relu(net.add(before, net.batchNormalization(net.convolution(before, before.channels ?? 1, kernel: 5, bias: false))))
            }
        }
        return scope("head") { net in net.transpose(net.convolution(y, dimension, kernel: 1, name: "embedding"), [0, 2, 1]) }
    }

    /// Mouths [batch, time, 96, 96], −1…1: 1.3 M multiply-accumulates each, of which a tenth look along time (4 frames either way).
    mutating func mouthStream(_ mouths: Value, width: Int = 128, dimension: Int) -> Value {
        let pictures = reshape(mouths, [-1, 1, mouths.size(2) ?? 96, mouths.size(3) ?? 96])
        // 2 mouth widths in 48 pixels are enough to see lips open, and a quarter of the work.
        var y = averagePool(pictures, kernel: 2, stride: 2)
        y = scope("stem") { net in net.unit(y, 16, kernel: 3, stride: 2) }
        for (index, layer) in [(32, 2), (48, 1), (80, 2), (80, 1), (width, 2)].enumerated() {
            // Nothing between the two halves of a separable convolution: what is normalised and rectified costs more than what is multiplied.
            y = scope("block\(index + 1)") { net in
                let inner = y.channels ?? 1
                return net.unit(net.convolution(y, inner, kernel: 3, stride: layer.1, groups: inner, bias: false), layer.0, kernel: 1)
            }
        }
        y = scope("picture") { net in net.linear(net.flatten(y), width, bias: false) }
        // Whatever the batch and the time are: [batch · time, width] → [batch, time, width].
        let sizes = node("Shape", [mouths.name], shape: [.fixed(4)], elementType: .int64)
        let leading = node("Gather", [sizes.name, constant(Tensor(shape: [2], values: [Int64(0), 1]))], ["axis": .int(0)], shape: [.fixed(2)], elementType: .int64)
        let wanted = node("Concat", [leading.name, constant(Tensor(shape: [1], values: [Int64(width)]))], ["axis": .int(0)], shape: [.fixed(3)], elementType: .int64)
        y = node("Reshape", [y.name, wanted.name], shape: [mouths.shape[0], mouths.shape[1], .fixed(width)])
        y = scope("picture") { net in net.relu(net.batchNormalization(net.transpose(y, [0, 2, 1]))) }
        return overTime(y, dimension: dimension)
    }

    /// Log-mel frames [batch, 4 · time, 80]: 0.3 M for each 40 ms.
    mutating func soundStream(_ frames: Value, width: Int = 128, dimension: Int) -> Value {
        var y = batchNormalization(transpose(frames, [0, 2, 1]))
        y = scope("block1") { net in net.unit(y, 96, kernel: 5, stride: 2) }
        y = scope("block2") { net in net.unit(y, width, kernel: 3, stride: 2) }
        return overTime(y, dimension: dimension)
    }
}
