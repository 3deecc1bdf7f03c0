import ArgumentParser
import Foundation
import ModelBundle
import Quantization
import Tensors

struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Makes an eight-bit ONNX model (QDQ) of a float one, calibrated on samples of its input.",
        discussion: """
            Samples are NumPy files (.npy, float32), one run each, of what the model reads. A model with several inputs takes a folder for each sample, with a \
            file input.npy for each input's name. The last quarter of the samples (by name, at least one) does not calibrate: the report is measured on it.

            EXAMPLE
              fwoc-train quantize face.onnx --samples samples/ -o face-int8.onnx --method percentile:99.99
            """)

    @Argument(help: ArgumentHelp("The float model.", valueName: "model.onnx"))
    var model: String

    @Option(help: ArgumentHelp("Folder of samples.", valueName: "dir"))
    var samples: String

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The eight-bit model.", valueName: "model.onnx"))
    var output: String

    @Option(help: "How ranges are chosen: min-max, mse, or percentile:99.99.")
    var method = "mse"

    @Option(help: ArgumentHelp("A node that stays float; may be given again.", valueName: "node"))
    var exclude: [String] = []

    @Flag(help: "Print the report as JSON.")
    var json = false

    func validate() throws {
        guard CalibrationMethod(method) != nil else { throw ValidationError("--method: got ‘\(method)’, expected min-max, mse or percentile:99.99 (50 to 100)") }
    }

    func run() throws {
        let graph = try Graph(onnxFile: URL(fileURLWithPath: model))
        let all = try CalibrationSamples(samples, inputs: graph.inputs.map(\.name)).samples
        guard all.count >= 2 else { throw QuantizationError(.calibration, "\(samples): \(all.count) samples; expected two or more, better some dozens") }
        let kept = max(1, all.count / 4)
        var quantizer = PostTrainingQuantizer()
        quantizer.method = CalibrationMethod(method)!
        quantizer.excluded = Set(exclude)
        if let unknown = exclude.first(where: { name in !graph.nodes.contains { $0.name == name || $0.outputs.first == name } }) {
            throw QuantizationError(.network, "--exclude \(unknown): \(model) has no such node")
        }
        let (quantized, report) = try quantizer.quantize(graph, samples: Array(all.dropLast(kept)), probes: Array(all.suffix(kept))) { done, total in
            if Console.isErrorTerminal { Console.status("quantize: \(done) of \(total) runs") }
        }
        if Console.isErrorTerminal { Console.status("") }
        try quantized.write(onnxFile: URL(fileURLWithPath: output))
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            Console.line(try encoder.encode(report))
        } else {
            Console.line(report.text)
        }
    }
}

/// Samples from a folder of NumPy files, in the order of their names.
struct CalibrationSamples {
    let samples: [[String: Tensor]]

    init(_ folder: String, inputs: [String]) throws {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder).sorted() else {
            throw QuantizationError(.calibration, "\(folder): not a folder that can be read; expected NumPy files (.npy) of the model's input")
        }
        if inputs.count == 1 {
            samples = try names.filter { $0.hasSuffix(".npy") }.map { [inputs[0]: try Self.tensor("\(folder)/\($0)")] }
        } else {
            samples = try names.filter { Self.isFolder("\(folder)/\($0)") }.map { name in
                try inputs.reduce(into: [:]) { $0[$1] = try Self.tensor("\(folder)/\(name)/\($1).npy") }
            }
        }
        guard !samples.isEmpty else {
            throw QuantizationError(
                .calibration, "\(folder): no samples; expected " + (inputs.count == 1 ? "files like 1.npy" : "folders with \(inputs.map { $0 + ".npy" }.joined(separator: ", "))"))
        }
    }

    private static func tensor(_ path: String) throws -> Tensor {
        do { return try Tensor(npyFile: URL(fileURLWithPath: path)) } catch let error as NumPyError {
            throw QuantizationError(.calibration, error.description)
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
