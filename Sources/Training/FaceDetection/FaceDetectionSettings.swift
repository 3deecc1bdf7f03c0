import Datasets
import Foundation
import ModelBundle

/// What a recipe says of a finder of faces.
///
///     task: face-detection
///     pictures: [wider/train, scenes]   # folders, each drawn from as often as the others
///     teacher: yunet_n_dynamic.onnx     # says where faces are, and is given the pictures without distortion
///     boxes: wider/val.csv              # image,x,y,w,h,invalid,…: what is measured; images from the list's folder
///     side: 256                         # of the square canvases that are learnt from, a multiple of 32
///     batch: {canvases: 16}
///     steps: 250                        # of an epoch
struct FaceDetectionSettings: TaskSettings {
    static let name = "face-detection"
    var pictures: [String]
    var teacher: String
    var boxes: String?
    var side: Int
    var canvases: Int
    var steps: Int

    init(_ section: inout YAMLSection, folder: URL) throws {
        pictures = try section.texts("pictures").map { Recipe.resolved($0, folder) }
        guard !pictures.isEmpty else { throw section.problem("pictures", "missing; name folders of pictures, with faces and without") }
        teacher = Recipe.resolved(try section.text("teacher"), folder)
        boxes = try section.optionalText("boxes").map { Recipe.resolved($0, folder) }
        side = try section.optionalInteger("side", in: 64...1024) ?? 256
        guard side % 32 == 0 else { throw section.problem("side", "\(side) is no multiple of 32") }
        var batch = try section.sectionOrEmpty("batch")
        canvases = try batch.optionalInteger("canvases", in: 1...1024) ?? 16
        try batch.finish()
        steps = try section.optionalInteger("steps", in: 1...1_000_000) ?? 250
    }

    var paths: [(key: String, paths: [String], isList: Bool)] {
        [("pictures", pictures, true), ("teacher", [teacher], false)] + (boxes.map { [("boxes", [$0], false)] } ?? [])
    }

    func task(seed: UInt64, device: TorchDevice) throws -> any LearningTask { try FaceDetectionTask(self, seed: seed, device: device) }
}
