import CTorch

/// What networks are made of.
extension TorchTensor {
    /// Matrix product, batched and broadcast as NumPy's `matmul`.
    public func matmul(_ other: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make("matmul") { unsafe ctorch_matmul(handle, other.handle, $0.pointer) }
    }

    /// beta · self + alpha · x y, for matrices; self broadcasts.
    public func addingProduct(_ x: TorchTensor, _ y: TorchTensor, beta: Double = 1, alpha: Double = 1) throws(TorchError) -> TorchTensor {
        try Self.make("addmm") { unsafe ctorch_addmm(handle, x.handle, y.handle, beta, alpha, $0.pointer) }
    }

    /// [batch, channels, spatial…] with 1 to 3 spatial dimensions; weight [outputs, channels / groups, kernel…], transposed [channels, outputs /
    /// groups, kernel…]. Padding is symmetric; ``padded(_:kind:value:)`` does the rest.
    public func convolved(
        _ weight: TorchTensor, bias: TorchTensor? = nil, strides: [Int], padding: [Int], dilations: [Int], groups: Int = 1, isTransposed: Bool = false,
        outputPadding: [Int]? = nil
    ) throws(TorchError) -> TorchTensor {
        let n = strides.count
        guard padding.count == n, dilations.count == n, (outputPadding ?? strides).count == n else {
            throw TorchError(operation: "convolution", message: "strides \(strides), padding \(padding), dilations \(dilations) differ in length")
        }
        let sizes = [strides, padding, dilations, outputPadding ?? [Int](repeating: 0, count: n)].map { $0.map { Int64($0) } }
        return try Self.make("convolution") {
            unsafe ctorch_convolution(handle, weight.handle, bias?.handle, sizes[0], sizes[1], sizes[2], sizes[3], Int32(n), isTransposed, Int64(groups), $0.pointer)
        }
    }

    func pooled(_ kind: ctorch_pool_kind, kernel: [Int], strides: [Int], padding: [Int], dilations: [Int]) throws(TorchError) -> TorchTensor {
        let sizes = [kernel, strides, padding, dilations].map { $0.map { Int64($0) } }
        return try Self.make("pool") { unsafe ctorch_pool(kind, handle, sizes[0], sizes[1], sizes[2], sizes[3], Int32(kernel.count), $0.pointer) }
    }

    /// Over the batch and space of [batch, channels, …]. In training with the statistics of the batch, and `mean` and `variance` are moved in
    /// place: running = (1 − momentum) · running + momentum · batch, the variance divided by the count less one.
    public func batchNormalized(
        scale: TorchTensor?, bias: TorchTensor?, mean: TorchTensor?, variance: TorchTensor?, isTraining: Bool, momentum: Double = 0.1, epsilon: Double = 1e-5
    ) throws(TorchError) -> TorchTensor {
        try Self.make("batch normalisation") {
            unsafe ctorch_batch_norm(handle, scale?.handle, bias?.handle, mean?.handle, variance?.handle, isTraining, momentum, epsilon, $0.pointer)
        }
    }

    /// Over the last dimensions, whose sizes `shape` are; scale and bias have that shape.
    public func layerNormalized(shape: [Int], scale: TorchTensor?, bias: TorchTensor?, epsilon: Double = 1e-5) throws(TorchError) -> TorchTensor {
        let sizes = shape.map { Int64($0) }
        return try Self.make("layer normalisation") { unsafe ctorch_layer_norm(handle, sizes, Int32(sizes.count), scale?.handle, bias?.handle, epsilon, $0.pointer) }
    }

    /// Over groups of channels of [batch, channels, …]; instance normalisation where `groups` is the number of channels.
    public func groupNormalized(groups: Int, scale: TorchTensor?, bias: TorchTensor?, epsilon: Double = 1e-5) throws(TorchError) -> TorchTensor {
        try Self.make("group normalisation") { unsafe ctorch_group_norm(handle, Int64(groups), scale?.handle, bias?.handle, epsilon, $0.pointer) }
    }

    /// x for x > 0, slope · x otherwise; `slope` [1] or [channels], of dimension 1. Keeps the layout.
    public func prelu(_ slope: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make("prelu") { unsafe ctorch_prelu(handle, slope.handle, $0.pointer) }
    }

    /// The mean over the pixels of [batch, channels, …]: [batch, channels, 1…].
    public func channelMeans() throws(TorchError) -> TorchTensor {
        try Self.make("mean of channels") { unsafe ctorch_channel_mean(handle, $0.pointer) }
    }

    /// Each channel of each sample of [batch, channels, …] times its gate, of [batch, channels, 1…]. Keeps the layout.
    public func scaled(byChannel gate: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make("gate") { unsafe ctorch_channel_scale(handle, gate.handle, $0.pointer) }
    }

    /// Zero with a probability, scaled by 1 / (1 − probability) otherwise; the tensor itself outside of training.
    public func dropout(_ probability: Double, isTraining: Bool) throws(TorchError) -> TorchTensor {
        try Self.make("dropout") { unsafe ctorch_dropout(handle, probability, isTraining, $0.pointer) }
    }

    /// One recurrent layer. x [time, batch, features], h and c [directions, batch, hidden]; weights for each direction in libtorch's order.
    func recurrent(
        _ kind: ctorch_recurrent_kind, h: TorchTensor, c: TorchTensor?, weights: [TorchTensor], isBidirectional: Bool
    ) throws(TorchError) -> (y: TorchTensor, h: TorchTensor, c: TorchTensor?) {
        var lastH: OpaquePointer?, lastC: OpaquePointer?
        let handles = unsafe weights.map { unsafe $0.handle }
        let y = try Self.make("recurrent layer") {
            unsafe ctorch_recurrent(kind, handle, h.handle, c?.handle, handles, Int32(handles.count), isBidirectional, $0.pointer, &lastH, &lastC)
        }
        withExtendedLifetime(weights) {}
        guard let lastH = unsafe lastH else { throw TorchError(operation: "recurrent layer", message: "no last state") }
        return (y, unsafe TorchTensor(owning: lastH), unsafe lastC.map { unsafe TorchTensor(owning: $0) })
    }
}
