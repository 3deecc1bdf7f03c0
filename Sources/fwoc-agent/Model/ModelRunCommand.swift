import AgentRuntime
import ArgumentParser
import Foundation
import Inference
import ModelBundle
import Tensors

struct ModelRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs a model on NumPy files and writes one .npy for each output.",
        discussion: """
            A '/' in an output's name becomes '_' in its file's name.

            EXAMPLE
              fwoc-agent model run face.onnx --input input.1=face.npy --output-dir out
            """)

    @Argument(help: "ONNX file.")
    var model: String

    @Option(help: ArgumentHelp("A graph input and the .npy file to put into it. May be given again.", valueName: "name=file.npy"))
    var input: [String] = []

    @Option(help: ArgumentHelp("Folder for the outputs; made where it does not exist.", valueName: "dir"))
    var outputDir: String

    func run() throws {
        let graph = try ModelFile.graph(model)
        var tensors: [String: Tensor] = [:]
        for entry in input {
            let (name, path) = try ModelFile.split(entry, option: "--input")
            guard FileManager.default.fileExists(atPath: path) else { throw AgentError(.noInput, "\(path): no such file") }
            guard graph.inputs.contains(where: { $0.name == name }) else {
                throw AgentError(.badData, "\(model) has no input '\(name)'; its inputs are \(graph.inputs.map(\.name).joined(separator: ", "))")
            }
            do { tensors[name] = try Tensor(npyFile: URL(fileURLWithPath: path)) } catch { throw AgentError(.badData, "\(error)") }
        }
        let missing = graph.inputs.map(\.name).filter { tensors[$0] == nil }
        guard missing.isEmpty else { throw AgentError(.badData, "\(model) also needs --input for \(missing.joined(separator: ", "))") }

        let network: Network
        do {
            network = try Self.plan(graph, tensors)
            for port in network.inputs { if let tensor = tensors[port.name], let index = network.inputIndex(port.name) { try network.setInput(index, tensor) } }
            try network.run()
        } catch {
            throw AgentError(.badData, "\(model): \(error)")
        }
        do { try FileManager.default.createDirectory(atPath: outputDir, withIntermediateDirectories: true) } catch {
            throw AgentError(.inputOutput, "\(outputDir): cannot be made: \(error.localizedDescription)")
        }
        for (index, port) in network.outputs.enumerated() {
            let file = (outputDir as NSString).appendingPathComponent(port.name.replacingOccurrences(of: "/", with: "_") + ".npy")
            do { try network.outputTensor(index).npy.write(to: URL(fileURLWithPath: file)) } catch {
                throw AgentError(.inputOutput, "\(file): cannot be written: \(error.localizedDescription)")
            }
            Console.line("\(port.name)\t\(port.elementType)\t\(port.shape.map(String.init).joined(separator: "×"))\t\(file)")
        }
    }

    /// Plans with the files' shapes; an input whose value decides a shape becomes a constant.
    private static func plan(_ graph: Graph, _ tensors: [String: Tensor]) throws(InferenceError) -> Network {
        var bindings = tensors.mapValues { InputBinding.shape($0.shape) }
        while true {
            do {
                return try Network(graph, inputs: bindings)
            } catch {
                guard case .valueNeeded(input: let name) = error.cause, let tensor = tensors[name], case .shape? = bindings[name] else { throw error }
                bindings[name] = .constant(tensor)
            }
        }
    }
}
