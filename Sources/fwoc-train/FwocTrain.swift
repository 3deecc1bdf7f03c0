import ArgumentParser
import Articulation
import Datasets
import Evaluation
import Foundation
import Glibc
import MediaFiles
import ModelBundle
import Quantization
import Recognition
import RunRecords
import Training

/// The program: parses, resolves, calls. Results go to standard output, everything else to standard error.
@main
struct FwocTrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fwoc-train",
        abstract: "Turns clips, pictures and recordings of people into a model bundle that fwoc-agent runs.",
        discussion: """
            EXAMPLE
              fwoc-train prepare people/ -o shards/ --jobs 4
              fwoc-train fit recipe.yaml -o runs/first
              fwoc-train evaluate faces.jsonl --html report.html
              fwoc-train quantize face.onnx --samples samples/ -o face-int8.onnx
            """,
        version: "0.1.0",
        subcommands: [
            PrepareCommand.self, FitCommand.self, EvaluateCommand.self, ReportCommand.self, CompareCommand.self, ExportCommand.self, ImportCommand.self, WhitenCommand.self, QuantizeCommand.self,
            ShardsCommand.self, BenchShardsCommand.self, FaceModelCommand.self, MouthModelCommand.self,
        ])

    static func main() async {
        // A file that outgrows its limit is an error with a message, not the end of the process.
        _ = signal(SIGXFSZ, SIG_IGN)
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

/// An error of the work itself, with its exit code (sysexits(3)); not one of the command line's.
struct Reportable {
    var description: String
    var exitCode: Int32

    init?(_ error: any Error) {
        // Success is what asking for help or the version ends with.
        let code = FwocTrain.exitCode(for: error)
        if code == .validationFailure || code == .success { return nil }
        description = "\(error)"
        exitCode =
            switch error {
            case let error as DatasetError: error.category.rawValue
            case let error as MouthModelError: error.category.rawValue
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
            case let error as EvaluationError: error.category == .unreadable ? 66 : 65
            case let error as QuantizationError: error.cause == .calibration ? 66 : 65
            case is ONNXError: 65
            case let error as FitError: error.category.rawValue
            case let error as RunRecordError: error.category.rawValue
            case is ProcessGroupError: 69
            default: 70
            }
    }
}
