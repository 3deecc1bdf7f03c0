import FrontEnd
import MediaTypes
import Recognition

/// Cuts the crops that shards hold, as the agent's networks get them. Buffers are reused; thread-bound.
final class FaceCutter {
    enum Outcome {
        case taken([UInt8], quality: [Float])
        case refused(RefusalReason)
    }

    private let sampler = CropSampler(maximumSize: 192)
    private let speakingFaceContract = FrontEndContract.lrASD.picture

    /// An aligned face with its quality.
    func face(
        _ frame: VideoFrame, box: BoundingBox, landmarks: FaceLandmarks, detection: Float, _ settings: PrepareSettings
    ) -> Outcome {
        guard box.height >= settings.smallestFace else { return .refused(.tooSmall) }
        guard let transform = try? CropTransform(aligning: landmarks), let pose = try? HeadPose(landmarks) else { return .refused(.tooSmall) }
        let crop = rgb(frame, transform)
        let sharpness = Self.sharpness(crop)
        guard sharpness >= settings.leastSharpness else { return .refused(.tooBlurred) }
        // The agent takes pitch from dense landmarks, which five points do not replace: it does not count here.
        let quality = FaceQuality.quality(pixels: box.height, sharpness: sharpness, yaw: pose.yaw, pitch: 0, detection: detection)
        return .taken(crop, quality: [quality, sharpness, pose.yaw, pose.pitch, pose.roll, box.height, detection])
    }

    /// A picture that is an aligned face already.
    func aligned(_ frame: VideoFrame, _ settings: PrepareSettings) -> Outcome {
        let crop = rgb(frame, CropTransform(a: 1, b: 0, tx: 0, ty: 0))
        let sharpness = Self.sharpness(crop)
        guard sharpness >= settings.leastSharpness else { return .refused(.tooBlurred) }
        let height = Float(SampleColumns.faceSide)
        return .taken(crop, quality: [FaceQuality.quality(pixels: height, sharpness: sharpness, yaw: 0, pitch: 0, detection: 1), sharpness, .nan, .nan, .nan, height, .nan])
    }

    func lips(_ frame: VideoFrame, _ landmarks: FaceLandmarks) -> [UInt8] {
        let side = SampleColumns.mouthSide
        guard let transform = try? CropTransform(mouthOf: landmarks, widthScale: SampleColumns.mouthScale, size: side) else {
            return [UInt8](repeating: 0, count: side * side)
        }
        return grey(frame, transform, side, border: SampleColumns.mouthContract.border)
    }

    func speakingFace(_ frame: VideoFrame, _ box: BoundingBox) -> [UInt8] {
        guard let contract = speakingFaceContract, case .uprightSquare(let scale) = contract.geometry,
            let transform = try? CropTransform(levelSquareAround: box, eyes: nil, boxScale: scale, size: contract.width)
        else { return [UInt8](repeating: 0, count: (speakingFaceContract?.width ?? 0) * (speakingFaceContract?.height ?? 0)) }
        return grey(frame, transform, contract.width, border: contract.border)
    }

    private func rgb(_ frame: VideoFrame, _ transform: CropTransform) -> [UInt8] {
        let side = SampleColumns.faceSide
        var crop = [UInt8](repeating: 0, count: 3 * side * side)
        var span = crop.mutableSpan
        sampler.writeRGB(frame, transform, width: side, height: side, border: SampleColumns.faceContract.border, into: &span)
        return crop
    }

    private func grey(_ frame: VideoFrame, _ transform: CropTransform, _ side: Int, border: Float) -> [UInt8] {
        var crop = [UInt8](repeating: 0, count: side * side)
        var span = crop.mutableSpan
        sampler.writeGrey(frame, transform, width: side, height: side, border: border, into: &span)
        return crop
    }

    /// Of the green plane, as recognition measures it.
    private static func sharpness(_ crop: [UInt8]) -> Float {
        let size = SampleColumns.faceSide * SampleColumns.faceSide
        return CropQuality(of: crop.span.extracting(size..<2 * size), width: SampleColumns.faceSide, height: SampleColumns.faceSide).sharpness
    }
}
