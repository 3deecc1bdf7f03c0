import AgentRuntime
import ArgumentParser
import Foundation
import Glibc

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows how the running agent does, refreshing on a terminal.",
        discussion: """
            Asks the agent over HTTP (http.listen of its configuration).

            EXAMPLE
              fwoc-agent status
              fwoc-agent status --json | jq .latency
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: ArgumentHelp("Where the agent listens, instead of what the configuration says.", valueName: "host:port"))
    var address: String?

    @Flag(help: "Print it once as JSON.")
    var json = false

    @Flag(help: "Print it once, also on a terminal.")
    var once = false

    @Option(help: "Seconds between two looks.")
    var interval = 1.0

    func validate() throws {
        guard interval >= 0.1, interval <= 3600 else { throw ValidationError("--interval \(interval): expected 0.1 to 3600 seconds") }
    }

    func run() async throws {
        let address = try address ?? "\(options.load(readsSecrets: false).configuration.http.listen)"
        guard let url = URL(string: "http://\(address)/status") else { throw AgentError(.configuration, "\(address): not an address; expected host:port") }
        if json { return Console.line(try await StatusReader.data(url)) }
        let isLive = isatty(STDOUT_FILENO) == 1 && !once
        repeat {
            let lines = StatusText.lines(try AgentStatus(json: try await StatusReader.data(url)), isColoured: isatty(STDOUT_FILENO) == 1)
            // Home, each line cleared to its end, then what is below.
            if isLive {
                Console.line("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\n") + "\u{1B}[J")
                try await Task.sleep(for: .seconds(interval))
            } else {
                lines.forEach { Console.line($0) }
            }
        } while isLive
    }
}
