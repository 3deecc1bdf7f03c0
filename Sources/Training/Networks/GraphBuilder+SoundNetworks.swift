/// Encoders of voices, and the two streams that compare lips with sound.
extension GraphBuilder {
    /// A time-delay network (Snyder et al., "X-vectors", ICASSP 2018) of depthwise separable convolutions with residuals, and statistics over time.
    mutating func depthwiseTDNN(_ frames: Value, channels: Int = 256, dimension: Int) -> Value {
        var y = transpose(frames, [0, 2, 1])
        y = scope("stem") { net in net.relu(net.batchNormalization(net.convolution(y, channels, kernel: 5, bias: false))) }
        for (index, dilation) in [1, 2, 3, 4].enumerated() {
            let before = y
            y = scope("block\(index + 1)") { net in
                var z = net.relu(net.batchNormalization(net.convolution(before, channels, kernel: 5, dilation: dilation, groups: channels, bias: false)))
                z = net.batchNormalization(net.convolution(z, channels, kernel: 1, bias: false))
                return net.relu(net.add(before, z))
            }
        }
        return scope("head") { net in
            let wide = net.relu(net.batchNormalization(net.convolution(y, 2 * channels, kernel: 1, bias: false)))
            return net.linear(net.statisticsPooling(wide), dimension, name: "embedding")
        }
    }

    /// Chung and Zisserman, "Out of Time: Automated Lip Sync in the Wild", ACCV 2016 workshops, its picture stream, narrow and depthwise separable.
    mutating func lipStream(_ mouths: Value, dimension: Int) -> Value {
        var y = scope("stem") { net in net.relu(net.batchNormalization(net.convolution(mouths, 16, kernel: 3, stride: 2, bias: false))) }
        for (index, channels) in [64, 128, 192, 256].enumerated() {
            y = scope("block\(index + 1)") { net in
                let inner = y.channels ?? 1
                let z = net.relu(net.batchNormalization(net.convolution(y, inner, kernel: 3, stride: 2, groups: inner, bias: false)))
                return net.relu(net.batchNormalization(net.convolution(z, channels, kernel: 1, bias: false)))
            }
        }
        return scope("head") { net in net.linear(net.flatten(y), dimension, name: "embedding") }
    }

    /// The sound stream beside ``lipStream(_:dimension:)``.
    mutating func lipSound(_ frames: Value, dimension: Int) -> Value {
        var y = transpose(frames, [0, 2, 1])
        for (index, channels) in [128, 192, 256].enumerated() {
            y = scope("block\(index + 1)") { net in net.relu(net.batchNormalization(net.convolution(y, channels, kernel: 3, stride: index == 0 ? 1 : 2, bias: false))) }
        }
        return scope("head") { net in net.linear(net.flatten(y), dimension, name: "embedding") }
    }
}
