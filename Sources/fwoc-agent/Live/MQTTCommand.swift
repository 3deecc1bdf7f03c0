import AgentRuntime
import ArgumentParser
import Publishing

struct MQTTCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mqtt", abstract: "Tries the broker.", subcommands: [MQTTTestCommand.self])
}

struct MQTTTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Connects to the configured broker and sends a message to itself; exit code 69 where that fails.",
        discussion: """
            EXAMPLE
              fwoc-agent mqtt test -c mqtt.host=broker.lan -c mqtt.port=8883
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let configuration = try options.load().configuration
        guard let settings = configuration.mqttSettings else {
            throw AgentError(.configuration, "mqtt.host is not set (or mqtt.enabled is false): name the broker in agent.yaml or with -c mqtt.host=…")
        }
        let report = try MQTTProbe.run(settings, node: configuration.node)
        for line in report.lines { Console.line(line) }
        if let failure = report.failure { throw AgentError(.unavailable, "\(failure)") }
    }
}
