import AgentRuntime
import ArgumentParser

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Shows, checks and describes the configuration of `run`.",
        subcommands: [ConfigShowCommand.self, ConfigCheckCommand.self, ConfigSchemaCommand.self])
}

struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints the resolved configuration, with the origin of each value.",
        discussion: """
            Secrets are not shown.

            EXAMPLE
              fwoc-agent config show -c camera.rate=15 | grep rate
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "As JSON: an object of dotted names, each with value and origin.")
    var json = false

    func run() throws {
        let loaded = try options.load(readsSecrets: false)
        if json { Console.line(loaded.json.text) } else { Console.line(String(loaded.shown.dropLast())) }
        for warning in loaded.warnings { Console.error(warning) }
    }
}

struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Says whether the configuration can be used; exit code 78 and every mistake with its line where it cannot.",
        discussion: """
            EXAMPLE
              fwoc-agent config check --config /etc/fwoc/agent.yaml && systemctl reload fwoc-agent
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let loaded = try options.load()
        for warning in loaded.warnings { Console.error(warning) }
        Console.line("the configuration is valid (node \(loaded.configuration.node))")
    }
}

struct ConfigSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Prints the JSON Schema of the configuration, for editors.",
        discussion: """
            EXAMPLE
              fwoc-agent config schema > agent.schema.json
            """)

    @Flag(help: "The schema of firmware profiles instead.")
    var profile = false

    @Flag(help: "A Markdown table of all keys instead.")
    var markdown = false

    func run() throws {
        if markdown { return Console.line(ConfigurationReference.markdown) }
        Console.line(String((profile ? ConfigurationSchema.profile : ConfigurationSchema.agent).document.dropLast()))
    }
}
