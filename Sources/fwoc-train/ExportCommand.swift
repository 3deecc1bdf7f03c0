import ArgumentParser
import Foundation
import ModelBundle
import RunRecords
import Tensors
import Training

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes what a run has learnt as ONNX files.",
        discussion: """
            One file for each network of the run: encoders by their modality's name, and the fuser, whose inputs are the encoders' embeddings and their weights. \
            Frozen encoders are written too. With --part the output is that network's file.

            EXAMPLE
              fwoc-train export runs/first -o networks/
              fwoc-train export runs/first --part face -o face.onnx
            """)

    @Argument(help: "The run's folder.")
    var folder: String

    @Option(name: .shortAndLong, help: ArgumentHelp("A folder, or with --part a file.", valueName: "path"))
    var output: String

    @Option(help: "Only this network: a modality's name, or fuser.")
    var part: String?

    @Option(name: .customShort("c"), help: ArgumentHelp("Set a key of the run's recipe, for example where its shards are now.", valueName: "key=value"))
    var set: [String] = []

    func validate() throws {
        for entry in set where entry.firstIndex(of: "=") == nil { throw ValidationError("-c \(entry): expected key=value") }
    }

    func run() throws {
        let overrides = set.compactMap { entry in entry.firstIndex(of: "=").map { (key: String(entry[..<$0]), value: String(entry[entry.index(after: $0)...])) } }
        let run = RunFolder(folder)
        _ = try run.record()
        let networks = TrainedTask.isOne(run) ? try TrainedTask(run, overrides: overrides).exported() : try TrainedRun(run, overrides: overrides).model.exported()
        if let part {
            guard let network = networks.first(where: { $0.name == part }) else {
                throw FitError(.configuration, "--part \(part): the run has \(networks.map(\.name).joined(separator: ", "))")
            }
            try network.graph.write(onnxFile: URL(fileURLWithPath: output))
            return Console.note("export: \(output): \(network.graph.summary)")
        }
        do { try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true) } catch {
            throw FitError(.inputOutput, "\(output): the folder cannot be made: \(error.localizedDescription)")
        }
        for network in networks {
            let path = "\(output)/\(network.name).onnx"
            try network.graph.write(onnxFile: URL(fileURLWithPath: path))
            Console.note("export: \(path): \(network.graph.summary)")
        }
    }
}

extension Graph {
    /// Inputs, outputs and size in a line.
    var summary: String {
        func text(_ infos: [ValueInfo]) -> String {
            infos.map { info in
                let sizes = (info.shape ?? []).map { dimension in
                    switch dimension {
                    case .fixed(let size): "\(size)"
                    case .free(let name): name.isEmpty ? "?" : name
                    }
                }
                return "\(info.name) [\(sizes.joined(separator: ", "))]"
            }.joined(separator: ", ")
        }
        let numbers = initializers.values.reduce(0) { $0 + $1.count }
        return "\(text(inputs)) → \(text(outputs)), \(nodes.count) nodes, \(numbers) numbers"
    }
}
