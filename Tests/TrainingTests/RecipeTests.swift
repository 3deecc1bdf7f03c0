import Datasets
import Foundation
import ModelBundle
import Testing
import Training

/// Recipes as they are read, and what is said of those that are not right.
@Suite struct RecipeTests {
    /// Of the recipe that ``MadeUpPeople`` has: what is right, what is written instead, and what is said of it.
    private static let mistakes: [(String, String, [String])] = [
        ("epochs: 3", "epoch: 3", ["recipe.yaml:14", "unknown key ‘epoch’", "did you mean ‘epochs’?"]),
        ("epochs: 3", "epochs: many", ["recipe.yaml:14", "epochs", "‘many’ is no whole number from 1"]),
        ("epochs: 3", "epochs: 0", ["recipe.yaml:14", "‘0’"]),
        ("batch: {people: 4, samples: 2}", "batch: {people: 4, smaples: 2}", ["recipe.yaml:13", "batch.smaples", "did you mean ‘samples’?"]),
        ("optimizer: {rate: 0.01}", "optimizer: {rate: -1}", ["recipe.yaml:12", "optimizer.rate", "‘-1’ is no number from"]),
        ("optimizer: {rate: 0.01}", "optimizer: {name: adams}", ["recipe.yaml:12", "optimizer.name", "‘adams’ is not one of adam, adamw, muon, sgd"]),
        ("optimizer: {rate: 0.01}", "optimizer: fast", ["recipe.yaml:12", "optimizer", "expected keys with values"]),
        ("- {name: face, encoder: tiny, size: 8}", "- {name: smell, encoder: tiny, size: 8}", ["recipe.yaml:7", "modalities.0.name", "‘smell’ is not one of face, voice, gait"]),
        ("- {name: face, encoder: tiny, size: 8}", "- {name: face, encoder: huge, size: 8}", ["recipe.yaml:7", "modalities.0.encoder", "‘huge’ is not one of tiny, tiny-dropout, tiny-norm, nor the path of an ONNX file"]),
        ("- {name: face, encoder: tiny, size: 8}", "- {name: face, size: 8}", ["modalities.0.encoder", "missing"]),
        ("- {name: face, encoder: tiny, size: 8}", "- {name: face, encoder: tiny, size: 8, nose: 1}", ["recipe.yaml:7", "modalities.0.nose", "did you mean ‘noise’?"]),
        ("- {name: face, encoder: tiny, size: 8}", "- {name: voice, encoder: tiny}", ["named twice: voice, voice"]),
        ("fuser: {name: linear, size: 8}", "fuser: {name: linea, size: 8}", ["recipe.yaml:9", "fuser.name", "‘linea’ is not one of linear, embracenet, attention"]),
        ("fuser: {name: linear, size: 8}\n", "", ["fuser", "2 modalities need one"]),
        ("- {name: triplet, on: fused}", "- {name: triple, on: fused}", ["recipe.yaml:11", "losses.0.name", "‘triple’ is not one of cross-entropy, additive-angular-margin, triplet, contrastive, info-nce, distillation, preservation"]),
        ("- {name: triplet, on: fused}", "- {name: preservation, on: face}", ["recipe.yaml:11", "losses.0.on", "it is on fused"]),
        ("- {name: triplet, on: fused}", "- {name: preservation, shares: [1]}", ["recipe.yaml:11", "losses.0.shares", "[1]: expected a number above 0 for each of face, voice"]),
        ("- {name: triplet, on: fused}", "- {name: triplet, on: gait}", ["recipe.yaml:11", "losses.0.on", "‘gait’ is not one of face, voice, fused"]),
        ("- {name: triplet, on: fused}", "- {name: triplet, on: [face, voice]}", ["triplet is on one embedding"]),
        ("- {name: triplet, on: fused}", "- {name: triplet, mining: soft}", ["losses.0.mining", "‘soft’ is not one of semi-hard, hard"]),
        ("- {name: triplet, on: fused}", "- {name: contrastive, on: face}", ["contrastive is between two modalities"]),
        ("- {name: triplet, on: fused}", "- {name: distillation, on: face}", ["losses.0.teacher", "missing"]),
        ("- {name: triplet, on: fused}", "- {name: distillation, on: fused, teacher: a.onnx}", ["a teacher sees one modality's input"]),
        ("seed: 3", "seed: 3\nprecision: double", ["recipe.yaml:3", "precision", "‘double’ is not one of single, mixed"]),
        ("losses:\n  - {name: triplet, on: fused}", "losses: []", ["losses", "missing"]),
        ("  shards: [shards]", "  shards: []", ["data.shards", "name folders of shards"]),
        ("split: {seed: 1, validation: 0.25, test: 0.25}", "split: {validation: 0.6, test: 0.5}", ["data.split.validation", "less than 1 together"]),
        ("seed: 3", "seed: 3\nseed: 4", ["seed", "given twice"]),
        ("seed: 3", "seed: [", ["recipe.yaml:", "not valid YAML"]),
    ]

