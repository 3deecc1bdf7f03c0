import ArgumentParser

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Looks into and runs ONNX models and bundles.",
        subcommands: [ModelListCommand.self, ModelShowCommand.self, ModelVerifyCommand.self, ModelRunCommand.self, ModelBenchCommand.self])
}
