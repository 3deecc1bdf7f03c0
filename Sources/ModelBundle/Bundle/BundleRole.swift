/// What a network of a bundle is for. The raw value is its key in `bundle.yaml`.
public enum BundleRole: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case faceDetector = "face-detector"
    case faceLandmarks = "face-landmarks"
    case faceEncoder = "face-encoder"
    case voiceEncoder = "voice-encoder"
    case voiceActivity = "voice-activity"
    case speakingFace = "speaking-face"
    case syncVideo = "sync-video"
    case syncAudio = "sync-audio"
    case fuser

    public var description: String { rawValue }

    /// Whether the role gives embeddings that a gallery keeps.
    public var isEncoder: Bool { self == .faceEncoder || self == .voiceEncoder || self == .fuser }
}
