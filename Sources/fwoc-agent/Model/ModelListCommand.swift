import AgentRuntime
import ArgumentParser
import Foundation
import Gallery
import ModelBundle

struct ModelListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the bundles that --bundle can name.",
        discussion: "EXAMPLE\n  fwoc-agent model list")

    func run() throws {
        let locations = BundleLocations(
            environment: ProcessInfo.processInfo.environment,
            workingDirectory: URL(fileURLWithPath: FileManager.default.currentDirectoryPath))
        let bundles = locations.bundles()
        guard !bundles.isEmpty else {
            throw AgentError(.noInput, "no bundle in \(locations.searchPaths.map(\.path).joined(separator: ", "))")
        }
        for bundle in bundles { Console.line("\(bundle.name)\t\(bundle.directory.path)") }
    }
}

struct ModelVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Checks every file of a bundle against its hash, and its contracts against this program.",
        discussion: "EXAMPLE\n  fwoc-agent model verify --bundle reference --reference-models DIR")

    @OptionGroup var recognition: RecognitionOptions

    func run() throws {
        let bundle = try recognition.models()
        _ = try bundle.makeRecognizer(gallery: .empty)
        Console.line("\(bundle.fingerprint): every file and contract fits")
    }
}
