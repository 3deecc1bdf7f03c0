import AgentRuntime
import ArgumentParser
import Foundation
import GroundTruth

/// The program: parses, resolves, calls. Results go to standard output, everything else to standard error.
@main
struct FwocAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fwoc-agent",
        abstract: "Knows who is in front of a camera and microphone.",
        discussion: """
            Faces and voices are compared with a gallery of enrolled people on this machine; nothing leaves it.

            EXAMPLE
              fwoc-agent enroll Alice --clip alice.mp4 --gallery people.sqlite
              fwoc-agent replay meeting.mp4 --gallery people.sqlite --annotate out.mp4
              fwoc-agent run -c mqtt.host=broker.lan
            """,
        version: AgentVersion.current,
        subcommands: [
            RunCommand.self, ReplayCommand.self, ScoreCommand.self, EnrollCommand.self, GalleryCommand.self, ModelCommand.self, EmbedCommand.self, DevicesCommand.self, StatusCommand.self,
            DoctorCommand.self, ConfigCommand.self, MQTTCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch let error as ExitCode {
            exit(withError: error)
        } catch let error as CleanExit {
            exit(withError: error)
        } catch {
            // ArgumentParser's own errors know how to show usage, and exit with 64 (EX_USAGE).
            guard let reported = Reportable(error) else { exit(withError: error) }
            Console.error(reported.description)
            Foundation.exit(reported.exitCode)
        }
    }
}

/// An error of the work itself, with its exit code; not one of the command line's.
struct Reportable {
    var description: String
    var exitCode: Int32

    init?(_ error: any Error) {
        // Success is what asking for help or the version ends with.
        let code = FwocAgent.exitCode(for: error)
        if code == .validationFailure || code == .success { return nil }
        let error = (error as? GroundTruthError).map(AgentError.init) ?? AgentError(wrapping: error)
        description = error.description
        exitCode = error.category.rawValue
    }
}
