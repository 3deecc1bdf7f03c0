import Datasets
import Foundation
import ModelBundle

/// What a recipe says of a network that tells speech from everything else.
///
///     task: voice-activity
///     data:
///       shards: [shards/voices]       # of `fwoc-train prepare`, with sound
///       split: {validation: 0.05, hold_out: [held-out.txt]}
///     teacher: silero_vad_16k_op15.onnx   # says where speech is, and is given it without noise
///     seconds: 4                      # of a stretch
///     batch: {stretches: 64}
///     steps: 200                      # of an epoch
///     noise: noise/                   # recordings that are mixed in
///     unheard_noise: noise-held/      # others, to measure with; the same without
struct VoiceActivitySettings: TaskSettings {
    static let name = "voice-activity"
    var data: TrainingDataSource
    var teacher: String
    var seconds: Int
    var stretches: Int
    var steps: Int
    var noise: String
    var unheardNoise: String

    init(_ section: inout YAMLSection, folder: URL) throws {
        var data = try section.section("data")
        self.data = try TrainingDataSource(&data, folder: folder)
        try data.finish()
        guard self.data.pairs.isEmpty else { throw section.problem("data", "made-up people are not needed to hear speech; name folders of shards") }
        teacher = Recipe.resolved(try section.text("teacher"), folder)
        seconds = try section.optionalInteger("seconds", in: 1...30) ?? 4
        var batch = try section.sectionOrEmpty("batch")
        stretches = try batch.optionalInteger("stretches", in: 1...4096) ?? 64
        try batch.finish()
        steps = try section.optionalInteger("steps", in: 1...1_000_000) ?? 200
        noise = Recipe.resolved(try section.text("noise"), folder)
        unheardNoise = try section.optionalText("unheard_noise").map { Recipe.resolved($0, folder) } ?? noise
    }

    var paths: [(key: String, paths: [String], isList: Bool)] {
        var paths = [
            (key: "data.shards", paths: data.shards, isList: true), ("teacher", [teacher], false), ("noise", [noise], false), ("unheard_noise", [unheardNoise], false),
        ]
        if !data.holdOut.isEmpty { paths.append(("data.split.hold_out", data.holdOut, true)) }
        return paths
    }

    func task(seed: UInt64, device: TorchDevice) throws -> any LearningTask { try VoiceActivityTask(self, seed: seed, device: device) }
}
