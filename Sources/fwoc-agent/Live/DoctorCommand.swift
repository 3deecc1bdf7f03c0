import AgentRuntime
import ArgumentParser
import Foundation
import MediaTypes

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Checks machine, configuration, models, gallery, clock, devices and broker, and says what to do.",
        discussion: """
            Opens camera and microphone for some seconds. Exit code 69 where something that `run` needs does not work.

            EXAMPLE
              sudo -u fwoc fwoc-agent doctor
              fwoc-agent doctor --sync 20
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: ArgumentHelp("Folder of the public ONNX files that the reference bundle names (or FWOC_REFERENCE_MODELS).", valueName: "dir"))
    var referenceModels: String?

    @Option(help: ArgumentHelp("Also watch somebody speak for so long, and measure how much later the sound is than the picture.", valueName: "seconds"))
    var sync = 0

    func validate() throws {
        guard sync == 0 || (10...600).contains(sync) else { throw ValidationError("--sync \(sync): expected 10 to 600 seconds") }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        var failures = 0
        Doctor.examine(
            configuration: Result { try options.load() }, referenceModels: referenceModels ?? environment["FWOC_REFERENCE_MODELS"],
            profileFolders: ProfileLibrary.standardFolders(
                environment: environment, workingDirectory: URL(fileURLWithPath: FileManager.default.currentDirectoryPath)),
            syncFor: .seconds(Double(sync))
        ) { finding in
            let mark = switch finding.grade {
            case .good: "ok  "
            case .doubtful: "?   "
            case .bad: "BAD "
            }
            Console.line("\(mark) \(finding.subject.padding(toLength: 14, withPad: " ", startingAt: 0))\(finding.text)")
            if !finding.remedy.isEmpty { Console.line("                   → \(finding.remedy)") }
            if finding.grade == .bad { failures += 1 }
        }
        if failures > 0 { throw AgentError(.unavailable, "\(failures) of these must be mended before the agent can run") }
    }
}
