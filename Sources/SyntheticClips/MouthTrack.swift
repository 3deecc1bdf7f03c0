import Articulation
import SyntheticFaces
import SyntheticVoices

/// The mouth through one utterance.
struct MouthTrack {
    /// Poses a second; finer than any frame rate that people are filmed with.
    static let rate = 50.0
    /// How much wider the lips are drawn apart than the model says: landmarks find less of it again in pictures, and people in clips pause. With it, what is found varies
    /// within a clip as much as real mouths do.
    private static let gain: Float = 1.5

    private let poses: [MouthPose]

    init(_ utterance: Utterance, model: MouthModel, seed: UInt64) throws {
        poses = try model.mouths(for: utterance.samples, phonemes: utterance.phonemes, frameRate: Self.rate, seed: seed).map {
            MouthPose(opening: min(0.35, Self.gain * $0.opening), width: $0.width, tongue: $0.tongue)
        }
    }

    /// - Parameter time: seconds from the utterance's beginning; before it and after it the mouth goes to rest within 0.1 s.
    func at(_ time: Double) -> MouthPose {
        guard !poses.isEmpty else { return MouthPose() }
        let end = Double(poses.count - 1) / Self.rate
        let rest = Float(max(0, min(1, 1 - max(-time, time - end) / 0.1)))
        let place = max(0, min(Double(poses.count - 1), time * Self.rate))
        let index = Int(place), t = Float(place - Double(index))
        let (a, b) = (poses[index], poses[min(poses.count - 1, index + 1)])
        return MouthPose(opening: rest * (a.opening + (b.opening - a.opening) * t), width: rest * (a.width + (b.width - a.width) * t), tongue: rest * (a.tongue + (b.tongue - a.tongue) * t))
    }
}
