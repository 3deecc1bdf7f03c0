import Datasets
import Foundation
import ModelBundle
import RunRecords
import Tensors
import Testing
import Training

/// What a run is made of that has state besides its weights: each must be put down and taken up.
private enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case adamWithDropout, momentumWithBank, embraceNet, frozenViews, cleanTeacher, averaged

    var testDescription: String { rawValue }

    var overrides: [String: String] {
        switch self {
        case .adamWithDropout:
            [
                "modalities": "[{name: face, encoder: tiny-dropout, size: 8, noise: 0.3}, {name: voice, encoder: tiny-norm, size: 8, noise: 0.3}]", "modality_dropout": "0.3",
                "schedule": "{name: cosine, warm_up: 0.5, floor: 0.1}", "losses.1": "{name: cross-entropy, on: fused}",
            ]
        case .momentumWithBank:
            [
                "optimizer": "{name: sgd, rate: 0.05, momentum: 0.8, weight_decay: 0.001}", "losses": "[{name: info-nce, on: [face, voice], bank: 20}, {name: info-nce, bank: 7}]",
                "schedule": "{name: step, every: 1, factor: 0.5}", "clip_gradients": "0.5", "modality_dropout": "0.2",
            ]
        case .embraceNet: ["fuser.name": "embracenet", "optimizer.name": "muon", "optimizer.weight_decay": "0.01", "modalities.1.encoder": "tiny-dropout"]
        case .frozenViews:
            [
                "modalities": "[{name: face, encoder: tiny, size: 8, train: false, views: 3, noise: 0.3}, {name: voice, encoder: tiny, size: 8, train: false, views: 2, noise: 0.3}]",
                "fuser.name": "attention", "modality_dropout": "0.3",
            ]
        case .cleanTeacher:
            [
                "modalities": "[{name: face, encoder: tiny, size: 8, noise: 0.3}, {name: voice, encoder: tiny, size: 8, noise: 0.3}]",
                "losses.1": "{name: distillation, on: face, teacher: large.onnx, sees: clean}", "precision": "mixed",
            ]
        case .averaged: ["modalities.0.encoder": "tiny-norm", "optimizer.average": "0.9"]
        }
    }
}

extension FittingTests {
    /// The same seed gives the same weights, wherever the run was broken off.
    @Suite struct FitResumeTests {
        private static func people(_ scratch: ScratchFolder) throws {
            try MadeUpPeople(lacks: { person, sample in sample == 4 && person % 2 == 0 ? ["tone"] : [] }).write(to: scratch.file("shards"))
            try SketchModality.network(dimension: 12, seed: 98).write(onnxFile: URL(fileURLWithPath: scratch.file("large.onnx")))
        }

        @Test(arguments: Kind.allCases)
        fileprivate func `The same seed gives the same weights, another seed others`(_ kind: Kind) throws {
            let scratch = try ScratchFolder()
            try Self.people(scratch)
            let recipe = try MadeUpPeople.recipe(scratch, kind.overrides), other = try MadeUpPeople.recipe(scratch, kind.overrides.merging(["seed": "4"]) { $1 })
            try Fit.trained(recipe, into: scratch.run("a"))
            try Fit.trained(recipe, into: scratch.run("b"))
            try Fit.trained(other, into: scratch.run("c"))
            let (a, b, c) = (scratch.run("a"), scratch.run("b"), scratch.run("c"))
            #expect(try a.lastTensors() == b.lastTensors() && a.bestTensors() == b.bestTensors())
            #expect(try a.timelessSteps() == b.timelessSteps() && a.timelessEpochs() == b.timelessEpochs())
            let different = try zip(a.bestTensors().sorted { $0.key < $1.key }, c.bestTensors().sorted { $0.key < $1.key }).filter { $0.value != $1.value }
            #expect(!different.isEmpty)
        }

        @Test(arguments: Kind.allCases)
        fileprivate func `A run that is stopped and resumed anywhere ends with the same weights`(_ kind: Kind) throws {
            let scratch = try ScratchFolder()
            try Self.people(scratch)
            let recipe = try MadeUpPeople.recipe(scratch, kind.overrides)
            let whole = scratch.run("whole")
            #expect(try Fit.trained(recipe, into: whole) == .finished)
            let steps = try whole.load().steps, perEpoch = try #require(steps.last { $0.epoch == 1 }?.batch)
            try #require(steps.count == 3 * perEpoch && perEpoch > 4)
            // Before anything, in the midst of an epoch, at its end, just behind it, one step before the end of all.
            for stop in [0, 1, perEpoch - 2, perEpoch, perEpoch + 1, 2 * perEpoch, 3 * perEpoch - 1] {
                let folder = scratch.run("\(stop)")
                #expect(try Fit.trained(recipe, into: folder, steps: stop) == .interrupted)
                #expect(try folder.load().record.status == .interrupted && folder.load().steps.count == stop)
                #expect(try Fit.trained(recipe, into: folder, resumes: true) == .finished)
                #expect(try folder.lastTensors() == whole.lastTensors(), "\(stop)")
                #expect(try folder.bestTensors() == whole.bestTensors(), "\(stop)")
                #expect(try folder.timelessSteps() == whole.timelessSteps(), "\(stop)")
                #expect(try folder.timelessEpochs() == whole.timelessEpochs(), "\(stop)")
            }
            // In pieces of two steps.
            let pieces = scratch.run("pieces")
            var count = 0
            while try Fit.trained(recipe, into: pieces, resumes: count > 0, steps: 2) == .interrupted { count += 1 }
            #expect(count >= steps.count / 2 - 1)
            #expect(try pieces.lastTensors() == whole.lastTensors() && pieces.timelessSteps() == whole.timelessSteps())
            // A run that is done is done.
            #expect(try Fit.trained(recipe, into: whole, resumes: true) == .finished)
            #expect(try pieces.lastTensors() == whole.lastTensors())
        }

        /// What was begun and killed before its first checkpoint holds a record, and no weights.
        @Test func `A run without a checkpoint begins again`() throws {
            let scratch = try ScratchFolder()
            try Self.people(scratch)
            let recipe = try MadeUpPeople.recipe(scratch)
            try Fit.trained(recipe, into: scratch.run("whole"))
            let folder = scratch.run()
            _ = try Fit(recipe, into: folder)
            #expect(folder.holdsRun && !FileManager.default.fileExists(atPath: folder.lastCheckpoint))
            let error = #expect(throws: RunRecordError.self) { try Fit.trained(recipe, into: folder) }
            #expect(error?.description.contains("holds the record of a run") == true)
            try Fit.trained(recipe, into: folder, resumes: true)
            #expect(try folder.lastTensors() == scratch.run("whole").lastTensors() && folder.timelessSteps() == scratch.run("whole").timelessSteps())
        }
    }
}
