import Foundation

/// What quantization did to a network, layer by layer and end to end, measured with `Inference` on given samples.
public struct QuantizationReport: Sendable, Codable, Equatable {
    /// One quantized layer.
    public struct Layer: Sendable, Codable, Equatable {
        public var node: String
        public var operation: String
        public var value: String
        /// Signal to quantization noise of the layer's output in dB, 10 · log₁₀(Σ x² / Σ (x − x′)²), errors of the layers before included; infinite
        /// where there is no error, which JSON holds as 999.
        public var signalToNoise: Double
        /// The same of its weights alone.
        public var weightSignalToNoise: Double
        /// Scale of its input.
        public var inputScale: Float
        /// Share of the input's values that calibration cut off.
        public var clipped: Double
    }

    /// One output of the network.
    public struct Output: Sendable, Codable, Equatable {
        public var name: String
        public var signalToNoise: Double
        /// Smallest and mean cosine between float and quantized over the samples.
        public var leastCosine: Double
        public var meanCosine: Double
    }

    public var method: String
    public var samples: Int
    public var layers: [Layer]
    public var outputs: [Output]
    /// Layers that stayed float, and why.
    public var left: [String: String]
    /// Bytes of all initialisers.
    public var floatBytes: Int
    public var quantizedBytes: Int

    /// A table for people: the worst layers first.
    public var text: String {
        func decibels(_ value: Double) -> String { value >= Self.infinite ? "   ∞ " : String(format: "%5.1f", value) }
        var lines = [
            "\(layers.count) layers quantized (\(method), \(samples) samples), \(left.count) left float; \(floatBytes / 1024) KiB → \(quantizedBytes / 1024) KiB",
            "  SQNR dB  weights dB  clipped %  layer",
        ]
        for layer in layers.sorted(by: { $0.signalToNoise < $1.signalToNoise }) {
            lines.append("    \(decibels(layer.signalToNoise))       \(decibels(layer.weightSignalToNoise))" + String(format: "     %6.3f", 100 * layer.clipped) + "  \(layer.operation) \(layer.node)")
        }
        for output in outputs {
            lines.append(
                "output \(output.name): \(decibels(output.signalToNoise).trimmingCharacters(in: .whitespaces)) dB, cosine "
                    + String(format: "%.5f on average, %.5f at least", output.meanCosine, output.leastCosine))
        }
        for (name, why) in left.sorted(by: { $0.key < $1.key }) { lines.append("left float: \(name): \(why)") }
        return lines.joined(separator: "\n")
    }

    /// What an infinite ratio is written as.
    static let infinite = 999.0

    static func decibels(signal: Double, noise: Double) -> Double {
        noise <= 0 ? infinite : signal <= 0 ? 0 : min(infinite, 10 * log10(signal / noise))
    }
}
