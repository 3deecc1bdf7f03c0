import CTorch

/// Where tensors live and are computed.
public enum TorchDevice: Sendable, Hashable, CustomStringConvertible {
    case cpu
    /// A CUDA device by its number.
    case cuda(Int)

    /// Reads `cpu`, `cuda` (the first one) or `cuda:1`; `nil` for anything else.
    public init?(_ text: String) {
        switch text {
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), (0..<64).contains(index) else { return nil }
            self = .cuda(index)
        }
    }

    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// Whether this libtorch and this machine have it.
    public var isAvailable: Bool {
        switch self {
        case .cpu: true
        case .cuda(let index): index < Self.cudaCount
        }
    }

    /// CUDA devices that libtorch sees; 0 where it is built without CUDA.
    public static var cudaCount: Int { Int(ctorch_cuda_device_count()) }

    var code: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(index)
        }
    }

    init(code: Int32) { self = code < 0 ? .cpu : .cuda(Int(code)) }
}
