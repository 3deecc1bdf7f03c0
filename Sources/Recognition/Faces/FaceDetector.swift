import Foundation
import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle

/// Finds faces with five landmarks: YuNet (Wu, Peng, Yu, *YuNet: A Tiny Millisecond-level Face Detector*, 2023), or any
/// network with its outputs.
///
/// Per stride s ∈ {8, 16, 32} and cell (column c, row r) the network gives `cls`, `obj` (0…1), `bbox` and `kps`:
///
///     score = √(cls · obj)
///     centre = ((c + dx) · s, (r + dy) · s);   size = exp(dw, dh) · s
///     landmark i = ((c + kx_i) · s, (r + ky_i) · s)
///
/// The picture is scaled down to `longSide`, never up. Overlapping answers are thinned by greedy non-maximum suppression.
/// Allocates only when the frames' size changes. Thread-bound.
public final class FaceDetector {
    public struct Settings: Sendable, Hashable {
        /// Longest side of what the network sees, in pixels; rounded up to whole strides.
        public var longSide = 640
        /// Answers below this are not faces.
        public var scoreThreshold: Float = 0.6
        /// Two answers that overlap by more are one face.
        public var overlapThreshold: Float = 0.3
        /// Of a quarter of a large frame only faces up to this height count; larger ones are found in the whole frame.
        public var tileFaceHeight: Float = 40
        /// At most so many faces a frame, best first.
        public var maximumFaces = 32

        public init() {}
    }

    private struct Scale {
        let stride: Int
        let columns: Int
        let rows: Int
        let cls: Int
        let obj: Int
        let bbox: Int
        let kps: Int
    }

    public let settings: Settings
    private let graph: Graph
    private var network: Network?
    private var input: DetectorInput?
    private var scales: [Scale] = []
    private var frameSize = (width: 0, height: 0)
    private var tile: FrameTile?
    private var candidates: [FaceDetection] = []
    /// Faces of the newest frame, best first.
    public private(set) var detections: [FaceDetection] = []

    public init(_ graph: Graph, settings: Settings = Settings()) throws(RecognitionError) {
        // A fixed input size is what an export declares, not what a network of convolutions needs.
        var graph = graph
        if !graph.inputs.isEmpty { graph.inputs[0].shape = [.fixed(1), .fixed(3), .free("height"), .free("width")] }
        self.graph = graph
        self.settings = settings
        candidates.reserveCapacity(4 * settings.maximumFaces)
        detections.reserveCapacity(settings.maximumFaces)
        // A model that is not such a network is refused now, not at the first frame.
        try plan(width: 64, height: 64)
    }

    /// Looks at one frame.
    /// - Returns: faces in pixels of the frame, best first; the same as ``detections``.
    public func detect(_ frame: VideoFrame) throws(RecognitionError) -> [FaceDetection] {
        if frame.width != frameSize.width || frame.height != frameSize.height {
            try plan(width: frame.width, height: frame.height)
        }
        return try search(frame)
    }

    /// Whether frames of this size are scaled down so far that faces are lost, and their quarters are worth a look.
    public var hasTiles: Bool { tile != nil }

    /// Looks at one quarter of a frame for small faces.
    /// - Parameter index: 0…3.
    /// - Returns: as ``detect(_:)``; of the quarter only.
    public func detect(_ frame: VideoFrame, tile index: Int) throws(RecognitionError) -> [FaceDetection] {
        guard let tile, frame.width == frameSize.width, frame.height == frameSize.height else { return try detect(frame) }
        let origin = tile.fill(index, from: frame)
        _ = try search(tile.frame)
        detections.removeAll { $0.box.height > settings.tileFaceHeight || isCut($0.box, tile.frame) }
        let (dx, dy) = (Float(origin.x), Float(origin.y))
        for index in detections.indices {
            detections[index].box.x += dx
            detections[index].box.y += dy
            detections[index].landmarks = detections[index].landmarks.moved(dx: dx, dy: dy)
        }
        return detections
    }

    private func isCut(_ box: BoundingBox, _ tile: VideoFrame) -> Bool {
        box.x < 1 || box.y < 1 || box.x + box.width > Float(tile.width - 1) || box.y + box.height > Float(tile.height - 1)
    }

