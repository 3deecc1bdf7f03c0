import Datasets
import Foundation
import ModelBundle
import RunRecords
import Tensors
import Testing
import Training

/// Training of the two streams on people whose mouths are as bright as their voice is loud.
@Suite(.serialized) struct SynchronyFitTests {
    private static let frames = 20

    /// Shards of six people with two rows each, and a recipe.
    private static func recipe(_ scratch: ScratchFolder, epochs: Int, extra: String = "") throws -> TaskRecipe {
        let folder = scratch.file("talks")
        if !FileManager.default.fileExists(atPath: folder) {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let writer = try ShardWriter(path: folder + "/0.shard", description: SampleColumns.description(mouths: [.lips], origin: [:]))
            for person in 0..<6 {
                for row in 0..<2 {
                    var random = SeededGenerator(seed: 5, UInt64(person), UInt64(row))
                    let loudness = (0..<frames).map { _ in random.index(below: 3) }
                    let mouths = loudness.flatMap { [UInt8](repeating: UInt8(40 + 80 * $0), count: 96 * 96) }
                    let sound = loudness.flatMap { level in (0..<640).map { Int16(($0 * 37 % 41 - 20) * [2, 30, 300][level]) } }
                    try writer.append(
                        ShardRow([
                            SampleColumns.identity: ShardValue("p\(person)"), SampleColumns.session: ShardValue("s"), SampleColumns.file: ShardValue("\(person)-\(row).mp4"),
                            SampleColumns.start: ShardValue(Int64(0)), SampleColumns.track: ShardValue(Int32(0)), SampleColumns.mouth: ShardValue(mouths, entries: frames),
                            SampleColumns.sound: ShardValue(sound, entries: sound.count),
                        ]))
                }
            }
            try writer.finish()
        }
        let text = """
            name: lips
            task: synchrony
            seed: 3
            data: {shards: [talks], split: {validation: 0.3, test: 0}}
            size: 8
            frames: [14, 18]
            reach: 3
            stills: 1
            batch: {windows: 4, of_each: 2}
            steps: 2
            epochs: \(epochs)
            optimizer: {name: adamw, rate: 0.002}
            checkpoint_steps: 1
            \(extra)
            """
        let file = scratch.file("lips.yaml")
        try ScratchFolder.write(Array(text.utf8), file)
        return try TaskRecipe(contentsOf: URL(fileURLWithPath: file))
    }

    @Test func `Interrupted after any step, a run ends with the weights of one that was not`() throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.recipe(scratch, epochs: 3)
        let whole = try TaskFit(recipe, into: scratch.run("whole"))
        #expect(whole.summary.contains("synchrony") && whole.notes.contains { $0.contains("of talk to learn from") })
        #expect(try whole.runAlone() == .finished)
        var options = Fit.Options()
        for stop in 1...4 {
            var steps = 0
            options.resumes = stop > 1
            let ending = try TaskFit(recipe, into: scratch.run("pieces"), options: options).runAlone(shouldStop: {
                defer { steps += 1 }
                return stop < 4 && steps == (stop == 2 ? 2 : 1)
            })
            #expect(ending == (stop < 4 ? .interrupted : .finished))
        }
        let a = try SafetensorsFile(contentsOf: URL(fileURLWithPath: scratch.run("whole").lastCheckpoint))
        let b = try SafetensorsFile(contentsOf: URL(fileURLWithPath: scratch.run("pieces").lastCheckpoint))
        #expect(a.tensors == b.tensors && !a.tensors.isEmpty)
        let contents = try scratch.run("pieces").load()
        #expect(contents.steps.count == 6 && contents.epochs.count == 3 && contents.record.status == .finished)
        #expect(contents.epochs[0].metrics.map(\.name).contains("own_sound_1"))

        // The networks that are exported read any number of frames, and those that are measured are these.
        let trained = try TrainedTask(scratch.run("whole"))
        let networks = try trained.exported()
        #expect(networks.map(\.name) == ["mouth", "sound"])
        #expect(try trained.measured(.validation).count == contents.epochs[0].metrics.count)
    }

    @Test func `Mistakes are named with their place`() throws {
        let scratch = try ScratchFolder()
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return ""
        }
        let unknown = message { _ = try Self.recipe(scratch, epochs: 1, extra: "temprature: 0.1") }
        #expect(unknown.contains("temprature") && unknown.contains("temperature") && unknown.contains(":14"), "\(unknown)")
        #expect(message { _ = try Self.recipe(scratch, epochs: 1, extra: "size: 9") } != "")
        let recipe = try Self.recipe(scratch, epochs: 1)
        _ = try TaskFit(recipe, into: scratch.run())
        try TaskFit(recipe, into: scratch.run("done")).runAlone()
        #expect(message { _ = try TaskFit(recipe, into: scratch.run("done")) }.contains("--resume"))
        // Other data than the checkpoint's.
        var options = Fit.Options()
        options.resumes = true
        #expect(message { _ = try TaskFit(try Self.recipe(scratch, epochs: 2), into: scratch.run("done"), options: options) }.contains("another recipe"))
        try ScratchFolder.write(Array("task: juggling\n".utf8), scratch.file("other.yaml"))
        #expect(message { _ = try TaskRecipe(contentsOf: scratch.url.appending(path: "other.yaml")) }.contains("synchrony"))
        #expect(!TaskRecipe.isOne(scratch.url.appending(path: "none.yaml")))
    }
}
