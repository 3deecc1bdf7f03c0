public import FrontEnd
public import MediaTypes

/// The 25-a-second grid on which faces and sound are compared. Grid frame k begins at k · 40 ms of the media time line.
public enum SpeakingGrid {
    public static let span = TimeSpan.milliseconds(40)

    /// The last grid frame that a picture taken at this instant can stand for: the nearest one.
    public static func index(at instant: Instant) -> Int {
        Int((Double(instant.nanoseconds + span.nanoseconds / 2) / Double(span.nanoseconds)).rounded(.down))
    }

    public static func instant(_ index: Int) -> Instant { Instant(nanoseconds: Int64(index) * span.nanoseconds) }
}

/// Decides for each tracked face whether it is the one that is heard.
///
/// Two kinds fit behind this: an active-speaker network, which reads faces and sound together, and a two-stream network,
/// which embeds mouth and sound apart and compares them. The caller feeds each face's crops on ``SpeakingGrid``, in order and without
/// gaps, and asks for what can be answered. Thread-bound.
public protocol SpeakingFaceScorer: AnyObject {
    /// Side of a crop in pixels.
    var cropSize: Int { get }
    /// Grey level 0…255 of what lies outside the frame.
    var border: Float { get }
    /// How far behind the newest crop the answers are.
    var latency: TimeSpan { get }

    /// Where a face's crop lies in the frame; `nil` where box or landmarks are no face's.
    func crop(box: BoundingBox, landmarks: FaceLandmarks) -> CropTransform?

    /// Begins a face whose first crop belongs to this grid frame.
    /// - Returns: its slot, or `nil` where all are taken.
    func open(at gridFrame: Int) -> Int?
    func close(_ slot: Int)
    /// Closes every face and forgets the sound, for a stream that does not continue.
    func reset()

    /// Takes the next crop of a face: grey, `[cropSize, cropSize]`, 0…255.
    func append(_ crop: Span<UInt8>, to slot: Int) throws(RecognitionError)

    /// Answers every grid frame that can be answered now.
    /// - Parameters:
    ///   - flush: also those that would be answered better with what follows; nothing follows.
    ///   - body: slot, grid frame, and how much more likely than not (log odds) the face is the one that speaks.
    func score(_ sound: SoundStream, flush: Bool, _ body: (Int, Int, Float) -> Void) throws(RecognitionError)

    /// How much later sound is than picture, over all faces that were seen to speak; negative where it is earlier, `nil` where it is not known.
    var soundOffset: TimeSpan? { get }
}

extension SpeakingFaceScorer {
    public var soundOffset: TimeSpan? { nil }
}
