import Datasets
import Foundation
import Glibc
import ModelBundle
import RunRecords
import Tensors
import Testing
import Training

extension FittingTests {
    /// What is wrong is said with its place and with what to do; what was there before is left as it was.
    @Suite struct FitMistakesTests {
        /// What a run says that must not begin or go on.
        private static func complaint(_ recipe: Recipe, _ folder: RunFolder, resumes: Bool = false) -> (any Error)? {
            do {
                try Fit.trained(recipe, into: folder, resumes: resumes)
                return nil
            } catch { return error }
        }

        private static func expect(_ error: (any Error)?, _ parts: [String], _ location: SourceLocation = #_sourceLocation) {
            let text = error.map { "\($0)" } ?? "no error"
            for part in parts { #expect(text.contains(part), "\(text)", sourceLocation: location) }
        }

        @Test func `Folders without shards, with damaged ones, and with nobody in them`() throws {
            let scratch = try ScratchFolder()
            let recipe = try MadeUpPeople.recipe(scratch)
            Self.expect(Self.complaint(recipe, scratch.run()), [scratch.file("shards"), "no such folder", "fwoc-train prepare"])
            try FileManager.default.createDirectory(atPath: scratch.file("shards"), withIntermediateDirectories: true)
            Self.expect(Self.complaint(recipe, scratch.run()), [scratch.file("shards"), "no shard in this folder"])
            try MadeUpPeople(people: 1).write(to: scratch.file("shards"))
            try FileManager.default.removeItem(atPath: scratch.file("shards/1.shard"))
            let alone = Self.complaint(recipe, scratch.run())
            Self.expect(alone, ["at least 2 are needed", "1 in all"])
            #expect((alone as? DatasetError)?.category == .badData)
            // Nobody has what a modality reads.
            try MadeUpPeople(lacks: { _, _ in ["tone"] }).write(to: scratch.file("shards"))
            Self.expect(Self.complaint(recipe, scratch.run()), ["has a voice", "column 'tone'"])
            // A batch larger than all people.
            try MadeUpPeople().write(to: scratch.file("shards"))
            Self.expect(Self.complaint(try MadeUpPeople.recipe(scratch, ["batch.people": "40"]), scratch.run()), ["at least 40 are needed", "smaller batches"])
            // Nothing of all that has left a run behind.
            #expect(!scratch.run().holdsRun)
        }

        @Test func `A flipped byte of a shard is refused with the file's name`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(scratch)
            let path = scratch.file("shards/1.shard"), whole = try ScratchFolder.bytes(path)
            var positions = Array(stride(from: 0, to: whole.count, by: whole.count / 23))
            positions.append(whole.count - 1)
            for position in positions {
                var bytes = whole
                bytes[position] ^= 4
                try ScratchFolder.write(bytes, path)
                let error = Self.complaint(recipe, scratch.run("\(position)"))
                Self.expect(error, [path])
                #expect((error as? DatasetError)?.category == .badData, "\(position): \(String(describing: error))")
            }
            try ScratchFolder.write(whole, path)
            #expect(Self.complaint(recipe, scratch.run("whole")) == nil)
        }

        @Test(arguments: [Float.nan, .infinity])
        func `A number that is none stops the run, and its sample is named`(_ value: Float) throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople(poison: (person: 7, sample: 2, value: value)).write(to: scratch.file("shards"))
            // Whoever it is must be learnt from.
            let recipe = try MadeUpPeople.recipe(scratch, ["data.split": "{validation: 0, test: 0}", "checkpoint_steps": "1"])
            let error = Self.complaint(recipe, scratch.run())
            let contents = try scratch.run().load()
            let step = contents.steps.count + 1, batch = (contents.steps.last?.batch ?? 0) + 1
            Self.expect(error, ["is nan", "in batch \(batch) of epoch 1, step \(step)", "its samples: person ", "no number already: face of person 7/2.clip@0ms#0"])
            #expect((error as? FitError)?.category == .badData)
            #expect(contents.record.status == .failed && contents.record.reason?.contains("person 7/2.clip") == true)
            // The checkpoint is the one before, and all of it numbers.
            for (name, tensor) in try scratch.run().lastTensors() where tensor.elementType == .float32 {
                let values: [Float] = tensor.values()
                #expect(values.allSatisfy { $0.isFinite }, "\(name)")
            }
        }

