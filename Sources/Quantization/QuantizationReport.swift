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

        init(name: String, signalToNoise: Double, leastCosine: Double, meanCosine: Double) {
            (self.name, self.signalToNoise, self.leastCosine, self.meanCosine) = (name, signalToNoise, leastCosine, meanCosine)
        }

        /// - Parameters:
        ///   - signal: sum of squares over all samples.
        ///   - noise: the same of the differences.
        ///   - cosines: one a sample; 1 stands for none.
        public init(name: String, signal: Double, noise: Double, cosines: [Double]) {
            self.init(
                name: name, signalToNoise: QuantizationReport.decibels(signal: signal, noise: noise), leastCosine: cosines.min() ?? 1,
                meanCosine: cosines.isEmpty ? 1 : cosines.reduce(0, +) / Double(cosines.count))
        }
    }

    /// What quantization-aware fine-tuning tried on one network, and what came of it. Measured like everything here, on the same samples.
    public struct Tuning: Sendable, Codable, Equatable {
        /// Names of the layers that learnt.
        public var layers: [String]
        public var samples: Int
        public var steps: Int
        public var rate: Double
        public var seed: UInt64
        /// Whether the fine-tuned network was the better one; otherwise the report is of the one that went in.
        public var isKept: Bool
        public var before: [Output]
        public var after: [Output]
        /// Signal to noise of the layers' outputs in dB before, by ``Layer/value``.
        public var layersBefore: [String: Double]

        public init(
            layers: [String], samples: Int, steps: Int, rate: Double, seed: UInt64, isKept: Bool, before: [Output], after: [Output], layersBefore: [String: Double]
        ) {
            (self.layers, self.samples, self.steps, self.rate, self.seed) = (layers, samples, steps, rate, seed)
            (self.isKept, self.before, self.after, self.layersBefore) = (isKept, before, after, layersBefore)
        }
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
    /// One for each network that was fine-tuned.
    public var tunings: [Tuning]?

    /// Of several networks as one: names of layers, values and outputs begin with their network's.
    public init(_ parts: [(name: String, report: QuantizationReport)]) {
        func named(_ outputs: [Output], _ name: String) -> [Output] {
            outputs.map { Output(name: "\(name)/\($0.name)", signalToNoise: $0.signalToNoise, leastCosine: $0.leastCosine, meanCosine: $0.meanCosine) }
        }
        let reports = parts.map(\.report)
        self.init(
            method: reports.first?.method ?? "", samples: reports.map(\.samples).max() ?? 0, layers: [], outputs: [], left: [:],
            floatBytes: reports.reduce(0) { $0 + $1.floatBytes }, quantizedBytes: reports.reduce(0) { $0 + $1.quantizedBytes })
        for (name, report) in parts {
            for var layer in report.layers {
                (layer.node, layer.value) = ("\(name)/\(layer.node)", "\(name)/\(layer.value)")
                layers.append(layer)
            }
            outputs += named(report.outputs, name)
            for (key, why) in report.left { left["\(name)/\(key)"] = why }
            for var tuning in report.tunings ?? [] {
                tuning.layers = tuning.layers.map { "\(name)/\($0)" }
                (tuning.before, tuning.after) = (named(tuning.before, name), named(tuning.after, name))
                tuning.layersBefore = Dictionary(uniqueKeysWithValues: tuning.layersBefore.map { ("\(name)/\($0)", $1) })
                tunings = (tunings ?? []) + [tuning]
            }
        }
    }

    init(
        method: String, samples: Int, layers: [Layer], outputs: [Output], left: [String: String], floatBytes: Int, quantizedBytes: Int
    ) {
        (self.method, self.samples, self.layers, self.outputs, self.left) = (method, samples, layers, outputs, left)
        (self.floatBytes, self.quantizedBytes) = (floatBytes, quantizedBytes)
    }

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
        for tuning in tunings ?? [] {
            lines.append(
                "fine-tuned: \(tuning.layers.joined(separator: ", ")) (\(tuning.steps) steps, \(tuning.samples) samples, seed \(tuning.seed)); "
                    + (tuning.isKept ? "better, and kept" : "not better: what went in is kept"))
            for (before, after) in zip(tuning.before, tuning.after) {
                lines.append(
                    "  output \(before.name): \(decibels(before.signalToNoise).trimmingCharacters(in: .whitespaces)) → "
                        + "\(decibels(after.signalToNoise).trimmingCharacters(in: .whitespaces)) dB, cosine "
                        + String(format: "%.5f → %.5f on average, %.5f → %.5f at least", before.meanCosine, after.meanCosine, before.leastCosine, after.leastCosine))
            }
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
