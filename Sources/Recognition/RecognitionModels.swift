/// The networks that recognition runs, one a role. What is `nil` is a role that the bundle does not have.
public struct RecognitionModels {
    public var faceDetector: FaceDetector?
    public var denseLandmarker: DenseLandmarker?
    public var faceEncoder: FaceEncoder?
    public var voiceEncoder: VoiceEncoder?
    public var voiceActivity: (any VoiceActivityDetector)?
    public var speakingFace: (any SpeakingFaceScorer)?

    public init(
        faceDetector: FaceDetector? = nil, denseLandmarker: DenseLandmarker? = nil, faceEncoder: FaceEncoder? = nil,
        voiceEncoder: VoiceEncoder? = nil, voiceActivity: (any VoiceActivityDetector)? = nil,
        speakingFace: (any SpeakingFaceScorer)? = nil
    ) {
        self.faceDetector = faceDetector
        self.denseLandmarker = denseLandmarker
        self.faceEncoder = faceEncoder
        self.voiceEncoder = voiceEncoder
        self.voiceActivity = voiceActivity
        self.speakingFace = speakingFace
    }

    /// Forgets what the networks have seen and heard, so that another recognizer can have them.
    public func reset() {
        voiceActivity?.reset()
        speakingFace?.reset()
    }
}
