/// Whose speech was heard.
public enum SpeechOwner: Hashable, Sendable {
    /// The one visible face that spoke.
    case face(TrackID)
    /// No visible face spoke.
    case offScreen
    /// Several did, or it is not clear.
    case contested
}

/// Receives who speaks when, on ``SpeakingGrid``; the preparation of data cuts sound by it.
public protocol SpeechCollector: AnyObject {
    /// How much more likely than not (log odds) a face is the one that speaks, as the network says.
    func collectSpeaking(_ track: TrackID, gridFrame: Int, logOdds: Float)
    /// Speech was heard in a grid frame. In grid frames that are not named there was none.
    /// - Parameter signalToNoise: of speech to noise in dB, where it is known.
    func collectSpeech(_ owner: SpeechOwner, gridFrame: Int, signalToNoise: Float?)
}
