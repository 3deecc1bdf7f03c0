import Datasets
import Foundation
import ModelBundle
import Quantization
import RunRecords
import Tensors
import Testing
import Training

/// Training of a detector of speech on tones, whose teacher takes for speech what is loud.
@Suite(.serialized) struct VoiceActivityFitTests {
    /// With the inputs and outputs of a recurrent detector: the logistic function of the mean level.
    private static func teacher(_ scratch: ScratchFolder) throws -> String {
        var net = GraphBuilder(name: "loud", seed: 1)
        let samples = net.input("input", [.fixed(1), .fixed(576)]), state = net.input("state", [.fixed(2), .fixed(1), .fixed(128)])
        _ = net.input("sr", [], .int64)
        let size = net.node("Abs", [samples.name], shape: samples.shape)
        let mean = net.globalAveragePool(net.reshape(size, [1, 1, 576]))
        let threshold = net.constant(Tensor(shape: [1, 1, 1], values: [Float(-4)]))
        let shifted = net.node("Add", [net.scale(mean, by: 200).name, threshold], shape: mean.shape)
        let path = scratch.file("loud.onnx")
        try net.graph(outputs: ["output": net.sigmoid(shifted), "stateN": net.node("Identity", [state.name], shape: state.shape)]).write(onnxFile: URL(fileURLWithPath: path))
        return path
    }

    private static func recipe(_ scratch: ScratchFolder, epochs: Int, extra: String = "") throws -> TaskRecipe {
        let folder = scratch.file("voices"), noise = scratch.file("noise")
        if !FileManager.default.fileExists(atPath: folder) {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: noise, withIntermediateDirectories: true)
            let writer = try ShardWriter(path: folder + "/0.shard", description: SampleColumns.description(mouths: [], origin: [:]))
            for person in 0..<10 {
                // A tone of the person's own, on and off.
                let sound = (0..<24000).map { index -> Int16 in
                    let level: Double = index / 4000 % 2 == 0 ? 8000 : 20
                    return Int16(sin(Double(index) * 0.05 * Double(person + 2)) * level)
                }
                try writer.append(
                    ShardRow([
                        SampleColumns.identity: ShardValue("p\(person)"), SampleColumns.session: ShardValue("s"), SampleColumns.file: ShardValue("\(person).wav"),
                        SampleColumns.start: ShardValue(Int64(0)), SampleColumns.track: ShardValue(Int32(0)), SampleColumns.sound: ShardValue(sound, entries: sound.count),
                    ]))
            }
            try writer.finish()
            try ScratchFolder.write(Self.wave((0..<16000).map { Int16(($0 * 7919) % 4001 - 2000) }), noise + "/hiss.wav")
        }
        let text = """
            name: speech
            task: voice-activity
            seed: 3
            data: {shards: [voices], split: {validation: 0.3, test: 0}}
            teacher: \(try teacher(scratch))
            noise: noise
            seconds: 1
            batch: {stretches: 4}
            steps: 3
            epochs: \(epochs)
            optimizer: {name: adamw, rate: 0.01}
            checkpoint_steps: 2
            \(extra)
            """
        let file = scratch.file("speech.yaml")
        try ScratchFolder.write(Array(text.utf8), file)
        return try TaskRecipe(contentsOf: URL(fileURLWithPath: file))
    }

    /// 16 kHz, mono, 16 bits.
    private static func wave(_ samples: [Int16]) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        var bytes: [UInt8] = Array("RIFF".utf8)
        bytes += little(36 + 2 * samples.count, 4)
        bytes += Array("WAVEfmt ".utf8)
        for (value, count) in [(16, 4), (1, 2), (1, 2), (16000, 4), (32000, 4), (2, 2), (16, 2)] { bytes += little(value, count) }
        bytes += Array("data".utf8)
        bytes += little(2 * samples.count, 4)
        for sample in samples { bytes += little(Int(sample), 2) }
        return bytes
    }

    @Test func `It learns, goes on bit for bit, and is measured and made eight-bit`() throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.recipe(scratch, epochs: 6)
        try expectSameWhenInterrupted(recipe, after: 4, in: scratch)
        let contents = try scratch.run("whole").load()
        #expect(contents.steps.count == 18)
        #expect(contents.steps.suffix(3).reduce(0) { $0 + $1.loss } < contents.steps.prefix(3).reduce(0) { $0 + $1.loss })

        let trained = try TrainedTask(scratch.run("whole"))
        let values = try trained.measured(.validation)
        let auc = try #require(values.first { $0.name == "auc" }?.value), teacher = try #require(values.first { $0.name == "teacher_auc_clean" }?.value)
        // The teacher is sure of what it said itself.
        #expect(auc > 0.6 && teacher > 0.99, "\(values)")
        let made = try trained.quantized(PostTrainingQuantizer(), nil, counts: (8, 4))
        #expect(made.networks.map(\.name) == ["voice-activity"] && made.networks[0].graph.nodes.contains { $0.operation == "QuantizeLinear" })
        let eight = try trained.measured(.validation, instead: ["voice-activity": made.networks[0].graph])
        let rounded = try #require(eight.first { $0.name == "auc" }?.value)
        #expect(rounded != auc && abs(rounded - auc) < 0.05)
        #expect(throws: FitError.self) { try trained.measured(.validation, instead: ["voice": made.networks[0].graph]) }
        #expect(throws: FitError.self) { try trained.quantized(PostTrainingQuantizer(), nil, counts: (8, 4), only: "voice") }
    }

    @Test func `A run goes on from the weights of an exported one`() throws {
        let scratch = try ScratchFolder()
        #expect(try TaskFit(Self.recipe(scratch, epochs: 3), into: scratch.run("first")).runAlone() == .finished)
        let first = try TrainedTask(scratch.run("first"))
        let network = try #require(first.exported().first { $0.name == "voice-activity" }?.graph)
        try network.write(onnxFile: URL(fileURLWithPath: scratch.file("first.onnx")))
        // So small a step leaves what was learnt.
        let going = try Self.recipe(scratch, epochs: 1, extra: "start: {voice-activity: first.onnx}\nclip_gradients: 0.000001")
        #expect(try TaskFit(going, into: scratch.run("second")).runAlone() == .finished)
        let loss = { (name: String) in try scratch.run(name).load().steps.map(\.loss) }
        let anew = try TaskFit(Self.recipe(scratch, epochs: 1), into: scratch.run("anew")).runAlone()
        #expect(anew == .finished)
        #expect(try loss("second")[0] < loss("anew")[0], "what was learnt is there in the first step")

        func message(_ start: String) throws -> String {
            do { _ = try TaskFit(Self.recipe(scratch, epochs: 1, extra: "start: {\(start)}"), into: scratch.run("none")) } catch { return "\(error)" }
            return ""
        }
        #expect(try message("speech: first.onnx").contains("start.speech"))
        #expect(try message("voice-activity: nowhere.onnx").contains("nowhere.onnx"))
        #expect(try message("voice-activity: loud.onnx").contains("loud.onnx"), "another network")
    }

    @Test func `Mistakes are named`() throws {
        let scratch = try ScratchFolder()
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return ""
        }
        #expect(message { _ = try Self.recipe(scratch, epochs: 1, extra: "second: 2") }.contains("seconds"))
        let recipe = try Self.recipe(scratch, epochs: 1)
        try FileManager.default.removeItem(atPath: scratch.file("noise"))
        #expect(message { _ = try TaskFit(recipe, into: scratch.run()) }.contains("noise"))
    }
}
