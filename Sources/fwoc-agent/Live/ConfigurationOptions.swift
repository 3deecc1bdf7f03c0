import AgentRuntime
import ArgumentParser
import Foundation

/// Where the configuration comes from.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Configuration instead of /etc/fwoc/agent.yaml; the folder of the same name with .d is read after it.", valueName: "file"))
    var config: String?

    @Option(name: .customShort("c"), help: ArgumentHelp("Set one value, over the files: -c camera.rate=15. May be given again.", valueName: "key=value"))
    var set: [String] = []

    @Option(help: ArgumentHelp("Firmware profile, over the files: a name in firmware-profiles/, or auto.", valueName: "name"))
    var profile: String?

    /// - Parameter readsSecrets: false for commands that show the configuration and connect nowhere.
    func load(readsSecrets: Bool = true) throws -> LoadedConfiguration {
        let environment = ProcessInfo.processInfo.environment
        return try ConfigurationLoader(
            paths: config.map { ConfigurationPaths(file: URL(fileURLWithPath: $0)) } ?? ConfigurationPaths(environment: environment), overrides: set, profile: profile,
            profileFolders: ProfileLibrary.standardFolders(
                environment: environment, workingDirectory: URL(fileURLWithPath: FileManager.default.currentDirectoryPath)),
            environment: environment, readsSecrets: readsSecrets
        ).load()
    }
}
