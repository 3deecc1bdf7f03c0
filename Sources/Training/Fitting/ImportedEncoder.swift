import Foundation
public import ModelBundle
public import Tensors

/// A public network as an encoder of a modality, loaded to be trained.
public struct ImportedEncoder {
    public let graph: Graph
    public let trainable: TrainableGraph
    /// Without the batch.
    public let inputShape: [Int]

    /// - Parameter modality: its name; its input is what the modality's front end gives at its usual settings.
    /// - Throws: ``FitError`` where the file does not take that, ``TrainableGraphError`` where it cannot be trained.
    public init(path: String, modality name: String, vocabulary: RecipeVocabulary = RecipeVocabulary()) throws {
        guard let type = vocabulary.modalities.first(where: { $0.name == name }) else {
            throw FitError(.configuration, "modality '\(name)' is not one of \(vocabulary.modalities.map { $0.name }.joined(separator: ", "))")
        }
        var section = try YAMLSection(yaml: "name: \(name)", file: "modality")
        _ = try section.text("name")
        let modality = try type.init(recipe: &section, folder: URL(fileURLWithPath: "/"))
        graph = try FusionModel.imported(path, for: Recipe.ModalityRecipe(modality: modality, encoder: path, isFile: true, dimension: 0, isTrainable: true, views: 1))
        trainable = try TrainableGraph(graph)
        inputShape = modality.inputShape
    }

    /// What the trainer's executor gives for an input.
    public func output(_ input: Tensor) throws -> Tensor {
        let result = try TorchRuntime.withoutGradients { try trainable.run([trainable.inputs[0].name: TorchTensor(input)], outputs: [trainable.outputs[0].name]) }
        guard let output = result.values.first else { throw FitError(.internalError, "the network gave nothing") }
        return try output.tensor()
    }
}
