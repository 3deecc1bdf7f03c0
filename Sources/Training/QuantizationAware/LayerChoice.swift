import Quantization

/// Which layers of a network are fine-tuned for eight bits.
public enum LayerChoice: Sendable, Hashable, CustomStringConvertible {
    case all
    /// So many whose outputs have the lowest ratio of signal to quantization noise.
    case worst(Int)
    /// By the names that reports use.
    case named([String])

    /// Reads `all`, `worst:8`, or names with commas between; `nil` where a number or a name is missing.
    public init?(_ text: String) {
        if text == "all" {
            self = .all
        } else if text.hasPrefix("worst:") {
            guard let count = Int(text.dropFirst("worst:".count)), count > 0 else { return nil }
            self = .worst(count)
        } else {
            let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard !names.contains("") else { return nil }
            self = .named(names)
        }
    }

    public var description: String {
        switch self {
        case .all: "all"
        case .worst(let count): "worst:\(count)"
        case .named(let names): names.joined(separator: ",")
        }
    }

    /// The names of a network's layers.
    /// - Parameter report: of the network before fine-tuning.
    func names(in report: QuantizationReport) -> Set<String> {
        switch self {
        case .all: Set(report.layers.map(\.node))
        // Of equals the first: the sort is by place too.
        case .worst(let count):
            Set(
                report.layers.enumerated().sorted { ($0.element.signalToNoise, $0.offset) < ($1.element.signalToNoise, $1.offset) }.prefix(count).map(\.element.node))
        case .named(let names): Set(names)
        }
    }
}
