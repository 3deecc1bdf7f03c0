import ArgumentParser
import Foundation
import ModelBundle
import Quantization
import RunRecords
import Tensors
import Training

struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Makes eight-bit ONNX models (QDQ) of a run's networks or of a float model, fine-tuned for it on request.",
        discussion: """
            Of a run's folder encoders and fuser become eight bits, calibrated on people that it learnt from and measured on those of validation and test; the report goes \
            into the folder, for fwoc-train report. The output is a folder, or with --part that network's file.

            Of a model, samples are NumPy files (.npy, float32), one run each, of what it reads. A model with several inputs takes a folder for each sample, with a \
            file input.npy for each input's name. The last quarter of the samples (by name, at least one) does not calibrate: the report is measured on it.

            --aware fine-tunes layers on the samples so that the eight-bit network says what the float one says: all, worst:8 (by their signal to noise), or names as in the \
            report. What is not better afterwards is not kept.

            EXAMPLE
              fwoc-train quantize runs/first -o networks/ --aware worst:8
              fwoc-train quantize runs/first --part face -o face-int8.onnx
              fwoc-train quantize face.onnx --samples samples/ -o face-int8.onnx --method percentile:99.99
            """)

    @Argument(help: ArgumentHelp("A run's folder, or a float model.", valueName: "run|model.onnx"))
    var model: String

    @Option(help: ArgumentHelp("Folder of samples, for a model.", valueName: "dir"))
    var samples: String?

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The eight-bit model; of a run without --part a folder.", valueName: "path"))
    var output: String

    @Option(help: "Only this network of a run: a modality's name, or fuser.")
    var part: String?

    @Option(help: "How ranges are chosen: min-max, mse, or percentile:99.99.")
    var method = "mse"

    @Option(help: ArgumentHelp("A node that stays float; may be given again.", valueName: "node"))
    var exclude: [String] = []

    @Option(help: ArgumentHelp("Fine-tune these layers for eight bits: all, worst:N, or names with commas between.", valueName: "layers"))
    var aware: String?

    @Option(help: "Steps of fine-tuning.")
    var steps = 200

    @Option(help: "How far a weight moves in a step of fine-tuning, in steps of its eight bits.")
    var rate = 0.03

    @Option(help: "Inputs of a run's people that calibrate and teach each encoder, at most.")
    var calibration = 256

    @Option(help: "Samples of a run's other people that are measured, at most.")
    var probes = 200

    @Option(help: "Seed of the choice and order of samples.")
    var seed: UInt64 = 1

    @Option(name: .customShort("c"), help: ArgumentHelp("Set a key of the run's recipe, for example where its shards are now.", valueName: "key=value"))
    var set: [String] = []

    @Flag(help: "Print the report as JSON.")
    var json = false

    func validate() throws {
        guard CalibrationMethod(method) != nil else { throw ValidationError("--method: got ‘\(method)’, expected min-max, mse or percentile:99.99 (50 to 100)") }
        if let aware, LayerChoice(aware) == nil { throw ValidationError("--aware: got ‘\(aware)’, expected all, worst:8, or names of layers with commas between") }
        guard steps >= 1 else { throw ValidationError("--steps is \(steps), expected 1 or more") }
        guard rate > 0, rate <= 10 else { throw ValidationError("--rate is \(rate), expected above 0, at most 10 (a weight has 255 steps)") }
        guard calibration >= 2, probes >= 1 else { throw ValidationError("--calibration is \(calibration) and --probes \(probes), expected at least 2 and 1") }
        for entry in set where entry.firstIndex(of: "=") == nil { throw ValidationError("-c \(entry): expected key=value") }
    }

    func run() throws {
        var isFolder: ObjCBool = false
        if unsafe FileManager.default.fileExists(atPath: model, isDirectory: &isFolder), isFolder.boolValue { return try quantizeRun(RunFolder(model)) }
        guard part == nil, set.isEmpty else { throw FitError(.configuration, "\(model): --part and -c are for a run's folder; this is none") }
        guard let samples else { throw QuantizationError(.calibration, "\(model): a model needs --samples, a folder of NumPy files of what it reads") }
        let graph = try Graph(onnxFile: URL(fileURLWithPath: model))
        let all = try CalibrationSamples(samples, inputs: graph.inputs.map(\.name)).samples
        guard all.count >= 2 else { throw QuantizationError(.calibration, "\(samples): \(all.count) samples; expected two or more, better some dozens") }
        let kept = max(1, all.count / 4)
        if let unknown = exclude.first(where: { name in !graph.nodes.contains { $0.name == name || $0.outputs.first == name } }) {
            throw QuantizationError(.network, "--exclude \(unknown): \(model) has no such node")
        }
        var line = ProgressLine(label: "quantize")
        let own = Array(all.dropLast(kept)), probes = Array(all.suffix(kept))
        let quantized: Graph, report: QuantizationReport
        if let tuner {
            let network = try quantizer.calibrate(graph, samples: own)
            (quantized, report) = try tuner.tune(network, samples: own, probes: probes) { progress in
                line.advance(done: progress.step, total: progress.of, before: 0, unit: "steps") { _ in String(format: ", loss %.5f", progress.loss) }
            }
        } else {
            (quantized, report) = try quantizer.quantize(graph, samples: own, probes: probes) { done, total in
                line.advance(done: done, total: total, before: 0, unit: "runs") { _ in "" }
            }
        }
        line.finish()
        try quantized.write(onnxFile: URL(fileURLWithPath: output))
        try show(report)
    }

    private var quantizer: PostTrainingQuantizer {
        var quantizer = PostTrainingQuantizer()
        // Checked by validate.
        quantizer.method = CalibrationMethod(method) ?? .meanSquaredError
        quantizer.excluded = Set(exclude)
        return quantizer
    }

    private var tuner: QuantizationAwareTuner? {
        guard let layers = aware.flatMap(LayerChoice.init) else { return nil }
        var tuner = QuantizationAwareTuner()
        (tuner.layers, tuner.steps, tuner.rate, tuner.seed) = (layers, steps, rate, seed)
        return tuner
    }

    private func quantizeRun(_ folder: RunFolder) throws {
        guard samples == nil else { throw FitError(.configuration, "\(model): --samples is for a model; a run calibrates on its own people") }
        _ = try folder.record()
        let overrides = set.compactMap { entry in entry.firstIndex(of: "=").map { (key: String(entry[..<$0]), value: String(entry[entry.index(after: $0)...])) } }
        if TrainedTask.isOne(folder) { return try quantizeTask(folder, overrides) }
        try Recipe(contentsOf: URL(fileURLWithPath: folder.recipe), overrides: overrides).data.checkPresent(recipe: folder.recipe)
        let run = try TrainedRun(folder, overrides: overrides)
        var work = RunQuantizer(run.model, run.data)
        (work.quantizer, work.tuner, work.calibration, work.probes, work.seed) = (quantizer, tuner, calibration, probes, seed)
        var line = ProgressLine(label: "quantize")
        var current = ""
        let outcome = try work.quantize(only: part) { what, done, total in
            // Each kind of work has a rate of its own.
            if what != current { (line, current) = (ProgressLine(label: "quantize"), what) }
            line.advance(done: done, total: total, before: 0, unit: "runs") { _ in ", \(what)" }
        }
        line.finish()
        for note in outcome.notes { Console.note("quantize: \(note)") }
        try write(outcome.networks, outcome.report, folder)
    }

    private func quantizeTask(_ folder: RunFolder, _ overrides: [(key: String, value: String)]) throws {
        var line = ProgressLine(label: "quantize")
        var current = ""
        let made = try TrainedTask(folder, overrides: overrides).quantized(quantizer, tuner, counts: (calibration, probes), only: part) { what, done, total in
            if what != current { (line, current) = (ProgressLine(label: "quantize"), what) }
            line.advance(done: done, total: total, before: 0, unit: "runs") { _ in ", \(what)" }
        }
        line.finish()
        try write(made.networks, made.report, folder)
    }

    private func write(_ networks: [(name: String, graph: Graph)], _ report: QuantizationReport, _ folder: RunFolder) throws {
        if part == nil {
            do { try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true) } catch {
                throw FitError(.inputOutput, "\(output): the folder cannot be made: \(error.localizedDescription)")
            }
        }
        for network in networks {
            let path = part == nil ? "\(output)/\(network.name).onnx" : output
            try network.graph.write(onnxFile: URL(fileURLWithPath: path))
            Console.note("quantize: \(path): \(network.graph.summary)")
        }
        try folder.write(report, to: folder.quantization)
        try show(report)
    }

    private func show(_ report: QuantizationReport) throws {
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
