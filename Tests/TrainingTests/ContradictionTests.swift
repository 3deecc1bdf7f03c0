import Biometrics
import Datasets
import Foundation
import RunRecords
import Tensors
import Testing
import Training

extension FittingTests {
    /// A face with somebody else's voice: as a negative in training, and as what a trained fuser is measured by.
    @Suite struct ContradictionTests {
        private static func recipe(_ scratch: ScratchFolder, contradictions: Bool) throws -> Recipe {
            try MadeUpPeople.recipe(
                scratch, ["losses.0": "{name: triplet, on: fused, mining: hard}", "fuser.name": "linear", "fuser.contradictions": "\(contradictions)", "epochs": "3"])
        }

        @Test func `Each begins as one person's sample and ends as the next one's`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            let model = try FusionModel(Self.recipe(scratch, contradictions: true), classes: nil)
            func row(_ seed: Int, _ slot: Int) -> [Float] {
                var random = SeededGenerator(seed: UInt64(seed), UInt64(slot))
                return (0..<model.dimensions[slot]).map { _ in random.uniform(-1...1) }
            }
            let faces = (0..<4).map { row($0, 0) }, voices = (0..<4).map { row($0, 1) }
            func fused(_ rows: [(face: Int, voice: Int)]) throws -> FusionModel.Outputs {
                let count = rows.count, all = [[Int]](repeating: Array(0..<count), count: 2)
                let present = try [rows.map { faces[$0.face] }, rows.map { voices[$0.voice] }].map { try TorchTensor($0.flatMap { $0 }, shape: [count, $0[0].count]) as TorchTensor? }
                return try model.fused(present, rows: all, weights: [[Float]](repeating: [1, 1], count: count))
            }
            let weights: [[Float]] = [[1, 1], [1, 1], [1, 0], [1, 1]]
            // The third sample has no voice; the first two are of one person, whose next is the fourth.
            let found = try #require(try model.contradictions(fused([(0, 0), (1, 1), (2, 2), (3, 3)]), weights: weights, labels: [5, 5, 6, 7]))
            let expected = try fused([(0, 3), (1, 3), (3, 0)]).fused.doubles()
            #expect(found.shape[0] == 3)
            for (a, b) in zip(try found.doubles(), expected) { #expect(abs(a - b) < 1e-6) }
            #expect(try model.contradictions(fused([(0, 0), (1, 1)]), weights: [[1, 1], [1, 1]], labels: [5, 5]) == nil, "nobody else")
        }

        @Test func `They are harder negatives than people, and are measured on people who were not learnt from`() throws {
            let scratch = try ScratchFolder()
            try MadeUpPeople().write(to: scratch.file("shards"))
            var first: [Double] = []
            for contradictions in [false, true] {
                let folder = scratch.run("\(contradictions)")
                #expect(try Fit.trained(Self.recipe(scratch, contradictions: contradictions), into: folder) == .finished)
                first.append(try #require(folder.load().steps.first).loss)
            }
            #expect(first[1] > first[0])
            let run = try TrainedRun(scratch.run("true"), vocabulary: MadeUpPeople.vocabulary)
            let found = try TorchLottery.alone { try RunEvaluation(run.model, run.data).contradictions(.test) }
            #expect(found.map(\.name) == ["other voice", "other face"])
            let people = try #require(run.data.subsets[.test]).count
            for contradiction in found {
                #expect(contradiction.trials.sameCount == people && contradiction.trials.count == 2 * people)
                // Half of it is still the same person: nearer than nothing, further than the person.
                let means = [true, false].map { kind in
                    let scores = zip(contradiction.trials.scores, contradiction.trials.isSame).filter { $0.1 == kind }.map(\.0)
                    return scores.reduce(0, +) / Float(scores.count)
                }
                #expect(means[0] > means[1])
            }
        }
    }
}
