import Foundation
import Datasets
import ModelBundle
import RunRecords

/// A run that is done, or under way: its recipe, its data and its best weights.
public struct TrainedRun {
    public let recipe: Recipe
    public let data: TrainingData
    public let model: FusionModel
    /// The file the weights are of.
    public let checkpoint: String

    /// - Parameter overrides: keys of the recipe that are otherwise now, for example where the data are.
    public init(_ folder: RunFolder, overrides: [(key: String, value: String)] = [], device: TorchDevice = .cpu, vocabulary: RecipeVocabulary = RecipeVocabulary()) throws {
        recipe = try Recipe(contentsOf: URL(fileURLWithPath: folder.recipe), overrides: overrides, vocabulary: vocabulary)
        let best = FileManager.default.fileExists(atPath: folder.bestCheckpoint)
        checkpoint = best ? folder.bestCheckpoint : folder.lastCheckpoint
        guard best || FileManager.default.fileExists(atPath: checkpoint) else {
            throw FitError(.noInput, "\(folder.recipe): the run has no checkpoint yet; let it finish an epoch")
        }
        data = try TrainingData(recipe.data, modalities: recipe.modalities.map(\.modality))
        model = try FusionModel(recipe, classes: nil, device: device)
        try model.load(SafetensorsFile(contentsOf: URL(fileURLWithPath: checkpoint)).tensors)
    }
}
