import CTorch

extension TorchTensor {
    /// Whether gradients flow to or through it. Only floating-point tensors can; setting it is for leaves.
    public var requiresGradient: Bool { unsafe ctorch_requires_gradient(handle) }

    public func setRequiresGradient(_ isRequired: Bool) throws(TorchError) {
        try TorchError.check(unsafe ctorch_set_requires_gradient(handle, isRequired), "require gradient")
    }

    /// Adds the gradient of this scalar, or of its sum weighted with `gradient`, to every leaf that it depends on. Releases what was recorded, unless
    /// it is kept for another time.
    public func backward(_ gradient: TorchTensor? = nil, keepsGraph: Bool = false) throws(TorchError) {
        try TorchError.check(unsafe ctorch_backward(handle, gradient?.handle, keepsGraph), "backward")
    }

    /// What backward passes have added up; `nil` before the first.
    public func gradient() throws(TorchError) -> TorchTensor? {
        var made: OpaquePointer?
        try TorchError.check(unsafe ctorch_gradient(handle, &made), "gradient")
        return unsafe made.map { unsafe TorchTensor(owning: $0) }
    }

    /// `nil` removes it.
    public func setGradient(_ gradient: TorchTensor?) throws(TorchError) {
        try TorchError.check(unsafe ctorch_set_gradient(handle, gradient?.handle), "set gradient")
    }

    /// The same memory, cut off from what made it.
    public func detached() throws(TorchError) -> TorchTensor { try Self.make("detach") { unsafe ctorch_detach(handle, $0.pointer) } }

    /// Overwrites the elements with another tensor's, of the same shape, from any device; not recorded.
    public func copyInPlace(_ source: TorchTensor) throws(TorchError) {
        try TorchError.check(unsafe ctorch_copy_into(handle, source.handle), "copy")
    }

    /// keep · self + add · other, in place and not recorded: running means and momentum encoders.
    public func blendInPlace(keep: Double, add: Double, _ other: TorchTensor) throws(TorchError) {
        try TorchError.check(unsafe ctorch_blend_into(handle, keep, add, other.handle), "blend")
    }

    /// Scales all gradients so that their 2-norm together is at most `limit`, and returns what it was; `.infinity` only measures.
    @discardableResult
    public static func clipGradients(of weights: [TorchTensor], to limit: Double) throws(TorchError) -> Double {
        let handles = unsafe weights.map { unsafe $0.handle }
        defer { withExtendedLifetime(weights) {} }
        var norm = 0.0
        try TorchError.check(unsafe ctorch_clip_gradients(handles, Int32(handles.count), limit, &norm), "clip gradients")
        return norm
    }
}
