import ArgumentParser
import Foundation
import Glibc
import RunRecords
import Synchronization
import Training

struct FitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit",
        abstract: "Trains encoders and a fuser by a recipe.",
        discussion: """
            The recipe says what is learnt, from which shards, and how; keys of it can be set on the command line. The run's folder gets the recipe, a record \
            of every step (CSV and TensorBoard), the best weights and the last ones. Killed at any moment, the same command with --resume ends with the same \
            weights. Ctrl-C stops after a step and leaves a checkpoint.

            Several processes train together where MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE are set, as torchrun sets them.

            EXAMPLE
              fwoc-train fit recipe.yaml -o runs/first
              fwoc-train fit recipe.yaml -o runs/linear -c fuser.name=linear -c seed=2 --resume
            """)

    @Argument(help: "The recipe.")
    var recipe: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Folder that the run goes to.", valueName: "dir"))
    var output: String

    @Flag(help: "Go on with the run in the folder, if there is one.")
    var resume = false

    @Option(help: "Where to compute: cpu, cuda or cuda:1.")
    var device = "cpu"

    @Option(help: "Threads of libtorch; if not given as OMP_NUM_THREADS says, else all cores. The same number gives the same weights.")
    var threads = 0

    @Option(name: .customShort("c"), help: ArgumentHelp("Set a key of the recipe: -c optimizer.rate=0.01, -c losses.0.name=triplet.", valueName: "key=value"))
    var set: [String] = []

    @Flag(help: "No progress and no summary.")
    var quiet = false

    func validate() throws {
        guard TorchDevice(device) != nil else { throw ValidationError("--device is '\(device)', expected cpu, cuda or cuda:0 … cuda:63") }
        guard (0...1024).contains(threads) else { throw ValidationError("--threads is \(threads), expected 1 to 1024") }
        for entry in set where entry.firstIndex(of: "=") == nil { throw ValidationError("-c \(entry): expected key=value") }
    }

    /// Set by a signal; read between steps.
    private static let wasAsked = Atomic(false)

    func run() throws {
        let overrides = set.compactMap { entry in entry.firstIndex(of: "=").map { (key: String(entry[..<$0]), value: String(entry[entry.index(after: $0)...])) } }
        let file = URL(fileURLWithPath: recipe)
        var options = Fit.Options()
        options.device = TorchDevice(device) ?? .cpu
        options.threads = threads
        options.resumes = resume
        options.group = try ProcessGroup.fromEnvironment()
        let shows = !quiet && (options.group?.rank ?? 0) == 0
        let fit: any TrainingRun =
            TaskRecipe.isOne(file, overrides: overrides)
            ? try TaskFit(TaskRecipe(contentsOf: file, overrides: overrides), into: RunFolder(output), options: options)
            : try Fit(Recipe(contentsOf: file, overrides: overrides), into: RunFolder(output), options: options)
        if shows {
            for note in fit.notes { Console.note("fit: \(note)") }
            Console.note("fit: \(fit.summary)")
        }
        // Whoever starts the program may have blocked them, and that is inherited.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        _ = signal(SIGINT) { _ in FitCommand.wasAsked.store(true, ordering: .relaxed) }
        _ = signal(SIGTERM) { _ in FitCommand.wasAsked.store(true, ordering: .relaxed) }
        var embedding = ProgressLine(label: "embed")
        // Its rate begins with the first step.
        var training: (line: ProgressLine, before: Int)?
        let ending = try fit.run(shouldStop: { Self.wasAsked.load(ordering: .relaxed) }) { state in
            guard shows else { return }
            switch state.stage {
            case .embedding: embedding.advance(done: state.done, total: state.total, before: 0, unit: "samples")
            case .training:
                if training == nil { training = (ProgressLine(label: "fit"), state.done) }
                let before = training?.before ?? 0
                training?.line.advance(done: state.done, total: state.total, before: before, unit: "steps") { _ in
                    String(format: ", epoch %d/%d, loss %.4f, %.0f samples/s%@", state.epoch + 1, state.epochs, state.loss, state.samplesPerSecond, state.bestText)
                }
            case .validating: break
            }
        }
        embedding.finish()
        training?.line.finish()
        guard shows else { return }
        Console.note("fit: \(ending.text)\(fit.bestText); the weights are in \(output)/best.checkpoint")
        if ending == .interrupted { Console.note("fit: go on with the same command and --resume") }
    }
}

/// A run of any recipe.
private protocol TrainingRun: AnyObject {
    var notes: [String] { get }
    var summary: String { get }
    var bestText: String { get }
    func run(shouldStop: () -> Bool, progress: (Fit.Progress) -> Void) throws -> Fit.Ending
}

extension Fit: TrainingRun {}
extension TaskFit: TrainingRun {}

extension Fit.Progress {
    var bestText: String {
        guard let best, let bestEpoch else { return "" }
        return String(format: ", best %.4f in epoch %d", best, bestEpoch + 1)
    }
}

extension Fit.Ending {
    var text: String {
        switch self {
        case .finished: "done"
        case .stoppedEarly: "stopped early: validation has not become better"
        case .interrupted: "interrupted"
        }
    }
}