    private func search(_ frame: VideoFrame) throws(RecognitionError) -> [FaceDetection] {
        guard let network, let input else { return [] }
        let letterbox = network.withInput(0, as: Float.self) { input.write(frame, into: &$0) }
        try RecognitionError.naming("face-detector") { try network.run() }
        candidates.removeAll(keepingCapacity: true)
        for scale in scales { collect(scale, network, letterbox) }
        suppress()
        return detections
    }

    private func plan(width: Int, height: Int) throws(RecognitionError) {
        let shrink = min(1, Float(settings.longSide) / Float(max(width, height)))
        func side(_ length: Int) -> Int { max(32, (Int((Float(length) * shrink).rounded(.up)) + 31) / 32 * 32) }
        let w = side(width)
        let h = side(height)
        try RecognitionError.naming("face-detector") {
            guard let name = graph.inputs.first?.name else { throw RecognitionError(role: "face-detector", "the graph has no input") }
            let network = try Network(graph, inputs: [name: .shape([1, 3, h, w])])
            var scales: [Scale] = []
            for stride in [8, 16, 32] {
                func output(_ kind: String, _ width: Int) throws -> Int {
                    let cells = (h / stride) * (w / stride)
                    guard let index = network.outputIndex("\(kind)_\(stride)"), network.outputs[index].count == cells * width else {
                        throw RecognitionError(
                            role: "face-detector", "expected an output '\(kind)_\(stride)' of \(cells)×\(width) for a picture of \(w)×\(h)")
                    }
                    return index
                }
                scales.append(
                    Scale(
                        stride: stride, columns: w / stride, rows: h / stride, cls: try output("cls", 1),
                        obj: try output("obj", 1), bbox: try output("bbox", 4), kps: try output("kps", 10)))
            }
            guard let contract = FrontEndContract.yunet(width: w, height: h).picture else { return }
            self.input = try DetectorInput(contract: contract)
            self.network = network
            self.scales = scales
        }
        frameSize = (width, height)
        tile = shrink < 0.75 ? FrameTile(frameWidth: width, frameHeight: height) : nil
    }

    private func collect(_ scale: Scale, _ network: Network, _ letterbox: Letterbox) {
        let threshold = settings.scoreThreshold * settings.scoreThreshold
        network.withOutput(scale.cls, as: Float.self) { cls in
            network.withOutput(scale.obj, as: Float.self) { obj in
                for cell in 0..<scale.columns * scale.rows {
                    let product = min(max(cls[cell], 0), 1) * min(max(obj[cell], 0), 1)
                    if product >= threshold { candidates.append(decode(scale, cell, product.squareRoot(), network, letterbox)) }
                }
            }
        }
    }

    private func decode(_ scale: Scale, _ cell: Int, _ score: Float, _ network: Network, _ letterbox: Letterbox) -> FaceDetection {
        let column = Float(cell % scale.columns)
        let row = Float(cell / scale.columns)
        let stride = Float(scale.stride)
        let box = network.withOutput(scale.bbox, as: Float.self) { bbox in
            let width = exp(min(bbox[4 * cell + 2], 8)) * stride
            let height = exp(min(bbox[4 * cell + 3], 8)) * stride
            return BoundingBox(
                x: (column + bbox[4 * cell]) * stride - width / 2, y: (row + bbox[4 * cell + 1]) * stride - height / 2,
                width: width, height: height)
        }
        let landmarks = network.withOutput(scale.kps, as: Float.self) { kps in
            func point(_ index: Int) -> Point {
                letterbox.framePoint(
                    Point(x: (column + kps[10 * cell + 2 * index]) * stride, y: (row + kps[10 * cell + 2 * index + 1]) * stride))
            }
            return FaceLandmarks(
                leftEye: point(0), rightEye: point(1), nose: point(2), leftMouth: point(3), rightMouth: point(4))
        }
        return FaceDetection(box: letterbox.frameBox(box), landmarks: landmarks, score: score)
    }

    private func suppress() {
        // A fixed order for equal scores keeps replays identical.
        candidates.sort { ($0.score, $0.box.x, $0.box.y) > ($1.score, $1.box.x, $1.box.y) }
        detections.removeAll(keepingCapacity: true)
        for candidate in candidates where candidate.box.width.isFinite && candidate.box.height.isFinite {
            if detections.count == settings.maximumFaces { break }
            if detections.allSatisfy({ $0.box.intersectionOverUnion(candidate.box) <= settings.overlapThreshold }) {
                detections.append(candidate)
            }
        }
    }
}
