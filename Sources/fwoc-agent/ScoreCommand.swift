import AgentRuntime
import ArgumentParser
import Figures
import Foundation
import GroundTruth

struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Compares events with what is true in the clip.",
        discussion: """
            Says over time who was rightly named and who not, how soon, how surely speaking faces were told from silent ones, how far off the sound's \
            measured offset is, and what was decided while picture or sound was lost. The truth is a JSON file of schema fwoc.truth/1, as fwoc-synth writes \
            it beside a clip.

            EXAMPLE
              fwoc-agent replay made.mp4 --gallery people.sqlite --observations --sync --events made.events.jsonl
              fwoc-agent score made.events.jsonl made.truth.json --svg made.svg
            """)

    @Argument(help: ArgumentHelp("What `replay --events` wrote.", valueName: "events.jsonl"))
    var events: String

    @Argument(help: ArgumentHelp("What is true.", valueName: "truth.json"))
    var truth: String

    @Option(name: .customLong("person"), help: ArgumentHelp("Whom a name in the gallery means in the truth, where it is neither a name nor an identifier there. May be given again.", valueName: "name=id"))
    var people: [String] = []

    @Option(name: .customLong("stranger"), help: ArgumentHelp("Somebody in the truth who is not in the gallery: not missed where nobody is named. May be given again.", valueName: "id"))
    var strangers: [String] = []

    @Option(help: ArgumentHelp("How long a name may stand on who is gone before that counts as wrong.", valueName: "seconds"))
    var hold: Double = EventScore.Settings().hold

    @Option(help: ArgumentHelp("How much later than the lips the agent may say that they speak, for the average precision.", valueName: "seconds"))
    var speakingDelay: Double = 0

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    @Option(help: ArgumentHelp("Write a time line of truth against events as a picture.", valueName: "file.svg"))
    var svg: String?

    func validate() throws {
        for text in people where text.split(separator: "=", omittingEmptySubsequences: false).count != 2 {
            throw ValidationError("--person \(text): expected a name of the gallery and whom it means, for example Alice=anna")
        }
        guard hold >= 0, hold.isFinite else { throw ValidationError("--hold \(hold): expected seconds, at least 0") }
        guard (0...10).contains(speakingDelay) else { throw ValidationError("--speaking-delay \(speakingDelay): expected seconds from 0 to 10") }
    }

    func run() throws {
        let truth = try ClipTruth(contentsOf: truth)
        var settings = EventScore.Settings()
        for text in people {
            let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            settings.names[halves[0]] = halves[1]
        }
        settings.strangers = Set(strangers)
        settings.hold = hold
        settings.speakingDelay = speakingDelay
        let score = try EventScore(RecordedEvents(contentsOf: events), truth: truth, path: events, settings: settings)
        if let svg {
            do { try Data(ScoreTimeline(score, truth: truth).svg().text.utf8).write(to: URL(fileURLWithPath: svg)) } catch {
                throw AgentError(.inputOutput, "\(svg): writing failed: \(error.localizedDescription); check that the folder exists and is writable")
            }
        }
        if json { Console.line(try score.json()) } else { Console.line(score.table(events: events, truth: self.truth)) }
    }
}

extension AgentError {
    init(_ error: GroundTruthError) {
        let category: Category =
            switch error.category {
            case .noInput: .noInput
            case .noPermission: .noPermission
            case .badData: .badData
            case .inputOutput: .inputOutput
            }
        self.init(category, error.description)
    }
}
