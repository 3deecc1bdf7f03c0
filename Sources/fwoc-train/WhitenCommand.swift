import ArgumentParser
import Foundation
import RunRecords
import Training

struct WhitenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whiten",
        abstract: "Makes samples of one person differ as much in all directions of a run's embedding.",
        discussion: """
            Of the people that the run learnt from, those with several samples say in which directions an encoder's embeddings of one person differ most; its last linear layer is set so that \
            they count less (within-class covariance normalization). A network that learnt from a teacher's answers, which know no people, tells people apart better after it; the \
            samples of each should be of several occasions, or there is nothing to learn.

            best.checkpoint holds the new weights, learnt.checkpoint those before, from which the same command begins again. What goes on training, by fit --resume or from an export, \
            needs the weights as learnt: export before.

            --centre takes away what all people's embeddings have in common, too: what a short or a noisy sample says of itself. Where everybody was seen or heard on one occasion, their samples \
            say little of directions: a higher --shrinkage believes them less, and with 1 the mean is all that is taken away.

            EXAMPLE
              fwoc-train whiten runs/face
              fwoc-train whiten runs/voice --centre --shrinkage 0.3
              fwoc-train quantize runs/face -o networks/
            """)

    @Argument(help: "The run's folder.")
    var folder: String

    @Option(help: "The encoder, where the run has several: a modality's name.")
    var part: String?

    @Flag(help: "Take the mean of all people's embeddings away, too.")
    var centre = false

    @Option(help: "How much all directions are taken to be alike whatever the samples say, 0 to 1.")
    var shrinkage = 0.1

    @Option(help: ArgumentHelp("Samples of a person that count, at most.", valueName: "n"))
    var samples = 8

    @Option(help: ArgumentHelp("How often each is looked at dark, blurred or noisy besides, as in training.", valueName: "n"))
    var augmented = 1

    @Option(name: .customShort("c"), help: ArgumentHelp("Set a key of the run's recipe, for example where its shards are now.", valueName: "key=value"))
    var set: [String] = []

    func validate() throws {
        guard (0...1).contains(shrinkage) else { throw ValidationError("--shrinkage is \(shrinkage), expected 0 to 1") }
        guard samples >= 2 else { throw ValidationError("--samples is \(samples), expected 2 or more") }
        guard (0...64).contains(augmented) else { throw ValidationError("--augmented is \(augmented), expected 0 to 64") }
        for entry in set where entry.firstIndex(of: "=") == nil { throw ValidationError("-c \(entry): expected key=value") }
    }

    func run() throws {
        let overrides = set.compactMap { entry in entry.firstIndex(of: "=").map { (key: String(entry[..<$0]), value: String(entry[entry.index(after: $0)...])) } }
        let run = RunFolder(folder)
        _ = try run.record()
        guard !TrainedTask.isOne(run) else { throw FitError(.configuration, "\(folder): the run of a task, whose networks give no embedding of a person") }
        var whitening = Whitening()
        (whitening.part, whitening.centres, whitening.shrinkage, whitening.samplesPerPerson, whitening.augmentedViews) = (part, centre, shrinkage, samples, augmented)
        var line = ProgressLine(label: "whiten")
        let outcome = try whitening.apply(to: run, overrides: overrides) { done, total in line.advance(done: done, total: total, before: 0, unit: "samples") }
        line.finish()
        Console.note(
            "whiten: \(outcome.samples) looks at samples of \(outcome.people) people; \(centre ? "their mean is taken away; " : "")in the widest direction they differed "
                + "\(String(format: "%.1f", outcome.spread)) times as much as in the narrowest\(shrinkage < 1 ? "" : ", which stays"); "
                + "the weights are in \(run.bestCheckpoint), those before in \(run.learntCheckpoint)")
    }
}
