import CKernels

/// Which vector instructions the kernels use.
public enum InstructionSet: Int, Sendable, CaseIterable {
    /// The baseline of the architecture, four lanes: SSE2 on x86-64, NEON on arm64.
    case portable = 0
    case avx2 = 1
    /// AVX2 with dot products of bytes for eight-bit layers (AVX-VNNI), as small processors have it.
    case avxVNNI = 2
    case avx512 = 3
    /// With dot products of bytes for eight-bit layers: AVX-512 with VNNI, or NEON with its dot product extension.
    case dot = 4

    /// Those that this processor runs, slowest first.
    public static var available: [InstructionSet] { allCases.filter(\.isAvailable) }

    /// The fastest that this processor runs.
    public static var best: InstructionSet { available.last ?? .portable }

    var isAvailable: Bool { inference_has_variant(Int32(rawValue)) != 0 }
}

/// Bounds and choices for a ``Network``. The bounds are checked before anything is allocated.
public struct NetworkOptions: Sendable {
    /// Largest arena, in bytes.
    public var maximumArenaBytes = 1 << 29
    /// Largest single value, in bytes.
    public var maximumTensorBytes = 1 << 29
    /// Largest sum of constants computed at load, in bytes.
    public var maximumFoldedBytes = 1 << 28
    /// Most operations after nested graphs are expanded.
    public var maximumOperations = 20_000
    /// Most multiply-accumulates that one run may cost.
    public var maximumMultiplyAccumulates = 1 << 42
    /// Rewrites the graph for speed: folded batch norms, fused activations, channels-last layout. Off: every node runs as
    /// it is written, by the slow reference where there is one.
    public var isOptimized = true
    /// A given variant instead of the best; one that the processor lacks is replaced by the best that it has.
    public var instructionSet: InstructionSet?
    /// Measures every step; costs two clock reads a step.
    public var isProfiled = false

    /// Where the kernels of a streaming network find what they have kept.
    var stream: StreamMemory?

    public init() {}

    var variant: Int32 {
        Int32(instructionSet.flatMap { $0.isAvailable ? $0 : nil }?.rawValue ?? InstructionSet.best.rawValue)
    }
}
