import MediaTypes
import Recognition

/// Who spoke when in one clip, as recognition found it.
final class SpeechRecord: SpeechCollector {
    /// Log odds of speaking by grid frame, for each face.
    private(set) var logOdds: [TrackID: [Int: Float]] = [:]
    /// Whose speech was heard, by grid frame; none where there was none.
    private(set) var speech: [Int: SpeechOwner] = [:]
    private var ratios: [Int: Float] = [:]

    func collectSpeaking(_ track: TrackID, gridFrame: Int, logOdds value: Float) { logOdds[track, default: [:]][gridFrame] = value }

    func collectSpeech(_ owner: SpeechOwner, gridFrame: Int, signalToNoise: Float?) {
        speech[gridFrame] = owner
        if let signalToNoise { ratios[gridFrame] = signalToNoise }
    }

    /// Mean of the ratio of speech to noise in dB over grid frames with speech; NaN where it is not known.
    func signalToNoise(_ gridFrames: Range<Int>) -> Float {
        let known = gridFrames.compactMap { ratios[$0] }
        return known.isEmpty ? .nan : known.reduce(0, +) / Float(known.count)
    }

    /// Seconds credited to any of these faces.
    func seconds(_ tracks: [TrackID]) -> Double {
        Double(speech.values.count { if case .face(let track) = $0 { tracks.contains(track) } else { false } }) * SpeakingGrid.span.seconds
    }
}
