/// Encoders of faces.
extension GraphBuilder {
    private mutating func unit(_ x: Value, _ channels: Int, kernel: Int, stride: Int = 1, groups: Int = 1, padding: Padding = .same, isLinear: Bool = false) -> Value {
        let y = batchNormalization(convolution(x, channels, kernel: kernel, stride: stride, padding: padding, groups: groups, bias: false))
        return isLinear ? y : prelu(y)
    }

    /// An inverted residual without an activation at its end (Sandler et al., "MobileNetV2", CVPR 2018).
    private mutating func bottleneck(_ x: Value, _ channels: Int, expansion: Int, stride: Int, name: String) -> Value {
        scope(name) { net in
            let inner = (x.channels ?? 1) * expansion
            var y = net.unit(x, inner, kernel: 1)
            y = net.unit(y, inner, kernel: 3, stride: stride, groups: inner)
            y = net.unit(y, channels, kernel: 1, isLinear: true)
            return stride == 1 && x.channels == channels ? net.add(x, y) : y
        }
    }

    /// Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices", 2018, table 1: `width` is 64 there.
    mutating func mobileFaceNet(_ x: Value, width: Int, isDeep: Bool, dimension: Int) -> Value {
        var y = scope("stem") { net in net.unit(net.unit(x, width, kernel: 3, stride: 2), width, kernel: 3, groups: width) }
        let stages: [(factor: Int, expansion: Int, count: Int)] = isDeep ? [(1, 2, 5), (2, 4, 1), (2, 2, 6), (2, 4, 1), (2, 2, 2)] : [(1, 2, 3), (2, 4, 1), (2, 2, 4), (2, 4, 1), (2, 2, 2)]
        for (index, stage) in stages.enumerated() {
            for block in 0..<stage.count {
                y = bottleneck(y, width * stage.factor, expansion: stage.expansion, stride: block == 0 && index != 2 && index != 4 ? 2 : 1, name: "stage\(index + 1).block\(block + 1)")
            }
        }
        return scope("head") { net in
            let wide = net.unit(y, 8 * width, kernel: 1)
            // A depthwise convolution over the whole map weighs its places, where a mean would not.
            let pooled = net.unit(wide, 8 * width, kernel: 7, groups: 8 * width, padding: .none, isLinear: true)
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
