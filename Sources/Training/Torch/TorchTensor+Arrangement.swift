import CTorch

/// The same elements elsewhere.
extension TorchTensor {
    func view(_ kind: ctorch_view_kind, _ name: StaticString, _ values: [Int]) throws(TorchError) -> TorchTensor {
        let values = values.map { Int64($0) }
        return try Self.make(name) { unsafe ctorch_view(kind, handle, values, Int32(values.count), $0.pointer) }
    }

    /// One size may be −1: what remains.
    public func reshaped(_ shape: [Int]) throws(TorchError) -> TorchTensor { try view(CTORCH_RESHAPE, "reshape", shape) }
    public func permuted(_ order: [Int]) throws(TorchError) -> TorchTensor { try view(CTORCH_PERMUTE, "permute", order) }
    /// Swaps the last two axes.
    public func transposed() throws(TorchError) -> TorchTensor {
        let rank = rank
        guard rank >= 2 else { throw TorchError(operation: "transpose", message: "a tensor of shape \(shape)") }
        return try permuted(Array(0..<rank - 2) + [rank - 1, rank - 2])
    }
    /// Repeats axes of size 1; −1 keeps a size.
    public func expanded(_ shape: [Int]) throws(TorchError) -> TorchTensor { try view(CTORCH_EXPAND, "expand", shape) }
    public func flipped(_ axes: [Int]) throws(TorchError) -> TorchTensor { try view(CTORCH_FLIP, "flip", axes) }
    public func squeezed(_ axis: Int) throws(TorchError) -> TorchTensor { try view(CTORCH_SQUEEZE, "squeeze", [axis]) }
    public func unsqueezed(_ axis: Int) throws(TorchError) -> TorchTensor { try view(CTORCH_UNSQUEEZE, "unsqueeze", [axis]) }

    /// Positions start, start + step … before `end` along an axis, cut to what is there; `step` is positive.
    public func sliced(_ axis: Int, _ start: Int, _ end: Int, step: Int = 1) throws(TorchError) -> TorchTensor {
        try Self.make("slice") { unsafe ctorch_slice(handle, Int64(axis), Int64(start), Int64(end), Int64(step), $0.pointer) }
    }

    /// Pieces of the given sizes along an axis.
    public func split(_ sizes: [Int], axis: Int) throws(TorchError) -> [TorchTensor] {
        var pieces: [TorchTensor] = []
        var start = 0
        for size in sizes {
            pieces.append(try sliced(axis, start, start + size))
            start += size
        }
        return pieces
    }

    public static func concatenated(_ tensors: [TorchTensor], axis: Int) throws(TorchError) -> TorchTensor {
        let handles = unsafe tensors.map { unsafe $0.handle }
        defer { withExtendedLifetime(tensors) {} }
        return try make("concatenate") { unsafe ctorch_cat(handles, Int32(handles.count), Int64(axis), $0.pointer) }
    }

    /// Along a new axis.
    public static func stacked(_ tensors: [TorchTensor], axis: Int = 0) throws(TorchError) -> TorchTensor {
        var lifted: [TorchTensor] = []
        for tensor in tensors { lifted.append(try tensor.unsqueezed(axis)) }
        return try concatenated(lifted, axis: axis)
    }

    public enum PadKind: Sendable { case constant, reflect, edge }

    /// - Parameter pads: before and after of the last dimension, then of the one before it …; negative ones cut (constant kind only).
    public func padded(_ pads: [Int], kind: PadKind = .constant, value: Double = 0) throws(TorchError) -> TorchTensor {
        let code = switch kind {
        case .constant: CTORCH_PAD_CONSTANT
        case .reflect: CTORCH_PAD_REFLECT
        case .edge: CTORCH_PAD_EDGE
        }
        let sizes = pads.map { Int64($0) }
        return try Self.make("pad") { unsafe ctorch_pad(code, handle, sizes, Int32(sizes.count), value, $0.pointer) }
    }

    func interpolated(_ mode: ctorch_interpolation, _ sizes: [Int]) throws(TorchError) -> TorchTensor {
        let sizes = sizes.map { Int64($0) }
        return try Self.make("interpolate") { unsafe ctorch_interpolate(mode, handle, sizes, Int32(sizes.count), $0.pointer) }
    }

    /// Elements by int64 positions along an axis; `index` has the rank of the tensor.
    public func gathered(_ axis: Int, _ index: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make("gather") { unsafe ctorch_gather(handle, Int64(axis), index.handle, $0.pointer) }
    }

    /// Slices by int64 positions [n] along an axis.
    public func selected(_ axis: Int, _ index: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make("index select") { unsafe ctorch_index_select(handle, Int64(axis), index.handle, $0.pointer) }
    }

    func scattered(_ kind: ctorch_scatter_kind, _ axis: Int, _ index: TorchTensor, _ source: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make("scatter") { unsafe ctorch_scatter(kind, handle, Int64(axis), index.handle, source.handle, $0.pointer) }
    }
}
