import MediaTypes

/// How much one picture of a face says about who it is, 0…1: the product of what size, sharpness, pose and the detector leave of it.
///
/// A weight for averaging embeddings, not a probability.
public enum FaceQuality {
    /// Faces lower than this many pixels are not compared at all.
    public static let smallestFace: Float = 20
    /// From this height on, size takes nothing away.
    static let fullSize: Float = 90

    /// - Parameters:
    ///   - pixels: height of the face's box.
    ///   - sharpness: variance of the Laplacian of the aligned grey crop, or `nil` where it was not measured.
    ///   - yaw: degrees.
    public static func quality(pixels: Float, sharpness: Float?, yaw: Float, pitch: Float, detection: Float) -> Float {
        guard pixels >= smallestFace else { return 0 }
        let size = min(1, 0.2 + 0.8 * (pixels - smallestFace) / (fullSize - smallestFace))
        let sharp = sharpness.map { min(1, max(0.15, $0.squareRoot() / 12)) } ?? 1
        let turned = max(0, 1 - max(0, abs(yaw) - 20) / 60) * max(0.2, 1 - max(0, abs(pitch) - 20) / 60)
        return size * sharp * turned * min(max(detection, 0), 1)
    }
}
