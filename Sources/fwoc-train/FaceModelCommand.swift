import ArgumentParser
import FaceModelling
import Foundation
import ModelBundle
import SyntheticFaces

struct FaceModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "face-model",
        abstract: "Computes the model that people who do not exist are drawn from, and judges it.",
        discussion: """
            Without --pictures an existing model is judged or shown. The landmark model, detector and encoder are ONNX files of the reference set.

            EXAMPLES
              fwoc-train face-model -o face-model.fwocface --pictures utk --landmarks face_mesh_468.onnx --topology face_mesh_topology.obj
              fwoc-train face-model -o face-model.fwocface --judge --detector yunet_n_dynamic.onnx --encoder face_mbf_512.onnx
              fwoc-train face-model -o face-model.fwocface --sheet people.png
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The model: written with --pictures, else read.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Pictures named <age>_<sex>_<group>_….webp, one upright face each, nearly filling them.", valueName: "folder"))
    var pictures: String?

    @Option(help: ArgumentHelp("468 dense landmarks.", valueName: "file.onnx"))
    var landmarks: String?

    @Option(help: ArgumentHelp("The landmarks' triangles and canonical points.", valueName: "file.obj"))
    var topology: String?

    @Option(help: "Read at most so many pictures.")
    var most = 20_000

    @Flag(help: "Detector, same and different people, on rendered pictures.")
    var judge = false

    @Option(help: ArgumentHelp("Face detector.", valueName: "file.onnx"))
    var detector: String?

    @Option(help: ArgumentHelp("Face encoder of 112 × 112 aligned crops.", valueName: "file.onnx"))
    var encoder: String?

    @Option(help: "People to judge by.")
    var people = 200

    @Option(help: "Renderings of each.")
    var renderings = 4

    @Option(help: ArgumentHelp("With --pictures, --detector and --encoder: whether people of the pictures are copied; two SVG histograms.", valueName: "folder"))
    var copying: String?

    @Option(help: ArgumentHelp("A sheet of forty people.", valueName: "file.png"))
    var sheet: String?

    @Option(help: "The first person's seed.")
    var seed: UInt64 = 1

    func run() throws {
        var weights: [FaceWeights] = []
        if let pictures {
            guard let landmarks, let topology else { throw ValidationError("--pictures wants --landmarks and --topology") }
            var settings = FaceModelFit.Settings()
            settings.mostPictures = most
            let fit = try FaceModelFit(folder: pictures, topology: topology, measurement: FaceMeasurement(try Graph(onnxFile: URL(fileURLWithPath: landmarks))), settings: settings, progress: Console.note)
            let bytes = fit.file.bytes()
            try Data(bytes).write(to: URL(fileURLWithPath: output), options: .atomic)
            Console.line("\(output): \(bytes.count) bytes; \(fit.report)")
            weights = fit.people
        }
        let model = try FaceModel(contentsOf: output)
        if let sheet { try Self.sheet(model, first: seed).writePNG(sheet) }
        guard judge || copying != nil else { return }
        guard let detector, let encoder else { throw ValidationError("--judge and --copying want --detector and --encoder") }
        let judgement = try FaceJudge(detector: try Graph(onnxFile: URL(fileURLWithPath: detector)), encoder: try Graph(onnxFile: URL(fileURLWithPath: encoder)))
        if judge {
            let found = try judgement.judge(model, people: people, renderings: renderings, first: seed, progress: Console.note)
            func quantile(_ values: [Float], _ q: Double) -> Float { values.sorted()[Int(q * Double(values.count - 1))] }
            Console.line(String(format: "detector: %d of %d renderings, %.2f %%", found.found, found.renderings, 100 * found.detection))
            Console.line(String(format: "same people: median %.2f, 1st percentile %.2f", quantile(found.same, 0.5), quantile(found.same, 0.01)))
            Console.line(String(format: "different people: median %.2f, 99th percentile %.2f", quantile(found.different, 0.5), quantile(found.different, 0.99)))
            Console.line(String(format: "equal error rate: %.2f %%", 100 * found.equalErrorRate))
        }
        if let copying {
            guard !weights.isEmpty else { throw ValidationError("--copying wants --pictures: the people are not in the model") }
            try FileManager.default.createDirectory(atPath: copying, withIntermediateDirectories: true)
            let sample = stride(from: 0, to: weights.count, by: max(1, weights.count / 400)).map { weights[$0] }
            let alike = try judgement.copies(model, drawn: people, of: sample, progress: Console.note)
            let apart = FaceJudge.distances(model, drawn: people, of: weights)
            func put(_ name: String, _ title: String, _ axis: String, _ drawn: [Float], _ real: [Float]) throws {
                let drawing = Histogram(title: title, axis: axis, ("drawn people (\(drawn.count))", drawn), ("people of the data (\(real.count))", real))
                try Data(drawing.svg.utf8).write(to: URL(fileURLWithPath: copying + "/" + name), options: .atomic)
                func median(_ v: [Float]) -> Float { v.sorted()[v.count / 2] }
                Console.line(String(format: "%@: drawn median %.3f (%.3f…%.3f), data median %.3f (%.3f…%.3f)", title, median(drawn), drawn.min() ?? 0, drawn.max() ?? 0, median(real), real.min() ?? 0, real.max() ?? 0))
            }
            try put("copying-similarity.svg", "Similarity to the most alike person of the data, both drawn", "cosine of face embeddings", alike.drawn, alike.real)
            try put("copying-distance.svg", "Distance to the nearest person of the data", "whitened weights", apart.drawn, apart.real)
        }
    }

    /// Forty people, five rows of eight.
    private static func sheet(_ model: FaceModel, first: UInt64) -> Picture {
        let columns = 8, rows = 5, width = 320, height = 240
        var sheet = Picture(width: columns * width, height: rows * height)
        for index in 0..<columns * rows {
            let seed = first + UInt64(index)
            let scene = RenderedScene(HeadRenderer(identity: FaceIdentity(seed: seed, model: model), model: model), number: seed * 1000 + 17, width: width, height: height).picture
            for y in 0..<height {
                let to = 3 * (((index / columns) * height + y) * sheet.width + (index % columns) * width)
                sheet.pixels.replaceSubrange(to..<to + 3 * width, with: scene.pixels[3 * width * y..<3 * width * (y + 1)])
            }
        }
        return sheet
    }
}
