import ArgumentParser
import Foundation
import Inference
import ModelBundle
import Tensors
import Training

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Checks whether an ONNX file can be trained, taught from and run, and says how a recipe names it.",
        discussion: """
            The network is loaded by the trainer and by the agent's own executor and run by both; what an operator, a shape or a type stands in the way of is \
            named with its node. With -o it is written again, for batches of any size.

            EXAMPLE
              fwoc-train import face.onnx --modality face -o face-encoder.onnx
            """)

    @Argument(help: "The ONNX file.")
    var model: String

    @Option(help: "What it reads: face or voice.")
    var modality = "face"

    @Option(name: .shortAndLong, help: ArgumentHelp("Write it here as the trainer understands it.", valueName: "file.onnx"))
    var output: String?

    func run() throws {
        let encoder = try ImportedEncoder(path: model, modality: modality)
        let parameters = encoder.trainable.parameters.reduce(0) { $0 + $1.tensor.count }
        Console.line("\(model): \(encoder.graph.summary)")
        Console.line("trains: \(encoder.trainable.parameters.count) weights of \(parameters) numbers, \(encoder.trainable.statistics.count) running statistics")
        let (difference, cost) = try agreement(encoder)
        Console.line("runs: \(cost / 1_000_000) million multiply-accumulates; largest difference between the two executors \(String(format: "%.2g", difference))")
        Console.line("in a recipe:\n  modalities:\n    - {name: \(modality), encoder: \(output ?? model), train: false}")
        if let output { try encoder.graph.write(onnxFile: URL(fileURLWithPath: output)) }
    }

    /// The same numbers through both executors.
    private func agreement(_ encoder: ImportedEncoder) throws -> (difference: Double, multiplyAccumulates: Int) {
        let shape = [1] + encoder.inputShape
        let count = shape.reduce(1, *)
        let probe = Tensor(shape: shape, values: (0..<count).map { Float(($0 * 7919) % 1000) / 500 - 1 })
        let network: Network
        do { network = try Network(encoder.graph, inputs: [encoder.graph.inputs[0].name: .shape(shape)]) } catch {
            throw FitError(.badData, "\(model): the agent cannot run it: \(error)")
        }
        try network.setInput(0, probe)
        try network.run()
        let own = network.outputTensor(0).values(as: Float.self)
        let other = try encoder.output(probe).values(as: Float.self)
        return (zip(own, other).reduce(0) { max($0, Double(abs($1.0 - $1.1))) }, network.profile.multiplyAccumulates)
    }
}
