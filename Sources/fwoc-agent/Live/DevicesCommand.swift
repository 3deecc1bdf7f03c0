import ArgumentParser
import AgentRuntime

struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "Lists cameras with what they offer, and microphones.",
        discussion: """
            EXAMPLE
              fwoc-agent devices
            """)

    @Option(help: ArgumentHelp("Sound server instead of the user's or the system's own.", valueName: "address"))
    var server: String?

    func run() throws {
        for line in DeviceReport.lines(soundServer: server) { Console.line(line) }
    }
}
