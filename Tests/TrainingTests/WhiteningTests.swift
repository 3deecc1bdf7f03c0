import Biometrics
import Datasets
import Foundation
import ModelBundle
import RunRecords
import Tensors
import Testing
import Training

extension FittingTests {
    @Suite struct WhiteningTests {
        private static func trained(_ scratch: ScratchFolder, _ overrides: [String: String] = [:]) throws -> RunFolder {
            try MadeUpPeople(samples: 8).write(to: scratch.file("shards"))
            let recipe = try MadeUpPeople.recipe(
                scratch, ["modalities": "[{name: face, encoder: tiny, size: 6}, {name: voice, encoder: tiny, size: 6}]", "epochs": "2"].merging(overrides) { $1 })
            #expect(try Fit.trained(recipe, into: scratch.run()) == .finished)
            return scratch.run()
        }

        /// Embeddings of the people who were learnt from, by person.
        private static func embeddings(_ folder: RunFolder) throws -> [[[Float]]] {
            let run = try TrainedRun(folder, vocabulary: MadeUpPeople.vocabulary)
            return try (run.data.subsets[.train] ?? [:]).sorted { $0.key < $1.key }.map { _, indices in
                try SampleEmbedder(run.model, run.data).embeddings(of: indices, modalities: ["face"]).compactMap { $0.modalities[0] }
            }
        }

        private static func unit(_ x: [Double]) -> [Double] {
            let length = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return x.map { $0 / length }
        }

