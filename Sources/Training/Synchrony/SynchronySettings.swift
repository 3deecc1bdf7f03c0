import Datasets
import Foundation
import ModelBundle

/// What a recipe says of the two streams that compare mouths with sound.
///
///     task: synchrony
///     data:
///       shards: [shards/talks]        # of `fwoc-train prepare`, with mouths
///       split: {validation: 0.1, hold_out: [held-out.txt]}
///     size: 128                       # of the embeddings
///     frames: [28, 60]                # of a window, 40 ms each: one of these lengths in each step
///     batch: {windows: 32, of_each: 2}   # of the shortest; fewer of longer ones
///     stills: 8                       # mouths that stand still besides
///     steps: 200                      # of an epoch
///     reach: 15                       # largest offset that is compared, frames
///     temperature: 0.05
///     noise: noise/                   # recordings that are mixed in; synthetic noise without
struct SynchronySettings: TaskSettings {
    static let name = "synchrony"
    var data: TrainingDataSource
    var dimension: Int
    var frames: [Int]
    var stills: Int
    var windows: Int
    /// Windows of the same person in a batch, so that who is heard tells nothing.
    var ofEach: Int
    var steps: Int
    var loss: SynchronyLoss
    var noise: String?

    init(_ section: inout YAMLSection, folder: URL) throws {
        var data = try section.section("data")
        self.data = try TrainingDataSource(&data, folder: folder)
        try data.finish()
        guard self.data.pairs.isEmpty else { throw section.problem("data", "made-up people do not talk in step; name folders of shards") }
        dimension = try section.optionalInteger("size", in: 8...1024) ?? 128
        let lengths = try section.texts("frames")
        frames = lengths.compactMap { Int($0) }.filter { (12...250).contains($0) }.sorted()
        guard frames.count == lengths.count else { throw section.problem("frames", "got \(lengths.joined(separator: ", ")), expected lengths of 12 to 250 frames") }
        if frames.isEmpty { frames = [30] }
        let inner = frames[0] - 2 * SequenceArchitecture.margin
        let reach = try section.optionalInteger("reach", in: 1...100) ?? min(15, inner - 1)
        guard reach < inner else {
            throw section.problem("reach", "\(reach) frames of offset, but \(frames[0]) frames have \(inner) that do not look beyond their ends; expected fewer")
        }
        loss = SynchronyLoss(temperature: try section.optionalReal("temperature", in: 1e-3...10) ?? 0.05, reach: reach)
        var batch = try section.sectionOrEmpty("batch")
        windows = try batch.optionalInteger("windows", in: 2...4096) ?? 32
        ofEach = try batch.optionalInteger("of_each", in: 1...64) ?? 2
        guard windows % ofEach == 0 else { throw batch.problem("windows", "\(windows) windows are not so many times \(ofEach) of each person") }
        try batch.finish()
        stills = try section.optionalInteger("stills", in: 0...4096) ?? 0
        steps = try section.optionalInteger("steps", in: 1...1_000_000) ?? 200
        noise = try section.optionalText("noise").map { Recipe.resolved($0, folder) }
    }

    var paths: [(key: String, paths: [String], isList: Bool)] {
        var paths = [(key: "data.shards", paths: data.shards, isList: true)]
        if !data.holdOut.isEmpty { paths.append(("data.split.hold_out", data.holdOut, true)) }
        if let noise { paths.append(("noise", [noise], false)) }
        return paths
    }

    func task(seed: UInt64, device: TorchDevice) throws -> any LearningTask { try SynchronyTask(self, seed: seed, device: device) }
}
