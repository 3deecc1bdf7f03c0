import Datasets
import Foundation
import ModelBundle
import RunRecords
import Tensors

/// Learns to find faces, from a teacher that sees the same pictures undistorted: ``DenseDetection``.
final class FaceDetectionTask: LearningTask {
    static let name = FaceDetectionSettings.name
    private let settings: FaceDetectionSettings
    private let pictures: PictureSet
    private let network: TrainableGraph
    private let teacher: TrainableGraph
    private let teacherGraph: Graph
    private let device: TorchDevice
    private let ahead: AheadOfTime<PictureCanvases.Samples>
    private let own: PictureCanvases
    private let unseen: PictureCanvases
    private let learnt: Int

    init(_ settings: FaceDetectionSettings, seed: UInt64, device: TorchDevice) throws {
        self.settings = settings
        self.device = device
        var options = TrainableGraph.Options()
        options.device = device
        network = try TrainableGraph(try DetectorArchitecture.separablePyramid.graph(seed: seed), options: options)
        options.isTrainable = { _ in false }
        var graph = try Graph(onnxFile: URL(fileURLWithPath: settings.teacher))
        guard graph.inputs.count == 1 else { throw FitError(.badData, "\(settings.teacher): has \(graph.inputs.count) inputs, expected one picture") }
        graph.inputs[0].shape = [.free("batch"), .fixed(3), .free("height"), .free("width")]
        teacherGraph = graph
        teacher = try TrainableGraph(graph, options: options)
        let pictures = try PictureSet(folders: settings.pictures)
        self.pictures = pictures
        // One of twenty is not learnt from.
        func isUnseen(_ index: Int) -> Bool { StableHash.of(pictures.name(index)) % 20 == 0 }
        let canvases = PictureCanvases(pictures, shares: settings.shares, where: { !isUnseen($0) }, side: settings.side, canvases: settings.canvases)
        own = canvases
        unseen = PictureCanvases(pictures, shares: settings.shares, where: isUnseen, side: settings.side, canvases: settings.canvases)
        learnt = canvases.learnt
        ahead = AheadOfTime { canvases.samples(seed: $0) }
    }

    var networks: [(name: String, graph: TrainableGraph)] { [("face-detector", network)] }
    var modalities: [RunRecord.Modality] {
        [
            RunRecord.Modality(
                name: "face-detector", encoder: DetectorArchitecture.separablePyramid.rawValue, dimension: 1, isTrainable: true, parameters: network.parameters.reduce(0) { $0 + $1.tensor.count })
        ]
    }
    var subsets: [RunRecord.Subset] {
        [RunRecord.Subset(name: "training", people: 0, rows: learnt), RunRecord.Subset(name: "validation", people: 0, rows: pictures.count - learnt)]
    }
    var dataDigest: String { (0..<pictures.count).map { "\(pictures.name($0)) \(pictures.size($0))" }.joined(separator: "\n") }
    var notes: [String] { pictures.refused.prefix(3).map { "left out: \($0)" } + (pictures.refused.count > 3 ? ["left out: \(pictures.refused.count - 3) more"] : []) }
    var stepsPerEpoch: Int { settings.steps }
    var samplesPerStep: Int { settings.canvases }
    var metric: (name: String, isHigherBetter: Bool) { ("disagreement", false) }

    /// What the teacher says of pictures, each output as `[batch, cells, numbers]`.
    private func taught(_ pictures: TorchTensor) throws -> DenseDetection.Answers {
        try TorchRuntime.withoutGradients {
            var answers: DenseDetection.Answers = [:]
            let said = try teacher.run([teacher.inputs[0].name: pictures])
            for stride in DenseDetection.strides {
                let cells = (settings.side / stride) * (settings.side / stride)
                for (kind, size) in [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)] {
                    guard let value = said["\(kind)_\(stride)"] else {
                        throw FitError(.badData, "\(settings.teacher): has no output '\(kind)_\(stride)'; expected a detector with YuNet's outputs")
                    }
                    answers["\(kind)_\(stride)"] = try value.reshaped([pictures.shape[0], cells, size])
                }
            }
            return answers
        }
    }

    private static let loss = DenseDetection()

    private func answers(_ samples: PictureCanvases.Samples) throws -> (own: DenseDetection.Answers, wanted: DenseDetection.Answers) {
        let shape = [settings.canvases, 3, settings.side, settings.side]
        let wanted = try taught(TorchTensor(samples.clean, shape: shape, device: device))
        return (try network.run([network.inputs[0].name: TorchTensor(samples.distorted, shape: shape, device: device)]), wanted)
    }

    func loss(seed: UInt64, next: UInt64?) throws -> TorchTensor {
        let (own, wanted) = try answers(ahead.samples(seed, next: next))
        return try Self.loss(own, wanted)
    }

    /// How far it is from its teacher on pictures that it did not learn from: the loss, and its parts.
    func validate() throws -> [RunValue] {
        let names = ["disagreement", "scores", "boxes", "landmarks"]
        guard !unseen.chosen.isEmpty else { return names.map { RunValue($0, nil) } }
        let rounds = 6
        var sums = [Double](repeating: 0, count: names.count)
        for round in 0..<rounds {
            try TorchRuntime.withoutGradients {
                let (own, wanted) = try answers(unseen.samples(seed: UInt64(round))), parts = try Self.loss.parts(own, wanted)
                let values = try [Self.loss(own, wanted), parts.scores, parts.boxes, parts.landmarks]
                for (index, value) in values.enumerated() { sums[index] += try value.item() }
            }
        }
        return zip(names, sums).map { RunValue($0, $1 / Double(rounds)) }
    }

    func examples(of network: String, _ subset: Split.Subset, count: Int) throws -> [[String: Tensor]] {
        let canvases = subset == .train ? own : unseen
        guard !canvases.chosen.isEmpty else { return [] }
        return (0..<count).map { index in
            var random = SeededGenerator(seed: 17, UInt64(index))
            return [self.network.inputs[0].name: Tensor(shape: [1, 3, settings.side, settings.side], values: canvases.seen(&random).distorted)]
        }
    }

    /// Average precision on boxes that people drew, beside the teacher's.
    func measure(_ subset: Split.Subset, _ graphs: [String: Graph], advance: (Int, Int) -> Void) throws -> [RunValue] {
        guard subset == .heldOut, let graph = graphs["face-detector"] else {
            throw FitError(.configuration, "a detector is measured on pictures with boxes that people drew; use --subset heldOut")
        }
        guard let boxes = settings.boxes else { throw FitError(.configuration, "the recipe names no boxes to measure on; give it ‘boxes’, a list as WIDER FACE's") }
        return try DetectorMeasurement(graph, teacher: teacherGraph).values(BoxList(contentsOf: boxes), advance: advance)
    }
}