        @Test func `Embeddings become what the normalization makes of them, and those as learnt are kept`() throws {
            let scratch = try ScratchFolder(), folder = try Self.trained(scratch)
            let before = try Self.embeddings(folder), last = try ScratchFolder.bytes(folder.lastCheckpoint), best = try SafetensorsFile(contentsOf: URL(fileURLWithPath: folder.bestCheckpoint))
            var whitening = Whitening()
            (whitening.part, whitening.shrinkage) = ("face", 0.05)
            let outcome = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
            let covariance = try WithinClassCovariance(before, size: 6), (matrix, spread) = covariance.normalization(shrinkage: 0.05)
            #expect(outcome.people == before.count && outcome.samples == 8 * before.count && abs(outcome.spread - spread) < 1e-3 * spread)
            let after = try Self.embeddings(folder)
            for (x, y) in zip(before.joined(), after.joined()) {
                let expected = Self.unit((0..<6).map { row in (0..<6).reduce(0) { $0 + matrix[row * 6 + $1] * Double(x[$1]) } })
                for (a, b) in zip(Self.unit(y.map(Double.init)), expected) { #expect(abs(a - b) < 1e-4) }
            }
            #expect(try WithinClassCovariance(after, size: 6).normalization(shrinkage: 0).spread < 0.7 * covariance.normalization(shrinkage: 0).spread)
            // Training goes on from what it did; the weights as learnt are there; the same again begins from them.
            #expect(try ScratchFolder.bytes(folder.lastCheckpoint) == last)
            #expect(try SafetensorsFile(contentsOf: URL(fileURLWithPath: folder.learntCheckpoint)).tensors == best.tensors)
            let whitened = try ScratchFolder.bytes(folder.bestCheckpoint)
            _ = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
            #expect(try ScratchFolder.bytes(folder.bestCheckpoint) == whitened)
            #expect(try Self.embeddings(folder) == after)
        }

        @Test func `Augmented views count where training augments, the same ones every time`() throws {
            let scratch = try ScratchFolder()
            let folder = try Self.trained(scratch, ["modalities": "[{name: face, encoder: tiny, size: 6, noise: 0.4}, {name: voice, encoder: tiny, size: 6}]"])
            let people = try Self.embeddings(folder).count
            var whitening = Whitening(), found: [[UInt8]] = []
            for (part, views) in [("face", 0), ("face", 1), ("face", 3), ("face", 1), ("voice", 3), ("voice", 0)] {
                (whitening.part, whitening.augmentedViews) = (part, views)
                let outcome = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
                #expect(outcome.samples == people * 8 * (part == "face" ? 1 + views : 1))
                found.append(try JSONEncoder().encode(SafetensorsFile(contentsOf: URL(fileURLWithPath: folder.bestCheckpoint)).tensors.sorted { $0.key < $1.key }.map(\.value.bytes)).map { $0 })
            }
            #expect(found[0] != found[1] && found[1] != found[2] && found[1] == found[3] && found[4] == found[5])
        }

        @Test func `What all people have in common is taken away, and no more`() throws {
            let scratch = try ScratchFolder(), folder = try Self.trained(scratch)
            func mean(_ people: [[[Float]]]) -> [Double] {
                (0..<6).map { place in people.map { person in person.map { Self.unit($0.map(Double.init))[place] }.reduce(0, +) / Double(person.count) }.reduce(0, +) / Double(people.count) }
            }
            func length(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            let before = try Self.embeddings(folder), best = try SafetensorsFile(contentsOf: URL(fileURLWithPath: folder.bestCheckpoint))
            var whitening = Whitening()
            (whitening.part, whitening.centres, whitening.shrinkage) = ("face", true, 1)
            let outcome = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
            let after = try Self.embeddings(folder)
            #expect(outcome.people == before.count && length(mean(after)) < 0.4 * length(mean(before)), "\(length(mean(before))) → \(length(mean(after)))")
            // One bias is another, by the mean as long as the encoder's outputs are on average; the rest is as it was.
            let now = try SafetensorsFile(contentsOf: URL(fileURLWithPath: folder.bestCheckpoint)).tensors
            let changed = now.filter { best.tensors[$0.key] != $0.value }
            #expect(now.count == best.tensors.count && changed.count == 1)
            let (name, bias) = try #require(changed.first), old = try #require(best.tensors[name])
            let shift = zip(old.values(as: Float.self), bias.values(as: Float.self)).map { Double($0 - $1) }, common = mean(before)
            #expect(abs(zip(Self.unit(shift), Self.unit(common)).reduce(0) { $0 + $1.0 * $1.1 } - 1) < 1e-4)
            #expect(try SafetensorsFile(contentsOf: URL(fileURLWithPath: folder.learntCheckpoint)).tensors == best.tensors)
            let centred = try ScratchFolder.bytes(folder.bestCheckpoint)
            _ = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
            #expect(try ScratchFolder.bytes(folder.bestCheckpoint) == centred)
            // Both at once is one after the other: the mean goes before the directions are looked at.
            let alone = try Self.embeddings(folder)
            whitening.shrinkage = 0.05
            let both = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
            #expect(both.spread == outcome.spread)
            whitening.centres = false
            _ = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
            let directions = try Self.embeddings(folder)
            whitening.centres = true
            _ = try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary)
            let together = try Self.embeddings(folder)
            #expect(length(mean(together)) < 0.6 * length(mean(directions)), "\(length(mean(directions))) → \(length(mean(together)))")
            #expect(zip(together, alone).contains { $0.0 != $0.1 })
        }

        @Test func `What cannot be whitened is refused, and nothing is changed`() throws {
            let scratch = try ScratchFolder(), folder = try Self.trained(scratch, ["modalities": "[{name: face, encoder: tiny, size: 6}, {name: voice, encoder: tiny, size: 6, train: false}]"])
            let best = try ScratchFolder.bytes(folder.bestCheckpoint)
            func complaint(_ part: String?, _ samples: Int = 8) -> String {
                var whitening = Whitening()
                (whitening.part, whitening.samplesPerPerson) = (part, samples)
                let error = #expect(throws: (any Error).self) { try whitening.apply(to: folder, vocabulary: MadeUpPeople.vocabulary) }
                return error.map { "\($0)" } ?? ""
            }
            #expect(complaint(nil).contains("which encoder?") && complaint(nil).contains("face, voice"))
            #expect(complaint("gait").contains("--part gait"))
            #expect(complaint("voice").contains("does not learn"))
            #expect(try ScratchFolder.bytes(folder.bestCheckpoint) == best && !FileManager.default.fileExists(atPath: folder.learntCheckpoint))
            try FileManager.default.removeItem(atPath: folder.bestCheckpoint)
            #expect(complaint("face").contains("best.checkpoint is missing"))
        }
    }
}
