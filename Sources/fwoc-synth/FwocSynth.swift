import ArgumentParser
import Articulation
import Foundation
import Glibc
import MediaFiles
import ModelBundle
import SyntheticClips
import SyntheticFaces
import SyntheticVoices

/// The program: parses, resolves, calls. Results go to standard output, everything else to standard error.
///
/// It links espeak-ng and is therefore distributed under the GNU General Public License, version 3; its source is under the project's licence.
@main
struct FwocSynth: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fwoc-synth",
        abstract: "Makes clips of people who do not exist, talking, and says what is true in them.",
        discussion: """
            EXAMPLE
              fwoc-synth models/synthesis/scenes/two-people.yaml -o two.mp4
              fwoc-agent replay two.mp4 --observations --sync --events two.events.jsonl
              fwoc-agent score two.events.jsonl two.truth.json
              fwoc-synth corpus models/synthesis/corpus.yaml -o corpus/ --jobs 8 --part 1/4

            This program contains espeak-ng, and is distributed under the GNU General Public License, version 3.
            """,
        version: "0.1.0",
        subcommands: [SceneCommand.self, CorpusCommand.self], defaultSubcommand: SceneCommand.self)

    static func main() {
        // A file that outgrows its limit is an error with a message, not the end of the process.
        unsafe _ = signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
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

/// An error of the work itself, with its exit code (sysexits(3)); not one of the command line's.
struct Reportable {
    var description: String
    var exitCode: Int32

    init?(_ error: any Error) {
        // Success is what asking for help or the version ends with.
        let code = FwocSynth.exitCode(for: error)
        if code == .validationFailure || code == .success { return nil }
        description = "\(error)"
        exitCode =
            switch error {
            case let error as ClipError: error.category.rawValue
            case let error as MediaError:
                switch error.category {
                case .noInput: 66
                case .badData: 65
                case .noPermission: 77
                case .inputOutput: 74
                case .unavailable: 69
                }
            case let error as BundleError:
                switch error.category {
                case .configuration: 78
                case .noInput: 66
                case .inputOutput: 74
                }
            case FaceModelError.unreadable: 66
            case is FaceModelError: 65
            case let error as MouthModelError: error.category.rawValue
            case is SpeechError: 69
            default: 70
            }
    }
}
