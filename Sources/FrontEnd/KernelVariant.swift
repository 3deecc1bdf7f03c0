internal import CKernels

/// Which SIMD instructions the front end's kernels use. All give the same bits.
public enum KernelVariant: Sendable, CaseIterable {
    case portable, avx2

    /// The fastest one that this processor has.
    public static let best: KernelVariant =
        switch fwoc_frontend_best_variant() {
        case fwoc_variant_avx2: .avx2
        default: .portable
        }

    /// Whether this processor can run it.
    public var isAvailable: Bool { self == .portable || self == KernelVariant.best }

    var kernelValue: fwoc_variant {
        switch self {
        case .portable: fwoc_variant_portable
        case .avx2: fwoc_variant_avx2
        }
    }
}
