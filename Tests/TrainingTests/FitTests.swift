import Biometrics
import Datasets
import Evaluation
import Foundation
import ModelBundle
import RunRecords
import Synchronization
import Tensors
import Testing
import Training

extension FittingTests {
    /// Runs from the recipe to the measured model.
    @Suite struct FitTests {
        /// Three modalities, one of which the sources have never heard of, through everything.
        @Test(arguments: FuserNetwork.names)
        func `A third modality joins by its declaration alone, with every fuser`(_ fuser: String) throws {
            let scratch = try ScratchFolder()
            // Some lack the voice, some the gait.
            let people = MadeUpPeople(lacks: { person, sample in sample == 1 ? ["tone"] : sample == 2 && person % 2 == 0 ? ["gait"] : [] })
            try people.write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(
                scratch,
                [
                    "modalities": "[{name: face, encoder: tiny, size: 8}, {name: voice, encoder: tiny, size: 6}, {name: gait, encoder: tiny-norm, size: 10, noise: 0.1}]",
                    "fuser.name": fuser, "losses.1": "{name: cross-entropy, on: gait, weight: 0.5}", "modality_dropout": "0.2", "epochs": "4",
                ])
            let folder = scratch.run()
            #expect(try Fit.trained(recipe, into: folder) == .finished)
            let contents = try folder.load()
            #expect(contents.record.status == .finished && contents.record.fuser?.name == fuser)
            #expect(contents.record.modalities.map(\.name) == ["face", "voice", "gait"] && contents.record.modalities.map(\.dimension) == [8, 6, 10])
            #expect(contents.steps.count == contents.record.steps && contents.epochs.count == 4 && contents.steps.first?.terms.map(\.name) == ["triplet(fused)", "cross-entropy(gait)"])
            // Read again from the folder, and measured on people that it has not seen.
            let run = try TrainedRun(folder, vocabulary: MadeUpPeople.vocabulary)
            #expect(run.checkpoint == folder.bestCheckpoint)
            let table = try TorchLottery.alone { try RunEvaluation(run.model, run.data).table(.test) }
            var settings = EvaluationProtocol(seed: 1)
            (settings.replicates, settings.episodes, settings.trialsPerKind) = (20, 2, 300)
            let report = try EvaluationReport(table, settings: settings, model: "made-up")
            let fused = report.sections.filter { $0.role == .fused }
            #expect(fused.map(\.condition.rawValue) == ["both", "face", "voice", "gait", "missing", "blurred", "grainy", "noisy", "dropped"])
            let count = try #require(fused.first).people
            #expect(count >= 2 && fused.allSatisfy { $0.people == count })
            for section in fused { #expect(section["auc"]?.value != nil) }
            // The people lie well apart.
            let auc = try #require(fused[0]["auc"]?.value)
            #expect(auc > 0.85, "\(auc)")
            // Samples without a voice are refused where it is all there is, and nowhere else.
            #expect(fused.filter { !$0.refused.isEmpty }.map(\.condition.rawValue) == ["voice", "gait"] && fused[2].refused["missing"] == count)
            #expect(Set(report.sections.filter { $0.condition.rawValue == "gait" }.map(\.role.rawValue)) == ["fused", "gait"])
            // What is exported is what was trained: the same numbers through the files' graphs.
            let names = try run.model.exported().map(\.name)
            #expect(names == ["face", "voice", "gait", "fuser"])
        }

        /// Who goes on from weights wants what a seed fixes, axes and splits, and pictures that were not drawn before.
        @Test func `Other draws are another order and other noise, and all else is the seed's`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            func learnt(_ name: String, _ draws: String?) throws -> (splits: [Split.Subset: [String: [Int]]], losses: [Double]) {
                let modalities = "[{name: face, encoder: tiny, size: 6, noise: 0.2}, {name: voice, encoder: tiny, size: 6}]"
                let recipe = try MadeUpPeople.recipe(scratch, ["modalities": modalities, "epochs": "1"].merging(draws.map { ["draws": $0] } ?? [:]) { $1 })
                #expect(try Fit.trained(recipe, into: scratch.run(name)) == .finished)
                return (try TrainedRun(scratch.run(name), vocabulary: MadeUpPeople.vocabulary).data.subsets, try scratch.run(name).load().steps.map(\.loss))
            }
            let usual = try learnt("usual", nil), same = try learnt("same", "3"), other = try learnt("other", "4")
            #expect(usual.losses == same.losses && usual.losses != other.losses && usual.losses.count == other.losses.count)
            #expect(usual.splits == same.splits && usual.splits == other.splits)
        }

