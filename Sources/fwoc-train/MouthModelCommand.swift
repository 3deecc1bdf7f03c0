import ArgumentParser
import Articulation
import Foundation

struct MouthModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mouth-model",
        abstract: "Learns from clips of talking faces how a mouth moves with what is heard, for synthetic clips.",
        discussion: """
            Each clip shows one face that talks; the folder that it lies in says who it is. Mouths are read from the pictures with a face detector and dense \
            landmarks. Said at the end: how well the opening and the width of the mouths that were held out (or of --try) are read from their sound, and on how many \
            stretches of three seconds the lag between sound and lips is found within one picture.

            EXAMPLE
              fwoc-train mouth-model grid/*/*.mp4 --hold-out s30,s31 --detector yunet.onnx --landmarks face_mesh_468.onnx -o mouth-model.fwoc
            """)

    @Argument(help: "Clips with pictures and sound.")
    var clips: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("Write the model here.", valueName: "file"))
    var output: String

    @Option(help: "Face detector, an ONNX file as YuNet.")
    var detector: String

    @Option(help: "Dense landmarks, an ONNX file: 468 points of a face.")
    var landmarks: String

    @Option(help: ArgumentHelp("People that nothing is learnt from: names of folders, separated by commas.", valueName: "names"))
    var holdOut: String = ""

    @Option(name: .customLong("try"), parsing: .upToNextOption, help: "Clips on which the model is tried instead of those held out.")
    var tried: [String] = []

    @Option(help: ArgumentHelp("Keep what was read from clips here, and take it from here.", valueName: "folder"))
    var cache: String?

    @Option(help: "Penalty on large weights, relative to the inputs' variances.")
    var penalty: Double = MouthFit.penalty

    func validate() throws {
        guard penalty > 0, penalty.isFinite else { throw ValidationError("--penalty \(penalty): expected a number above 0") }
    }

    func run() throws {
        var shelf = try RecordingShelf(folder: cache, detector: detector, landmarks: landmarks)
        let held = Set(holdOut.split(separator: ",").map(String.init))
        var learnt: [MouthRecording] = [], unseen: [MouthRecording] = []
        for clip in clips {
            guard let recording = try take(clip, &shelf) else { continue }
            if held.contains(recording.speaker) { unseen.append(recording) } else { learnt.append(recording) }
        }
        for name in held where !unseen.contains(where: { $0.speaker == name }) { throw MouthModelError(.badData, "--hold-out \(name): no clip lies in a folder of that name") }
        if !tried.isEmpty { unseen = try tried.compactMap { try take($0, &shelf) } }
        let model = try MouthFit.fit(learnt, penalty: penalty)
        try model.write(to: output)
        Console.line(
            "\(output): from \(learnt.count) clips of \(Set(learnt.map(\.speaker)).count) people, \(learnt.reduce(0) { $0 + $1.times.count }) pictures; "
                + String(format: "mean opening %.4f, deviations of opening %.4f and width %.4f face widths", model.meanOpening, model.openingDeviation, model.widthDeviation))
        for (name, recordings) in Dictionary(grouping: unseen, by: \.speaker).sorted(by: { $0.key < $1.key }) { try say(name, recordings, model) }
        if !unseen.isEmpty { try say("all", unseen, model) }
    }

    /// - Returns: nil for a clip in which there is nothing to learn from; that is said.
    private func take(_ clip: String, _ shelf: inout RecordingShelf) throws -> MouthRecording? {
        do { return try shelf.recording(clip) } catch let error as MouthModelError where error.category == .badData {
            Console.error("left out: \(error.description)")
            return nil
        }
    }

    private func say(_ name: String, _ recordings: [MouthRecording], _ model: MouthModel) throws {
        let score = try MouthFit.score(model, recordings)
        let share = 100 * Double(score.foundLags) / Double(max(1, score.lags))
        Console.line(
            "\(name): \(score.clips) clips, correlation of the opening \(String(format: "%.3f", score.opening)), of the width \(String(format: "%.3f", score.width)), "
                + "lag within one picture on \(score.foundLags) of \(score.lags) stretches (\(String(format: "%.1f", share)) %)")
    }
}
