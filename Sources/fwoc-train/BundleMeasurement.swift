import Datasets
import Evaluation
import Foundation
import ModelBundle
import Training

/// A bundle's encoders on the files of a trial list: each modality by itself, under the conditions that concern it.
struct BundleMeasurement {
    private let bundle: ModelBundle.Bundle
    private let files: TrialFiles
    var seed: UInt64 = 1

    init(_ bundle: ModelBundle.Bundle, _ files: TrialFiles) {
        self.bundle = bundle
        self.files = files
    }

    func report(_ list: TrialList, settings: EvaluationProtocol, advance: (String, Int, Int) -> Void) throws -> EvaluationReport {
        var sections: [EvaluationReport.Section] = []
        var refusals: [String] = []
        for (role, modality) in [(BundleRole.faceEncoder, "face"), (.voiceEncoder, "voice")] where bundle.roles.contains(role) {
            let path = try bundle.path(role)
            // Nothing is learnt: the recipe only says what is read how.
            let yaml = """
                data: \(files.recipe)
                modalities: [{name: \(modality), encoder: '\(path)', train: false\(modality == "voice" ? ", seconds: 3" : "")}]
                losses: [{name: triplet}]
                """
            let recipe = try Recipe(yaml: yaml, file: "bundle", folder: URL(fileURLWithPath: "/"))
            do {
                let data = try TrainingData(recipe.data, modalities: recipe.modalities.map(\.modality))
                var evaluation = try RunEvaluation(try FusionModel(recipe, classes: nil), data)
                evaluation.seed = seed
                evaluation.degradations = modality == "face" ? [.blurred, .grainy] : [.noisy, .dropped]
                let table = try files.renamed(try evaluation.table(Array(data.samples.indices), advance: advance))
                sections += try EvaluationReport(table, trials: list, settings: settings, model: "").sections
            } catch let error as DatasetError { refusals.append("\(error)") }
        }
        guard !sections.isEmpty else { throw EvaluationError(.badData, "no file of the list has a face or a voice\(refusals.isEmpty ? "" : ": \(refusals.joined(separator: "; "))")") }
        return EvaluationReport(model: bundle.fingerprint, settings: settings, sections: sections)
    }
}
