public import FrontEnd
public import MediaTypes

/// The probability of speech along a stream of sound. Keeps the newest seconds of answers; thread-bound.
public protocol VoiceActivityDetector: AnyObject {
    /// Takes samples of the stream.
    /// - Parameter features: log-mel frames of the stream that end with these samples, where recognition has them.
    func append(_ samples: Span<Float>, features: LogMel?) throws(RecognitionError)

    /// Answers for what waited for more, which does not come.
    func finish() throws(RecognitionError)

    /// Probability of speech, 0…1, in the moment that holds this sample of the stream; 0 before the kept answers, `nil` where it is not known yet.
    func probability(at position: SamplePosition) -> Float?

    /// Forgets everything, for a stream that does not continue.
    func reset()
}
