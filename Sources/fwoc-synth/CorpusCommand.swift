import ArgumentParser
import Datasets
import Foundation
import Synchronization
import SyntheticClips

struct CorpusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corpus", abstract: "Makes many clips of a recipe, with their truths and a manifest to train on.",
        discussion: """
            The clips follow from the recipe, its seed and their number alone. Interrupted work goes on where it stopped when the same command is given again.

            EXAMPLE
              fwoc-synth corpus models/synthesis/corpus.yaml -o corpus/ --jobs 8
              fwoc-synth corpus recipe.yaml -o corpus/ --part 3/16
              fwoc-train prepare corpus/manifest.csv -o shards/ --layout manifest
            """)

    @Argument(help: ArgumentHelp("Ranges for everything, the number of clips, and a seed.", valueName: "recipe.yaml"))
    var recipe: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Folder that the clips go to.", valueName: "dir"))
    var output: String

    @Option(help: ArgumentHelp("Make only this part of the clips, for array jobs: 3/8.", valueName: "i/n"))
    var part = "1/1"

    @Option(help: "Clips at the same time, each on a core.")
    var jobs = 1

    @Option(help: ArgumentHelp("Folder of the models for faces and mouths; also \(ModelFolder.variable).", valueName: "dir"))
    var models: String?

    @Flag(help: "No progress and no summary.")
    var quiet = false

    func validate() throws {
        guard WorkPart(part) != nil else { throw ValidationError("--part is '\(part)', expected i/n with i from 1 to n, for example 3/8") }
        guard (1...1024).contains(jobs) else { throw ValidationError("--jobs is \(jobs), expected 1 to 1024") }
    }

    func run() throws {
        let recipe = try CorpusRecipe(contentsOf: recipe)
        let text = try String(contentsOfFile: self.recipe, encoding: .utf8)
        let corpus = try Corpus(recipe, recipeText: text, folder: output, parts: SynthesisParts(folder: ModelFolder.find(models)))
        let line = Mutex(ProgressLine(label: "corpus"))
        let isQuiet = quiet
        let summary = try corpus.make(part: WorkPart(part) ?? .whole, jobs: jobs) { progress in
            guard !isQuiet else { return }
            line.withLock { line in
                line.advance(
                    { String(format: "%d/%d clips, %.1f × real time", progress.done, progress.total, progress.mediaSeconds / $0) },
                    share: Double(progress.done) / Double(max(1, progress.total)), before: Double(progress.before) / Double(max(1, progress.total)))
            }
        }
        guard !quiet else { return }
        line.withLock { line in
            line.finish()
            let made = summary.progress.done - summary.progress.before
            let core = summary.cost.speech + summary.cost.drawing + summary.cost.camera + summary.cost.encoding
            Console.note(
                String(
                    format: "%d clips made, %d were there; %.1f s of media in %@: %.1f × real time, %.1f for each core (speech %.0f %%, drawing %.0f %%, camera %.0f %%, encoding %.0f %%)", made,
                    summary.progress.before, summary.progress.mediaSeconds, ProgressLine.duration(line.elapsed), summary.progress.mediaSeconds / max(1e-6, line.elapsed),
                    summary.progress.mediaSeconds / max(1e-6, ProcessorTime.used), 100 * summary.cost.speech / max(1e-6, core), 100 * summary.cost.drawing / max(1e-6, core),
                    100 * summary.cost.camera / max(1e-6, core), 100 * summary.cost.encoding / max(1e-6, core)))
        }
        Console.line("\(summary.manifest): \(summary.rows) rows")
    }
}
