import AgentRuntime
import ArgumentParser
import Foundation
import Logging

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Recognises who is in front of camera and microphone, and publishes identity events, until it is stopped.",
        discussion: """
            What `replay` does with a clip, with devices, for months. Configuration: /etc/fwoc/agent.yaml, then /etc/fwoc/agent.d/*.yaml, then \
            -c key=value; `fwoc-agent config show` prints the result. SIGHUP reads it again, SIGTERM ends within two seconds.

            EXAMPLE
              fwoc-agent run -c mqtt.host=broker.lan -c camera.device=/dev/video2
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: ArgumentHelp("Folder of the public ONNX files that the reference bundle names (or FWOC_REFERENCE_MODELS).", valueName: "dir"))
    var referenceModels: String?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        // Listening before anything else: a signal that comes while models are loaded is not lost, nor does it kill.
        let listener = SignalListener()
        let loaded = try options.load()
        let destination = JournalLogHandler.destination(loaded.configuration.log.format, environment: environment)
        let threshold = LogThreshold(loaded.configuration.log.level.level)
        LoggingSystem.bootstrap { JournalLogHandler(label: $0, threshold: threshold, destination: destination) }
        let options = options
        let agent = try LiveAgent(
            environment: LiveAgent.Environment(
                load: { try options.load() }, referenceModels: referenceModels ?? environment["FWOC_REFERENCE_MODELS"],
                notifier: ServiceNotifier(environment: environment), logThreshold: threshold),
            logger: Logger(label: "fwoc"))
        try await agent.run(signals: listener.signals)
        withExtendedLifetime(listener) {}
    }
}
