/// Encoders of faces.
extension GraphBuilder {
    private mutating func unit(_ x: Value, _ channels: Int, kernel: Int, stride: Int = 1, groups: Int = 1, padding: Padding = .same, isLinear: Bool = false) -> Value {
        let y = batchNormalization(convolution(x, channels, kernel: kernel, stride: stride, padding: padding, groups: groups, bias: false))
        return isLinear ? y : prelu(y)
    }

    /// How much each channel counts in this picture (Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018).
    private mutating func gated(_ x: Value) -> Value {
        let inner = x.channels ?? 1
        let squeezed = relu(convolution(globalAveragePool(x), inner / 4, kernel: 1, name: "squeeze"))
        return multiply(x, sigmoid(convolution(squeezed, inner, kernel: 1, initializer: .xavier, name: "excite")))
    }

    /// An inverted residual without an activation at its end (Sandler et al., "MobileNetV2", CVPR 2018).
    private mutating func bottleneck(_ x: Value, _ channels: Int, expansion: Int, stride: Int, isGated: Bool, name: String) -> Value {
        scope(name) { net in
            let inner = (x.channels ?? 1) * expansion
            var y = net.unit(x, inner, kernel: 1)
            y = net.unit(y, inner, kernel: 3, stride: stride, groups: inner)
            if isGated { y = net.gated(y) }
            y = net.unit(y, channels, kernel: 1, isLinear: true)
            return stride == 1 && x.channels == channels ? net.add(x, y) : y
        }
    }

    /// Bottlenecks of equal width in a row; the first of them may halve the picture.
    struct FaceStage {
        var channels: Int
        var expansion: Int
        var blocks: Int
        var stride: Int
    }

    /// Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices", 2018: stem and bottlenecks, and a head that weighs
    /// places of the map.
    mutating func mobileFaceNet(_ x: Value, stem: Int, stages: [FaceStage], isGated: Bool = false, head: Int, dimension: Int) -> Value {
        var y = scope("stem") { net in net.unit(net.unit(x, stem, kernel: 3, stride: 2), stem, kernel: 3, groups: stem) }
        for (index, stage) in stages.enumerated() {
            for block in 0..<stage.blocks {
                y = bottleneck(y, stage.channels, expansion: stage.expansion, stride: block == 0 ? stage.stride : 1, isGated: isGated, name: "stage\(index + 1).block\(block + 1)")
            }
        }
        return scope("head") { net in
            let wide = net.unit(y, head, kernel: 1)
            // A depthwise convolution over the whole map weighs its places, where a mean would not.
            let pooled = net.unit(wide, head, kernel: 7, groups: head, padding: .none, isLinear: true)
            return net.linear(net.flatten(pooled), dimension, name: "embedding")
        }
    }

    /// He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with the first layer of ArcFace's: no pooling, stride 1.
    mutating func resNet18(_ x: Value, dimension: Int) -> Value {
        var y = scope("stem") { net in net.unit(x, 64, kernel: 3) }
        for (index, channels) in [64, 128, 256, 512].enumerated() {
            for block in 0..<2 {
                y = scope("stage\(index + 1).block\(block + 1)") { net in
                    let stride = block == 0 ? 2 : 1
                    let z = net.unit(net.unit(y, channels, kernel: 3, stride: stride), channels, kernel: 3, isLinear: true)
                    let shortcut = stride == 1 && y.channels == channels ? y : net.unit(y, channels, kernel: 1, stride: stride, padding: .none, isLinear: true)
                    return net.prelu(net.add(z, shortcut))
                }
            }
        }
        return scope("head") { net in net.linear(net.flatten(net.batchNormalization(y)), dimension, name: "embedding") }
    }
}
