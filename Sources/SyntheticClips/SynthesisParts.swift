public import Articulation
public import SyntheticFaces
public import SyntheticVoices

/// What every clip is made with: models and the speech synthesizer. Thread-safe; speech is made by one thread at a time.
public struct SynthesisParts: Sendable {
    public let face: FaceModel
    public let mouth: MouthModel
    public let speech: SpeechSynthesizer

    public init(face: FaceModel, mouth: MouthModel, speech: SpeechSynthesizer) {
        self.face = face
        self.mouth = mouth
        self.speech = speech
    }
}