        @Test func `A rate that is too high stops the run before anything is spoilt`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(
                scratch, ["optimizer": "{name: sgd, rate: 10, momentum: 0.99, weight_decay: 1}", "losses": "[{name: cross-entropy, weight: 1.0e+6}]", "epochs": "200", "validation.every": "1000"])
            let error = Self.complaint(recipe, scratch.run())
            Self.expect(error, ["the loss or its gradient is", "lower optimizer.rate"])
            #expect("\(String(describing: error))".contains("no number already") == false)
        }

        /// Half of the people have no voice: a batch of two of them teaches a loss on voices nothing, and moves no weight.
        @Test func `Batches that the only loss has nothing to do with are passed over`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople(lacks: { person, _ in person % 2 == 0 ? ["tone"] : [] }).write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(scratch, ["losses": "[{name: triplet, on: voice}]", "batch.people": "2", "validation.metric": "loss"])
            let whole = scratch.run("whole"), pieces = scratch.run("pieces")
            try Fit.trained(recipe, into: whole)
            let contents = try whole.load()
            let passed = contents.steps.filter { $0.loss.isNaN }
            #expect(!passed.isEmpty && passed.count < contents.steps.count)
            #expect(contents.epochs.allSatisfy { $0.trainingLoss.isFinite })
            // Adam's number of steps is not that of batches.
            let stop = try #require(passed.last).step - 1
            try Fit.trained(recipe, into: pieces, steps: stop)
            try Fit.trained(recipe, into: pieces, resumes: true)
            #expect(try pieces.lastTensors() == whole.lastTensors())
            // Nobody has both.
            try FileManager.default.removeItem(atPath: scratch.file("shards"))
            try MadeUpPeople(lacks: { _, sample in sample % 2 == 0 ? ["tone"] : ["sketch"] }).write(to: scratch.file("shards"))
            let never = try MadeUpPeople.recipe(scratch, ["losses": "[{name: contrastive}]"])
            Self.expect(Self.complaint(never, scratch.run("never")), ["no loss applied to any batch of epoch 1", "contrastive(face+voice)"])
        }

        @Test func `A folder that holds a run, and a run of another recipe`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(scratch)
            try Fit.trained(recipe, into: scratch.run(), steps: 3)
            let before = try scratch.run().lastTensors()
            Self.expect(Self.complaint(recipe, scratch.run()), [scratch.run().path, "holds a run already", "--resume"])
            for other in [["seed": "9"], ["optimizer.rate": "0.02"], ["epochs": "4"]] {
                let error = Self.complaint(try MadeUpPeople.recipe(scratch, other), scratch.run(), resumes: true)
                Self.expect(error, ["another recipe", "take another folder"])
                #expect((error as? FitError)?.category == .configuration)
            }
            // Other people.
            try MadeUpPeople(people: 26).write(to: scratch.file("shards"))
            Self.expect(Self.complaint(recipe, scratch.run(), resumes: true), ["of other data"])
            // The same people, prepared again with other values in files of the same size.
            try FileManager.default.removeItem(atPath: scratch.file("shards"))
            try MadeUpPeople(seed: 2).write(to: scratch.file("shards"))
            Self.expect(Self.complaint(recipe, scratch.run(), resumes: true), ["of other data"])
            #expect(try scratch.run().lastTensors() == before)
        }

        @Test func `A damaged checkpoint is refused, cut off or flipped`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(scratch)
            let folder = scratch.run()
            try Fit.trained(recipe, into: folder, steps: 3)
            let whole = try ScratchFolder.bytes(folder.lastCheckpoint)
            let header = (0..<8).reduce(0) { $0 | Int(whole[$1]) << (8 * $1) }
            // In what the run remembers of itself: the number of its steps.
            let text = String(decoding: whole[8..<8 + header], as: UTF8.self)
            let found = try #require(text.range(of: #"\"step\":3"#))
            let steps = text[..<found.upperBound].utf8.count + 7
            #expect(whole[steps] == UInt8(ascii: "3"))
            for position in [3, 8, 20, steps, 8 + header / 2, 8 + header, whole.count - 1] {
                var bytes = whole
                bytes[position] ^= 1
                try ScratchFolder.write(bytes, folder.lastCheckpoint)
                let error = Self.complaint(recipe, folder, resumes: true)
                Self.expect(error, [folder.lastCheckpoint])
                #expect((error as? FitError)?.category == .badData, "byte \(position)")
            }
            for count in [0, 7, 100, 8 + header, whole.count - 1] {
                try ScratchFolder.write(Array(whole[..<count]), folder.lastCheckpoint)
                Self.expect(Self.complaint(recipe, folder, resumes: true), [folder.lastCheckpoint])
            }
            // Whole, but of no run.
            try SafetensorsFile(tensors: [:]).write(to: URL(fileURLWithPath: folder.lastCheckpoint))
            Self.expect(Self.complaint(recipe, folder, resumes: true), ["not written by a training run"])
            try ScratchFolder.write(whole, folder.lastCheckpoint)
            #expect(Self.complaint(recipe, folder, resumes: true) == nil)
            // The measured one.
            var bytes = try ScratchFolder.bytes(folder.bestCheckpoint)
            bytes[bytes.count - 5] ^= 8
            try ScratchFolder.write(bytes, folder.bestCheckpoint)
            let error = #expect(throws: FitError.self) { try TrainedRun(folder, vocabulary: MadeUpPeople.vocabulary) }
            #expect(error?.description.contains(folder.bestCheckpoint) == true)
        }

        @Test func `A teacher that is missing or does not fit`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let teacher = URL(fileURLWithPath: scratch.file("teacher.onnx"))
            func complaint(_ extra: String = "", _ more: [String: String] = [:]) throws -> (any Error)? {
                Self.complaint(
                    try MadeUpPeople.recipe(scratch, more.merging(["losses": "[{name: distillation, on: face, teacher: teacher.onnx\(extra)}]"]) { $1 }), scratch.run(UUID().uuidString))
            }
            let missing = try complaint()
            Self.expect(missing, [teacher.path, "no such file", "modality 'face'"])
            #expect((missing as? FitError)?.category == .noInput)
            try Data("no network".utf8).write(to: teacher)
            Self.expect(try complaint(), [teacher.path])
            // Another modality's network.
            try ToneModality.network(dimension: 8, seed: 1).write(onnxFile: teacher)
            let other = try complaint()
            Self.expect(other, [teacher.path, "contract does not fit modality 'face'", "5, 3", "[batch, 10]", "face/1"])
            #expect((other as? FitError)?.category == .badData)
            // Another size of embedding, which only relations can be compared of.
            try SketchModality.network(dimension: 5, seed: 1).write(onnxFile: teacher)
            Self.expect(try complaint(), [teacher.path, "[1, 5]", "8 numbers", "size: 5", "relational"])
            #expect(try complaint(", measure: relational") == nil)
            // Fewer numbers than the student's have no principal axes to make up for it.
            Self.expect(try complaint(", sees: clean"), ["[1, 5]", "8 numbers", "relational"])
            try SketchModality.network(dimension: 9, seed: 1).write(onnxFile: teacher)
            Self.expect(try complaint(), ["[1, 9]", "or sees: clean, which takes its principal axes"])
            #expect(try complaint(", sees: clean") == nil)
            Self.expect(try complaint(", sees: clean, measure: divergence"), ["[1, 9]"])
            try SketchModality.network(dimension: 8, seed: 1).write(onnxFile: teacher)
            Self.expect(try complaint(", centred: true"), ["distillation(face)", "centred", "sees: clean"])
            // Two inputs.
            var net = GraphBuilder(name: "two", seed: 1)
            let a = net.input("a", [.free("batch"), .fixed(10)]), b = net.input("b", [.free("batch"), .fixed(10)])
            try net.graph(outputs: ["embedding": net.add(a, b)]).write(onnxFile: teacher)
            Self.expect(try complaint(), ["2 inputs and 1 outputs"])
            // Nobody to be taught.
            try SketchModality.network(dimension: 8, seed: 1).write(onnxFile: teacher)
            Self.expect(try complaint("", ["modalities.0.train": "false", "modalities.1.train": "false"]), ["distillation(face)", "train: false"])
        }

        @Test func `Nothing to learn, and losses that cannot be taken`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let frozen = MadeUpPeople.recipe.replacing("  - {name: voice, encoder: tiny, size: 8}\n", with: "").replacing("fuser: {name: linear, size: 8}\n", with: "")
                .replacing("on: fused", with: "on: face").replacing("encoder: tiny", with: "encoder: tiny, train: false")
            let recipe = try Recipe(yaml: frozen, file: "recipe.yaml", folder: scratch.url, vocabulary: MadeUpPeople.vocabulary)
            Self.expect(Self.complaint(recipe, scratch.run()), ["made-up: nothing learns", "train: false"])
            // A fuser that could learn, and a loss that does not look at it.
            let blind = try MadeUpPeople.recipe(scratch, ["modalities.0.train": "false", "modalities.1.train": "false", "losses.0.on": "voice"])
            Self.expect(Self.complaint(blind, scratch.run()), ["nothing learns", "triplet(voice)", "fused"])
            let sizes = try MadeUpPeople.recipe(scratch, ["modalities.1.size": "5", "losses": "[{name: contrastive}]"])
            Self.expect(Self.complaint(sizes, scratch.run()), ["contrastive(face+voice)", "8 and 5 numbers"])
            let encoder = try MadeUpPeople.recipe(scratch, ["modalities.0.encoder": "missing.onnx"])
            Self.expect(Self.complaint(encoder, scratch.run()), [scratch.file("missing.onnx"), "no such file"])
        }

        @Test func `A run without weights cannot be measured`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            _ = try Fit(MadeUpPeople.recipe(scratch), into: scratch.run())
            let error = #expect(throws: FitError.self) { try TrainedRun(scratch.run(), vocabulary: MadeUpPeople.vocabulary) }
            #expect(error?.category == .noInput && error?.description.contains("no checkpoint yet") == true)
            try Fit.trained(MadeUpPeople.recipe(scratch, ["data.split.test": "0"]), into: scratch.run("all"))
            let run = try TrainedRun(scratch.run("all"), vocabulary: MadeUpPeople.vocabulary)
            let none = #expect(throws: FitError.self) { try RunEvaluation(run.model, run.data).table(.test) }
            #expect(none?.description.contains("0 people in subset 'test'") == true)
        }
    }
}
