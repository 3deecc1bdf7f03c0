/// Encoders of voices.
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
}
