/// Networks that listen.
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

    /// Every 20 ms and deep: ``depthwiseTDNN(_:channels:dimension:)`` with half the frames, twice the blocks, a gate for every channel that follows from the whole stretch (Hu et al.,
    /// "Squeeze-and-Excitation Networks", CVPR 2018), and statistics to which what tells much of a voice counts more than the rest (Desplanques et al., "ECAPA-TDNN", Interspeech 2020).
    mutating func gatedTDNN(_ frames: Value, channels: Int = 288, head: Int = 640, dimension: Int) -> Value {
        var y = transpose(frames, [0, 2, 1])
        y = scope("stem") { net in net.relu(net.batchNormalization(net.convolution(y, channels, kernel: 5, stride: 2, bias: false))) }
        for (index, dilation) in [1, 2, 3, 1, 2, 3, 1, 2, 3].enumerated() {
            let before = y
            y = scope("block\(index + 1)") { net in
                var z = net.relu(net.batchNormalization(net.convolution(before, channels, kernel: 5, dilation: dilation, groups: channels, bias: false)))
                z = net.batchNormalization(net.convolution(z, channels, kernel: 1, bias: false))
                let squeezed = net.relu(net.convolution(net.globalAveragePool(z), 64, kernel: 1, name: "squeeze"))
                let gate = net.sigmoid(net.convolution(squeezed, channels, kernel: 1, initializer: .xavier, name: "excite"))
                return net.relu(net.add(before, net.multiply(z, gate)))
            }
        }
        return scope("head") { net in
            let wide = net.relu(net.batchNormalization(net.convolution(y, head, kernel: 1, bias: false)))
            let attention = net.convolution(net.relu(net.batchNormalization(net.convolution(wide, 64, kernel: 1, bias: false, name: "notice"))), head, kernel: 1, initializer: .xavier, name: "attention")
            return net.linear(net.statisticsPooling(wide, weights: net.softmax(attention, axis: 2)), dimension, name: "embedding")
        }
    }

    /// The probability of speech every 20 ms: separable convolutions over time with residuals, as in Jia, Majumdar and Ginsburg, "MarbleNet", ICASSP 2021, but
    /// looking 160 ms ahead and three times as far back: what is decided late is of no use to a stream.
    mutating func voiceActivity(_ frames: Value, channels: Int = 48) -> Value {
        var y = batchNormalization(transpose(frames, [0, 2, 1]))
        y = scope("stem") { net in net.relu(net.batchNormalization(net.convolution(y, channels, kernel: 5, stride: 2, bias: false))) }
        for (index, dilation) in [1, 2, 4].enumerated() {
            let before = y
            y = scope("block\(index + 1)") { net in
                let wide = net.convolution(before, channels, kernel: 5, padding: .explicit([3 * dilation, dilation]), dilation: dilation, groups: channels, bias: false)
                return net.relu(net.add(before, net.batchNormalization(net.convolution(wide, channels, kernel: 1, bias: false))))
            }
        }
        return scope("head") { net in net.sigmoid(net.transpose(net.convolution(y, 1, kernel: 1, name: "speech"), [0, 2, 1])) }
    }
}
