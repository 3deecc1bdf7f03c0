import Datasets
import Foundation
import ModelBundle

/// What a recipe says of a finder of faces.
///
///     task: face-detection
///     pictures: [wider/train, scenes]   # folders, each drawn from as often as the others, or
///     shares: [5, 1]                    # so many times as often, by folder
///     teacher: yunet_n_dynamic.onnx     # says where faces are, and is given the pictures without distortion
///     boxes: wider/val.csv              # image,x,y,w,h,invalid,…: what is measured; images from the list's folder
///     side: 256                         # of the square canvases that are learnt from, a multiple of 32
///     batch: {canvases: 16}
///     steps: 250                        # of an epoch
struct FaceDetectionSettings: TaskSettings {
    static let name = "face-detection"
    var pictures: [String]
    /// How often each folder is drawn from beside the others.
    var shares: [Int]
    var teacher: String
    var boxes: String?
    var side: Int
    var canvases: Int
    var steps: Int

    init(_ section: inout YAMLSection, folder: URL) throws {
        pictures = try section.texts("pictures").map { Recipe.resolved($0, folder) }
        guard !pictures.isEmpty else { throw section.problem("pictures", "missing; name folders of pictures, with faces and without") }
        let wanted = try section.texts("shares")
        shares = wanted.isEmpty ? pictures.map { _ in 1 } : wanted.compactMap { Int($0) }.filter { (1...100).contains($0) }
        guard shares.count == pictures.count else { throw section.problem("shares", "expected a whole number from 1 to 100 for each of the \(pictures.count) folders of pictures") }
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