    @Test(arguments: mistakes)
    func `A mistake is named with its line`(_ right: String, _ wrong: String, _ parts: [String]) throws {
        let yaml = MadeUpPeople.recipe.replacing(right, with: wrong)
        try #require(yaml != MadeUpPeople.recipe)
        let error = #expect(throws: BundleError.self) { try Recipe(yaml: yaml, file: "recipe.yaml", folder: URL(fileURLWithPath: "/tmp"), vocabulary: MadeUpPeople.vocabulary) }
        for part in parts { #expect(error?.description.contains(part) == true, "\(error?.description ?? "")") }
    }

    @Test func `A recipe can be read from any folder, with everything that was overridden`() throws {
        let folder = URL(fileURLWithPath: "/data/study")
        let yaml = MadeUpPeople.recipe + "cache: kept\n"
        let overrides = [
            (key: "modalities.1.encoder", value: "../nets/voice's.onnx"), (key: "losses.1", value: "{name: distillation, on: face, teacher: teacher.onnx, weight: 0.5}"), (key: "seed", value: "12"),
            (key: "data.shards", value: "[a, /b]"),
        ]
        let recipe = try Recipe(yaml: yaml, file: "recipe.yaml", folder: folder, overrides: overrides, vocabulary: MadeUpPeople.vocabulary)
        #expect(recipe.seed == 12 && recipe.losses.map(\.label) == ["triplet(fused)", "distillation(face)"] && recipe.losses[1].weight == 0.5)
        #expect(recipe.data.shards == ["/data/study/a", "/b"] && recipe.cache == "/data/study/kept" && recipe.modalities[1].isFile)
        let elsewhere = try Recipe(yaml: recipe.text, file: "other.yaml", folder: URL(fileURLWithPath: "/nowhere"), vocabulary: MadeUpPeople.vocabulary)
        #expect(elsewhere.data == recipe.data && elsewhere.cache == recipe.cache && elsewhere.seed == recipe.seed && elsewhere.losses == recipe.losses && elsewhere.name == "made-up")
        #expect(elsewhere.modalities.map(\.encoder) == recipe.modalities.map(\.encoder) && elsewhere.modalities[1].encoder.hasSuffix("/nets/voice's.onnx") && elsewhere.modalities[1].encoder.hasPrefix("/"))
        // Once resolved it does not change any more.
        #expect(elsewhere.text == recipe.text)
        // Paths may begin with a variable of the environment.
        let home = try #require(ProcessInfo.processInfo.environment["PATH"])
        let variable = try Recipe(yaml: yaml, file: "recipe.yaml", folder: folder, overrides: [(key: "data.shards", value: "['$PATH/x', '${PATH}/y']")], vocabulary: MadeUpPeople.vocabulary)
        #expect(variable.data.shards.map { $0.hasPrefix("/") } == [true, true] && variable.data.shards[0].hasSuffix(home + "/x") && variable.data.shards[1].hasSuffix(home + "/y"))
    }

    @Test func `Schedules follow their formulas`() {
        let constant = LearningSchedule()
        let warm = LearningSchedule(warmUp: 2), cosine = LearningSchedule(name: .cosine, warmUp: 1, floor: 0.1), step = LearningSchedule(name: .step, every: 3, factor: 0.5)
        for epoch in stride(from: 0.125, through: 9, by: 0.125) {
            #expect(constant.factor(epoch: epoch, of: 9) == 1)
            #expect(abs(warm.factor(epoch: epoch, of: 9) - min(1, epoch / 2)) < 1e-12)
            let share = (epoch - 1) / 8
            #expect(abs(cosine.factor(epoch: epoch, of: 9) - (epoch < 1 ? epoch : 0.1 + 0.9 * 0.5 * (1 + cos(.pi * share)))) < 1e-12)
            // Epochs 1 to 3 are whole, 4 to 6 at the half: the step that ends at 3 is the last of the first.
            #expect(step.factor(epoch: epoch, of: 9) == (epoch <= 3 ? 1 : epoch <= 6 ? 0.5 : 0.25), "\(epoch)")
        }
        #expect(cosine.factor(epoch: 0.5, of: 9) == 0.5 && abs(cosine.factor(epoch: 9, of: 9) - 0.1) < 1e-12 && abs(cosine.factor(epoch: 20, of: 9) - 0.1) < 1e-12)
        // Warm-up longer than the training, and no training: no number but one.
        #expect(LearningSchedule(name: .cosine, warmUp: 5).factor(epoch: 5, of: 5).isFinite)
        // Seven steps an epoch, thirds of epochs: no step falls on the wrong side by rounding.
        let fine = LearningSchedule(name: .step, every: 1.0 / 3, factor: 0.9)
        for index in 1...84 { #expect(abs(fine.factor(epoch: Double(index) / 12, of: 7) - pow(0.9, Double((index - 1) / 4))) < 1e-12) }
    }
}
