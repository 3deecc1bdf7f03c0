import ArgumentParser
import Foundation
import GroundTruth
import SyntheticClips

struct SceneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scene", abstract: "Makes the clip of a scene, and its truth beside it.",
        discussion: """
            The clip's container is what its name ends with: mp4, mov, mkv, webm, avi or ts. The truth is called as the clip with .truth.json for an ending.

            EXAMPLE
              fwoc-synth models/synthesis/scenes/two-people.yaml -o two.mp4
              fwoc-synth scene.yaml -o dark.webm -c camera.light=0.2 -c seed=4
            """)

    @Argument(help: ArgumentHelp("What is to be seen and heard.", valueName: "scene.yaml"))
    var scene: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The clip.", valueName: "clip.mp4"))
    var output: String

    @Option(help: ArgumentHelp("Where the truth goes.", valueName: "truth.json"))
    var truth: String?

    @Option(name: .short, help: ArgumentHelp("Change a key of the scene: camera.light=0.2, talk.0.time=2s. May be given again.", valueName: "key=value"))
    var change: [String] = []

    @Option(help: ArgumentHelp("Folder of the models for faces and mouths; also \(ModelFolder.variable).", valueName: "dir"))
    var models: String?

    @Flag(help: "No progress and no summary.")
    var quiet = false

    func validate() throws {
        for text in change where !text.contains("=") { throw ValidationError("-c \(text): expected key=value, for example -c camera.light=0.2") }
    }

    func run() throws {
        let overrides = change.map { text in
            let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (key: halves[0], value: halves[1])
        }
        // The scene first: what is wrong with it is known at once.
        let scene = try Scene(contentsOf: scene, output: output, overrides: overrides)
        let maker = ClipMaker(parts: try SynthesisParts(folder: ModelFolder.find(models)))
        var progress = ProgressLine(label: "made")
        let truth = try maker.make(scene, to: output) { done, total in
            if !quiet { progress.advance({ _ in String(format: "%.1f of %.1f s", done, total) }, share: done / total) }
        }
        let path = self.truth ?? TruthPath.of(output)
        do { try truth.json().write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw ClipError(.inputOutput, "\(path): writing failed: \(error.localizedDescription)")
        }
        guard !quiet else { return }
        progress.finish()
        let cost = maker.cost
        Console.note(
            String(
                format: "%@: %.2f s, %d frames, %d people, %d turns of speech; %.1f × real time, %.1f for a core of its own (speech %.2f s, drawing %.2f s, camera %.2f s, encoding %.2f s)\n%@", output, truth.duration,
                truth.frames.count, truth.people.count, truth.speech.count, truth.duration / max(progress.elapsed, 1e-6), truth.duration / max(ProcessorTime.used, 1e-6), cost.speech, cost.drawing, cost.camera, cost.encoding, path))
    }
}