        /// Principal axes of other people's answers point elsewhere; what a student has learnt must be worth as much all the same.
        @Test func `A student that has learnt goes on where it was, with other people and another seed`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople(people: 40).write(to: scratch.file("shards"))
            try MadeUpPeople(people: 30, seed: 5).write(to: scratch.file("others"))
            try SketchModality.network(dimension: 12, seed: 98).write(onnxFile: URL(fileURLWithPath: scratch.file("large.onnx")))
            func losses(_ name: String, _ overrides: [String: String]) throws -> [Double] {
                let usual = ["losses": "[{name: distillation, on: face, teacher: large.onnx, sees: clean}]", "validation.metric": "loss"]
                try Fit.trained(MadeUpPeople.recipe(scratch, usual.merging(overrides) { $1 }), into: scratch.run(name))
                return try scratch.run(name).load().steps.map(\.loss)
            }
            func first(_ losses: [Double]) -> Double { losses.prefix(4).reduce(0, +) / 4 }
            let whole = try losses("first", ["epochs": "40"])
            let reached = whole.suffix(8).reduce(0, +) / 8
            #expect(reached < 0.25 * first(whole), "\(first(whole)) → \(reached)")
            try TrainedRun(scratch.run("first"), vocabulary: MadeUpPeople.vocabulary).model.exported()[0].graph.write(onnxFile: URL(fileURLWithPath: scratch.file("student.onnx")))
            let goesOn = ["modalities.0.encoder": "student.onnx", "data.shards": "[others, shards]", "seed": "8", "epochs": "1", "optimizer.rate": "0.0001"]
            let later = first(try losses("later", goesOn))
            #expect(later < 0.4 * first(whole), "\(later) of \(first(whole))")
            // And its answers less what they have in common, which the student says none of yet.
            let centred = first(try losses("centred", goesOn.merging(["losses": "[{name: distillation, on: face, teacher: large.onnx, sees: clean, centred: true}]"]) { $1 }))
            #expect(centred > later && centred < first(whole))
        }

