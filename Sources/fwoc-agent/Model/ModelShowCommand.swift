import AgentRuntime
import ArgumentParser
import Foundation
import Inference
import ModelBundle
import Tensors

struct ModelShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints a model's graph, shapes, multiply-accumulates and parameters.",
        discussion: """
            Sizes that the model leaves free are taken from --shape, else the model's cost is left out.

            EXAMPLE
              fwoc-agent model show speaker.onnx --shape input=1x300x80
            """)

    @Argument(help: "ONNX file.")
    var model: String

    @Option(help: ArgumentHelp("Shape of an input: name=1x3x112x112. May be given again.", valueName: "name=shape"))
    var shape: [String] = []

    func run() throws {
        let graph = try ModelFile.graph(model)
        Console.line("\(model): '\(graph.name)', operator set \(graph.opset), \(graph.nodes.count) nodes, \(graph.parameterCount) parameters")
        func text(_ value: ValueInfo) -> String {
            let sizes = value.shape.map { dimensions in
                dimensions.map { dimension in
                    switch dimension {
                    case .fixed(let size): "\(size)"
                    case .free(let name): name.isEmpty ? "?" : name
                    }
                }.joined(separator: "×")
            }
            return "\(value.name): \(value.elementType) [\(sizes ?? "any rank")]"
        }
        for input in graph.inputs { Console.line("  input   \(text(input))") }
        for output in graph.outputs { Console.line("  output  \(text(output))") }
        for (index, node) in graph.nodes.enumerated() {
            let weights = node.inputs.compactMap { graph.initializers[$0]?.shape }.map { $0.map(String.init).joined(separator: "×") }
            Console.line(
                "  \(index)  \(node.operation)  \(node.inputs.filter { !$0.isEmpty }.joined(separator: ", ")) → \(node.outputs.joined(separator: ", "))"
                    + (weights.isEmpty ? "" : "  weights \(weights.joined(separator: ", "))"))
        }
        let counts = Dictionary(grouping: graph.nodes, by: \.operation).mapValues(\.count).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        Console.line("operators: " + counts.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        let bindings = try ModelFile.bindings(shape)
        do {
            let profile = try Network(graph, inputs: bindings).profile
            Console.line(
                String(
                    format: "cost: %.1f million multiply-accumulates, %.2f MiB of working memory, %.2f MiB of packed weights",
                    Double(profile.multiplyAccumulates) / 1e6, Double(profile.arenaBytes) / 1_048_576, Double(profile.weightBytes) / 1_048_576))
        } catch {
            Console.note("cost not known: \(error)")
        }
    }
}

/// What the model commands share: reading model files and NAME=VALUE options.
enum ModelFile {
    static func graph(_ path: String) throws -> Graph {
        guard FileManager.default.fileExists(atPath: path) else { throw AgentError(.noInput, "\(path): no such file") }
        do { return try Graph(onnxFile: URL(fileURLWithPath: path)) } catch { throw AgentError(.badData, "\(error)") }
    }

    /// Shapes from NAME=1x3x112x112.
    static func bindings(_ entries: [String]) throws -> [String: InputBinding] {
        var bindings: [String: InputBinding] = [:]
        for entry in entries {
            let (name, sizes) = try split(entry, option: "--shape")
            let shape = sizes.split(separator: "x").compactMap { Int($0) }
            guard !shape.isEmpty, shape.count == sizes.split(separator: "x").count else {
                throw ValidationError("--shape \(entry): expected sizes like 1x3x112x112")
            }
            bindings[name] = .shape(shape)
        }
        return bindings
    }

    static func split(_ entry: String, option: String) throws -> (name: String, value: String) {
        guard let equals = entry.lastIndex(of: "="), equals != entry.startIndex else {
            throw ValidationError("\(option) \(entry): expected NAME=…")
        }
        return (String(entry[..<equals]), String(entry[entry.index(after: equals)...]))
    }
}
