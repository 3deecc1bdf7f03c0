import AgentRuntime
import ArgumentParser
import Foundation
import Inference
import ModelBundle

struct ModelBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Times a model on one thread of this processor, layer by layer.",
        discussion: """
            The inputs are zeros unless the model computes otherwise with them; sizes that the model leaves free are taken from --shape. The \
            layers are those that run: after folding, fusing and joining, by the time that they take.

            EXAMPLE
              fwoc-agent model bench face.onnx --runs 100
            """)

    @Argument(help: "ONNX file.")
    var model: String

    @Option(help: ArgumentHelp("Shape of an input: name=1x3x112x112. May be given again.", valueName: "name=shape"))
    var shape: [String] = []

    @Option(help: "Runs to average over, after one that is not counted.")
    var runs = 20

    @Option(help: "Layers to show, the slowest first.")
    var layers = 20

    @Option(help: "Vector instructions: portable, avx2, avxVNNI, avx512 or dot (the last with dot products of bytes, as avxVNNI); the best that the processor has, unless given.")
    var instructions: String?

    func validate() throws {
        guard (1...1_000_000).contains(runs) else { throw ValidationError("--runs \(runs): expected 1 to 1000000") }
        guard layers >= 0 else { throw ValidationError("--layers \(layers): expected 0 or more") }
    }

    func run() throws {
        var options = NetworkOptions()
        options.isProfiled = true
        if let instructions {
            guard let set = InstructionSet.available.first(where: { "\($0)" == instructions }) else {
                throw AgentError(.unavailable, "--instructions \(instructions): this processor has \(InstructionSet.available.map { "\($0)" }.joined(separator: ", "))")
            }
            options.instructionSet = set
        }
        let graph = try ModelFile.graph(model)
        let profile: NetworkProfile
        var best = Duration.seconds(1_000_000)
        do {
            let network = try Network(graph, inputs: try ModelFile.bindings(shape), options: options)
            try network.run()
            network.resetProfile()
            for _ in 0..<runs {
                let start = ContinuousClock.now
                try network.run()
                best = min(best, ContinuousClock.now - start)
            }
            profile = network.profile
        } catch let error as InferenceError {
            throw AgentError(.badData, "\(model): \(error)")
        }
        let total = max(Double(profile.nanosecondsPerRun), 1)
        for step in profile.steps.sorted(by: { $0.nanosecondsPerRun > $1.nanosecondsPerRun }).prefix(layers) {
            let time = Double(step.nanosecondsPerRun)
            Console.line(
                String(
                    format: "%9.1f µs  %5.1f %%  %8.2f M  %6.1f G/s  ", time / 1e3, 100 * time / total, Double(step.multiplyAccumulates) / 1e6,
                    Double(step.multiplyAccumulates) / max(time, 1)) + "\(step.operation)  \(step.name)")
        }
        Console.line(
            String(
                format: "%@: mean %.3f ms, best %.3f ms a run; %.1f million multiply-accumulates, %.1f thousand million a second; %d layers", model,
                total / 1e6, Double(best.components.seconds) * 1e3 + Double(best.components.attoseconds) / 1e15,
                Double(profile.multiplyAccumulates) / 1e6, Double(profile.multiplyAccumulates) / total, profile.steps.count))
    }
}
