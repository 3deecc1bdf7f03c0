import Foundation
public import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle

/// Pose and mouth of a face, from dense landmarks.
public struct FaceShape: Sendable {
    /// Degrees. Positive yaw: the face turns to the image's right; positive pitch: it looks down; positive roll: it leans clockwise.
    public var yaw: Float
    public var pitch: Float
    public var roll: Float
    /// Distance of the inner lips over the distance of the mouth's corners, 0 (closed) and more.
    public var mouthOpening: Float
    /// Outline of the lips, upper then lower, corner to corner, in fractions of the face's box.
    public var lips: InlineArray<20, Point>
    /// Probability that the crop held a face at all, 0…1.
    public var confidence: Float
}

/// The dense landmarks of a face as the network gives them.
public struct FaceMesh: Sendable {
    /// 468 points, in pixels of the crop in x and y and of the same scale in depth.
    public var points: [SIMD3<Float>]
    /// From the crop to the frame.
    public var transform: CropTransform
    /// Probability that the crop held a face at all, 0…1.
    public var confidence: Float

    /// Between two points, in pixels of the crop; depth counts, so that it hardly changes as the head turns.
    public func distance(_ a: Int, _ b: Int) -> Float {
        let between = points[a] - points[b]
        return (between * between).sum().squareRoot()
    }
}

/// Finds 468 points of a face in three dimensions (Kartynnik et al., *Real-time Facial Surface Geometry from Monocular Video
/// on Mobile GPUs*, 2019), and reads pose and mouth from them.
///
/// Point numbers are those of the MediaPipe face mesh. Thread-bound.
public final class DenseLandmarker {
    /// Outer lip contour from the image-left corner over the upper lip to the right one, then back under the lower lip.
    private static let lipContour = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
    private static let outerEyes = (33, 263)
    private static let foreheadAndChin = (10, 152)
    private static let innerLips = (13, 14)
    private static let mouthCorners = (61, 291)

    private let network: Network
    private let normalisation: PixelNormalisation
    private let contract: PictureContract
    private let boxScale: Float
    private let points: Int
    private let confidence: Int?
    private var crop: [UInt8]

    public init(_ graph: Graph, contract: FrontEndContract) throws(RecognitionError) {
        guard let picture = contract.picture, picture.colour.channels == 3, case .levelSquare(let boxScale) = picture.geometry else {
            throw RecognitionError(role: "face-landmarks", "its front end must be a level colour square")
        }
        self.contract = picture
        self.boxScale = boxScale
        (network, normalisation) = try RecognitionError.naming("face-landmarks") {
            guard let name = graph.inputs.first?.name else { throw RecognitionError(role: "face-landmarks", "the graph has no input") }
            return (
                try Network(graph, inputs: [name: .shape([1, 3, picture.height, picture.width])]), try PixelNormalisation(picture)
            )
        }
        guard let points = network.outputs.firstIndex(where: { $0.count == 3 * 468 }) else {
            throw RecognitionError(role: "face-landmarks", "expected an output of 468 points in 3-D")
        }
        self.points = points
        confidence = network.outputs.firstIndex { $0.count == 1 }
        crop = [UInt8](repeating: 0, count: picture.elementCount)
    }

    /// - Returns: `nil` where the box spans no face.
    public func shape(
        _ frame: VideoFrame, box: BoundingBox, landmarks: FaceLandmarks, with sampler: CropSampler
    ) throws(RecognitionError) -> FaceShape? {
        guard let (transform, score) = try run(frame, box: box, landmarks: landmarks, with: sampler) else { return nil }
        return network.withOutput(points, as: Float.self) { values in
            func point(_ index: Int) -> SIMD3<Float> { SIMD3(values[3 * index], values[3 * index + 1], values[3 * index + 2]) }
            func unit(_ v: SIMD3<Float>) -> SIMD3<Float> { v / max((v * v).sum().squareRoot(), 1e-6) }
            let across = unit(point(Self.outerEyes.1) - point(Self.outerEyes.0))
            let down = unit(point(Self.foreheadAndChin.1) - point(Self.foreheadAndChin.0))
            let inPlaneRoll = atan2(transform.b, transform.a)
            let open = point(Self.innerLips.1) - point(Self.innerLips.0)
            let wide = point(Self.mouthCorners.1) - point(Self.mouthCorners.0)
            var lips = InlineArray<20, Point>(repeating: Point(x: 0, y: 0))
            for (slot, index) in Self.lipContour.enumerated() {
                let point = transform.framePoint(Point(x: values[3 * index], y: values[3 * index + 1]))
                lips[slot] = Point(x: (point.x - box.x) / box.width, y: (point.y - box.y) / box.height)
            }
            let degrees = 180 / Float.pi
            return FaceShape(
                yaw: asin(min(max(across.z, -1), 1)) * degrees, pitch: asin(min(max(down.z, -1), 1)) * degrees,
                roll: (atan2(across.y, across.x) + inPlaneRoll) * degrees,
                mouthOpening: (open * open).sum().squareRoot() / max((wide * wide).sum().squareRoot(), 1e-3), lips: lips,
                confidence: score)
        }
    }

    /// All points; allocates.
    /// - Returns: `nil` where the box spans no face.
    public func mesh(
        _ frame: VideoFrame, box: BoundingBox, landmarks: FaceLandmarks, with sampler: CropSampler
    ) throws(RecognitionError) -> FaceMesh? {
        guard let (transform, score) = try run(frame, box: box, landmarks: landmarks, with: sampler) else { return nil }
        let points = network.withOutput(points, as: Float.self) { values in
            (0..<468).map { SIMD3(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2]) }
        }
        return FaceMesh(points: points, transform: transform, confidence: score)
    }

    private func run(
        _ frame: VideoFrame, box: BoundingBox, landmarks: FaceLandmarks, with sampler: CropSampler
    ) throws(RecognitionError) -> (CropTransform, Float)? {
        guard let transform = try? CropTransform(levelSquareAround: box, eyes: landmarks, boxScale: boxScale, size: contract.width)
        else { return nil }
        crop.withMutableSpan {
            sampler.writeRGB(frame, transform, width: contract.width, height: contract.height, border: contract.border, into: &$0)
        }
        network.withInput(0, as: Float.self) { input in crop.withSpan { normalisation.write($0, into: &input) } }
        try RecognitionError.naming("face-landmarks") { try network.run() }
        let score = confidence.map { network.withOutput($0, as: Float.self) { 1 / (1 + exp(-$0[0])) } } ?? 1
        return (transform, score)
    }
}