        /// Trials and results go by names: those of two folders' files must not be mistaken for one another.
        @Test func `Files of the same name in two folders are different samples`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            try MadeUpPeople(samples: 3, seed: 1).write(to: scratch.file("more"))
            let recipe = try MadeUpPeople.recipe(scratch, ["data.shards": "[shards, more]"])
            let data = try TrainingData(recipe.data, modalities: recipe.modalities.map(\.modality))
            #expect(data.samples.count == 24 * 9 && Set(data.samples.map(\.name)).count == data.samples.count)
            #expect(data.samples.contains { $0.name == "person 3/5.clip@0ms#0" } && data.samples.contains { $0.name.hasPrefix(scratch.file("more") + "[") })
            try Fit.trained(recipe, into: scratch.run())
            #expect(try scratch.run().load().epochs.allSatisfy { ($0.metrics.first?.value ?? 0) > 0.5 })
        }

        @Test func `One modality needs no fuser`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let yaml = MadeUpPeople.recipe.replacing("  - {name: voice, encoder: tiny, size: 8}\n", with: "").replacing("fuser: {name: linear, size: 8}\n", with: "").replacing("on: fused", with: "on: face")
            let recipe = try Recipe(yaml: yaml, file: "recipe.yaml", folder: scratch.url, vocabulary: MadeUpPeople.vocabulary)
            try Fit.trained(recipe, into: scratch.run())
            let run = try TrainedRun(scratch.run(), vocabulary: MadeUpPeople.vocabulary)
            let table = try RunEvaluation(run.model, run.data).table(.test)
            #expect(table.conditions.map(\.rawValue) == ["face", "blurred", "grainy", "noisy", "dropped"] && table.roles(.face) == [.face])
        }

        /// Each loss alone, and how its value moves.
        @Test(arguments: [
            "{name: cross-entropy}", "{name: cross-entropy, on: face, smoothing: 0.1}", "{name: additive-angular-margin, scale: 8, margin: 0.2}", "{name: triplet}",
            "{name: triplet, mining: hard, on: voice}", "{name: contrastive, step: 0}", "{name: info-nce}", "{name: info-nce, on: [face, voice]}",
            "{name: info-nce, bank: 10}", "{name: info-nce, on: [face, voice], bank: 12, temperature: 0.2}", "{name: distillation, on: face, teacher: teacher.onnx}",
            "{name: distillation, on: face, teacher: teacher.onnx, measure: absolute}", "{name: distillation, on: face, teacher: teacher.onnx, measure: relational}",
            "{name: distillation, on: face, teacher: teacher.onnx, measure: divergence, temperature: 2}",
            "{name: distillation, on: face, teacher: teacher.onnx, sees: clean}", "{name: distillation, on: face, teacher: large.onnx, sees: clean}",
            "{name: distillation, on: face, teacher: large.onnx, measure: relational, sees: clean}",
            "{name: distillation, on: face, teacher: large.onnx, sees: clean, person: 0.5}", "{name: distillation, on: face, teacher: teacher.onnx, sees: clean, centred: true}",
            "{name: distillation, on: face, teacher: large.onnx, sees: clean, person: 0.5, centred: true}", "{name: preservation, shares: [2, 1]}",
            "{name: distillation, on: face, teacher: teacher.onnx}, {name: distillation, on: face, teacher: teacher.onnx, measure: relational}",
        ])
        func `Every loss falls`(_ loss: String) throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople(lacks: { person, sample in person % 3 == 0 && sample < 2 ? ["tone"] : [] }).write(to: scratch.file("shards"))
            try SketchModality.network(dimension: 8, seed: 99).write(onnxFile: URL(fileURLWithPath: scratch.file("teacher.onnx")))
            try SketchModality.network(dimension: 12, seed: 98).write(onnxFile: URL(fileURLWithPath: scratch.file("large.onnx")))
            // A linear fuser with a loss on one encoder only leaves the others without gradients, which is allowed.
            let recipe = try MadeUpPeople.recipe(scratch, ["losses": "[\(loss)]", "epochs": "6", "validation.metric": "loss"])
            try Fit.trained(recipe, into: scratch.run())
            let steps = try scratch.run().load().steps
            let values = steps.compactMap { $0.terms.first?.value }
            #expect(values.count == steps.count && values.allSatisfy(\.isFinite))
            // From where banks are full.
            let early = values.dropFirst(3).prefix(5).reduce(0, +) / 5, late = values.suffix(5).reduce(0, +) / 5
            #expect(late < 0.9 * early, "\(loss): \(early) → \(late)")
            #expect(steps.allSatisfy { ($0.gradientNorm ?? .nan).isFinite } && steps.contains { ($0.gradientNorm ?? 0) > 1e-4 })
        }

        @Test func `A loss that nobody in a batch has anything for is left out of the step`() throws {
            let scratch = try ScratchFolder()
            // One in three has a voice, and batches have two people.
            try MadeUpPeople(lacks: { person, _ in person % 3 > 0 ? ["tone"] : [] }).write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(scratch, ["losses.1": "{name: triplet, on: voice, weight: 2}", "batch.people": "2", "epochs": "2"])
            try Fit.trained(recipe, into: scratch.run())
            let steps = try scratch.run().load().steps
            let lacking = steps.filter { $0.terms[1].value == nil }
            #expect(!lacking.isEmpty && lacking.count < steps.count)
            for row in lacking { #expect(abs(row.loss - row.terms[0].value!) < 1e-6) }
            for row in steps where row.terms[1].value != nil { #expect(abs(row.loss - row.terms[0].value! - 2 * row.terms[1].value!) < 1e-5) }
        }

        /// Frozen encoders are run once for each sample and view; a folder keeps what came out.
        @Test func `Frozen encoders stay as they are, and their embeddings can be kept`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let frozen = [
                "modalities": "[{name: face, encoder: tiny, size: 8, train: false, views: 3, noise: 0.2}, {name: voice, encoder: tiny, size: 6, train: false}]", "fuser.name": "embracenet",
            ]
            let plain = scratch.run("plain"), first = scratch.run("first"), second = scratch.run("second")
            try Fit.trained(MadeUpPeople.recipe(scratch, frozen), into: plain)
            let cached = try MadeUpPeople.recipe(scratch, frozen.merging(["cache": "kept"]) { $1 })
            try Fit.trained(cached, into: first)
            let files = try FileManager.default.contentsOfDirectory(atPath: scratch.file("kept"))
            #expect(files.count == 4 && files.allSatisfy { $0.hasSuffix(".safetensors") })
            try Fit.trained(cached, into: second)
            let weights = try plain.lastTensors()
            #expect(try first.lastTensors() == weights && second.lastTensors() == weights)
            let fresh = try FusionModel(cached, classes: nil).state()
            for (name, tensor) in fresh { #expect((weights[name] == tensor) == !name.hasPrefix("fuser/"), "\(name)") }
            // A damaged file of the cache is made anew.
            for file in files { try ScratchFolder.write([1, 2, 3], scratch.file("kept/\(file)")) }
            let third = scratch.run("third")
            try Fit.trained(cached, into: third)
            #expect(try third.lastTensors() == weights)
        }

        @Test func `Training stops early where validation has not become better`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            // A rate that moves nothing: the first epoch stays the best.
            let recipe = try MadeUpPeople.recipe(scratch, ["optimizer": "{name: sgd, rate: 1.0e-9}", "epochs": "50", "validation.patience": "2"])
            #expect(try Fit.trained(recipe, into: scratch.run()) == .stoppedEarly)
            let contents = try scratch.run().load()
            #expect(contents.record.status == .stoppedEarly && contents.record.bestEpoch == 1 && contents.epochs.count == 3)
            // It has ended: there is nothing to go on with.
            #expect(try Fit.trained(recipe, into: scratch.run(), resumes: true) == .stoppedEarly)
            #expect(try scratch.run().load().epochs.count == 3)
        }

        @Test func `The best epoch's weights are kept, by the metric that the recipe names`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople(spread: 1.2).write(to: scratch.file("shards"))
            for metric in ["auc", "eer", "loss"] {
                let folder = scratch.run(metric)
                try Fit.trained(MadeUpPeople.recipe(scratch, ["validation.metric": metric, "epochs": "6", "optimizer.rate": "0.05"]), into: folder)
                let contents = try folder.load()
                let values = contents.epochs.map { row in metric == "loss" ? row.trainingLoss : row.metrics.first { $0.name == metric }!.value! }
                let best = metric == "auc" ? values.max()! : values.min()!
                #expect(contents.record.bestValue == best && contents.record.bestEpoch == values.firstIndex(of: best)! + 1)
                let isLast = contents.record.bestEpoch == 6
                let kept = try folder.bestTensors(), last = try folder.lastTensors().filter { !$0.key.hasPrefix("optimizer.") }
                #expect((kept == last) == isLast)
            }
        }

        /// Of 2 · n modalities in n samples with both, a share of n is dropped; those with one keep it.
        @Test(arguments: [0, 0.4, 1])
        func `Modality dropout takes one of several, as often as it says`(_ share: Double) throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople(samples: 8, lacks: { person, _ in person % 4 == 0 ? ["tone"] : [] }).write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(
                scratch,
                ["modalities.0.name": "counted", "modality_dropout": "\(share)", "data.split": "{validation: 0, test: 0}", "epochs": "12", "losses": "[{name: triplet, on: fused}]"],
                vocabulary: RecipeVocabulary(modalities: [CountedModality.self, ToneModality.self]))
            #expect(CountedModality.loads.exchange(0, ordering: .relaxed) >= 0)
            try Fit.trained(recipe, into: scratch.run())
            let samples = try scratch.run().load().steps.count * 8
            // 18 of 24 people have both: three quarters of the samples, of which half of the dropped ones lose the face.
            let lost = 1 - Double(CountedModality.loads.exchange(0, ordering: .relaxed)) / Double(samples)
            // Five standard deviations.
            let expected = share * 0.75 / 2, tolerance = 5 * (expected * (1 - expected) / Double(samples)).squareRoot()
            #expect(abs(lost - expected) <= tolerance, "\(lost) of \(samples), expected \(expected) ± \(tolerance)")
            #expect(samples > 1500 && tolerance < 0.06)
        }

        /// One row of a batch has no variance: the running statistics must not learn that it is no number.
        @Test func `A modality that one sample of a batch has leaves statistics that are numbers`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople(lacks: { _, sample in sample % 3 > 0 ? ["tone"] : [] }).write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(scratch, ["modalities.1.encoder": "tiny-norm", "batch.people": "2"])
            try Fit.trained(recipe, into: scratch.run())
            let statistics = try scratch.run().lastTensors().filter { $0.key.hasPrefix("voice/bn") }
            #expect(statistics.count == 4)
            for (name, tensor) in statistics {
                let values: [Float] = tensor.values()
                #expect(values.allSatisfy { $0.isFinite }, "\(name)")
            }
        }

        /// A fuser's units may all be off, so that there is nothing to divide by: no reason for weights that are no numbers.
        @Test func `An embedding of zeros has a slope that is a number`() throws {
            var net = GraphBuilder(name: "unit", seed: 1)
            let graph = try TrainableGraph(net.graph(outputs: ["y": net.normalized(net.input("x", [.free("batch"), .fixed(3)]))]))
            let x = try TorchTensor([Float(0), 0, 0, 3, 0, 4], shape: [2, 3])
            try x.setRequiresGradient(true)
            let y = try graph(x)
            #expect(try y.doubles().map { ($0 * 1e6).rounded() / 1e6 } == [0, 0, 0, 0.6, 0, 0.8])
            // Brought to length 1 once more, as losses do, and with a slope of its own.
            try (y.unitLength() * TorchTensor([Float(1), 2, 3, 1, 2, 3], shape: [2, 3])).sum().backward()
            let slope = try #require(try x.gradient()).doubles()
            #expect(slope.allSatisfy { $0.isFinite } && abs(slope[4] - 0.4) < 1e-6, "\(slope)")
        }

        /// The networks that the program has, small: a handful of rows through everything.
        @Test func `Faces and voices of the program train and are measured`() throws {
            let scratch = try ScratchFolder()
            try RealColumns(people: 4, samples: 2).write(to: scratch.file("shards"))
            let recipe = try Recipe(
                yaml: """
                    data: {shards: [shards], split: {validation: 0, test: 0}}
                    modalities:
                      - {name: face, encoder: mobilefacenet-small, size: 16, pictures: 2, quality: true}
                      - {name: voice, encoder: depthwise-tdnn, size: 12, seconds: 0.5}
                    fuser: {name: attention, size: 16}
                    losses: [{name: triplet, on: fused}, {name: cross-entropy, on: voice}]
                    batch: {people: 2, samples: 2}
                    epochs: 1
                    clip_gradients: 5

                    """, file: scratch.file("recipe.yaml"), folder: scratch.url)
            try Fit.trained(recipe, into: scratch.run())
            let run = try TrainedRun(scratch.run())
            var evaluation = try RunEvaluation(run.model, run.data)
            (evaluation.samplesPerIdentity, evaluation.degradations) = (2, [.dropped])
            let table = try evaluation.table(.train)
            #expect(table.conditions.map(\.rawValue) == ["both", "face", "voice", "missing", "dropped"])
            #expect(try table.selection(.both, .fused).items.count == 8)
        }
    }
}

/// A face that says how often it was loaded.
private struct CountedModality: VectorModality {
    static let name = "counted"
    static let column = "sketch"
    static let shape = [10]
    static let loads = Atomic(0)
    var noise: Float

    static func wasLoaded() { loads.add(1, ordering: .relaxed) }
}
