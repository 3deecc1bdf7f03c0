import FrontEnd
import Inference
import MediaFiles
import MediaTypes
public import ModelBundle

/// Dense landmarks and pixels of one labelled picture.
struct MeasuredFace: Sendable {
    let label: LabelledFace
    /// `[468]`: x, y in pixels of the picture, z in pixels, away from the camera.
    let points: [SIMD3<Float>]
    /// RGB planes, `[3, side, side]`.
    let pixels: [UInt8]
    let side: Int
    let score: Float
}

/// Reads pictures of one upright face that nearly fills them, and finds its 468 landmarks. Thread-bound.
public final class FaceMeasurement {
    private let network: Network
    private let pointOutput: Int
    private let scoreOutput: Int?
    private let sampler = CropSampler(maximumSize: 256)

    public init(_ graph: Graph) throws {
        guard let name = graph.inputs.first?.name else { throw FaceModellingError("the landmark model has no input") }
        network = try Network(graph, inputs: [name: .shape([1, 3, 192, 192])])
        guard let points = network.outputs.firstIndex(where: { $0.count == 3 * 468 }) else {
            throw FaceModellingError("the landmark model has no output of 468 points in 3-D")
        }
        pointOutput = points
        scoreOutput = network.outputs.firstIndex { $0.count == 1 }
    }

    /// `nil` where the picture is not square, not decodable or holds no face.
    func measure(_ label: LabelledFace) throws -> MeasuredFace? {
        guard let picture = try? PictureReader.read(label.path), picture.frame.width == picture.frame.height, (64...256).contains(picture.frame.width) else { return nil }
        let side = picture.frame.width
        var pixels = [UInt8](repeating: 0, count: 3 * side * side)
        var span = pixels.mutableSpan
        sampler.writeRGB(picture.frame, CropTransform(a: 1, b: 0, tx: 0, ty: 0), width: side, height: side, into: &span)
        // The network wants half a face of air around; beyond the picture its edge goes on.
        let step = Float(side) * (160.0 / 112) / 192, start = -Float(side) * (24.0 / 112) + step / 2 - 0.5
        let size = 192
        network.withInput(0, as: Float.self) { input in
            for y in 0..<size {
                for x in 0..<size {
                    let fx = min(max(start + step * Float(x), 0), Float(side - 1)), fy = min(max(start + step * Float(y), 0), Float(side - 1))
                    for c in 0..<3 { input[(c * size + y) * size + x] = Self.sample(pixels, side, c, fx, fy) / 255 }
                }
            }
        }
        try network.run()
        let logit = scoreOutput.map { network.withOutput($0, as: Float.self) { $0[0] } } ?? 10
        // 0.9 as a probability.
        guard logit > 2.2 else { return nil }
        let points = network.withOutput(pointOutput, as: Float.self) { values in
            (0..<468).map { SIMD3(start + step * values[3 * $0], start + step * values[3 * $0 + 1], step * values[3 * $0 + 2]) }
        }
        return MeasuredFace(label: label, points: points, pixels: pixels, side: side, score: logit)
    }

    /// Bilinear, 0…255.
    static func sample(_ pixels: [UInt8], _ side: Int, _ channel: Int, _ x: Float, _ y: Float) -> Float {
        let x = min(max(x, 0), Float(side - 1)), y = min(max(y, 0), Float(side - 1))
        let i = Int(x), j = Int(y), k = min(i + 1, side - 1), l = min(j + 1, side - 1)
        let base = channel * side * side
        let a = Float(pixels[base + j * side + i]), b = Float(pixels[base + j * side + k]), c = Float(pixels[base + l * side + i]), d = Float(pixels[base + l * side + k])
        let s = x - Float(i), t = y - Float(j)
        return (a + (b - a) * s) * (1 - t) + (c + (d - c) * s) * t
    }
}
