import FrontEnd
import MediaTypes
import Recognition

/// The embedding of the one face in a still picture, as enrolment stores it. Thread-bound.
final class PictureEmbedder {
    private let detector: FaceDetector
    private let encoder: FaceEncoder
    private let sampler = CropSampler(maximumSize: 192)

    init(detector: FaceDetector, encoder: FaceEncoder) {
        self.detector = detector
        self.encoder = encoder
    }

    /// - Parameters:
    ///   - name: what errors call the picture.
    ///   - choice: only ``FaceChoice/largest`` decides between several faces; a picture has no time to speak in.
    func embed(_ frame: VideoFrame, name: String, choice: FaceChoice) throws -> (values: [Float], quality: Float) {
        let faces = try detector.detect(frame).filter { $0.box.height >= FaceQuality.smallestFace }
        guard let face = faces.max(by: { $0.box.area < $1.box.area }) else { throw EmbeddingAbsence(name, .noFace, "no face found") }
        // A face in the background is not a second candidate.
        let rivals = faces.count { $0.box.area > 0.25 * face.box.area }
        guard rivals == 1 || choice == .largest else {
            throw EmbeddingAbsence(name, .severalFaces, "\(rivals) faces found; choose with --face largest")
        }
        guard encoder.cut(frame, face.landmarks, with: sampler) else {
            throw EmbeddingAbsence(name, .noFace, "a face was found whose eyes, nose and mouth cannot be aligned")
        }
        var embedding = [Float](repeating: 0, count: encoder.dimension)
        try encoder.encode(into: &embedding)
        let quality = FaceQuality.quality(
            pixels: face.box.height, sharpness: encoder.sharpness, yaw: (try? HeadPose(face.landmarks))?.yaw ?? 0, pitch: 0,
            detection: face.score)
        return (embedding, quality)
    }
}
