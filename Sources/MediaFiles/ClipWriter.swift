import CFFmpeg
import MediaTypes

/// Writes a clip: pictures at their own times, with sound or none. An mp4 of H.264 (MPEG-4 part 2 where FFmpeg has no x264) and AAC, unless the
/// options say otherwise.
///
/// The clip's time line is the frames': a first picture later than zero starts the clip with a gap, and sound begins at zero,
/// with silence where there is none. Times are kept to 1/60 000 s, in Matroska and WebM to
/// 1/1000 s, in AVI and MPEG-2 to a frame. The file appears under its name when ``finish()`` has
/// returned; until then it is written beside, and removed where the writer is given up. Thread-bound.
@safe public final class ClipWriter {
    public enum Sound {
        case none
        /// 16 kHz mono, given to ``append(_:)-(AudioBlock)`` in order.
        case blocks
        /// The sound of the clip that this reader reads, at its own rate, on the same time line: what was played, whatever was
        /// made of it. Damage in it becomes silence.
        case original(MediaReader)
    }

    public struct Options: Sendable {
        /// Constant quality, where there is no bit rate: 0 (best) … 51, as H.264 counts; other codecs get what is about as good.
        public var quality = 23
        /// Pictures a second that the encoder plans for; their own times decide.
        public var nominalRate = 25.0
        public var encoderThreads = 1
        public var format = ClipFormat()
        /// Where no sound is given there is none in the file either, instead of silence.
        public var keepsSoundGaps = false

        public init() {}
    }

    public let path: String
    private let muxer: Muxer
    private let video: VideoEncoder
    private let audio: SoundEncoder?
    /// Where the original sound comes from.
    private let original: MediaReader?

    /// - Throws: ``MediaError`` where the file cannot be created or an encoder is missing.
    public init(path: String, width: Int, height: Int, sound: Sound = .none, options: Options = Options()) throws(MediaError) {
        self.path = path
        muxer = try Muxer(path: path, container: options.format.container)
        video = try VideoEncoder(muxer, width: width, height: height, options: options)
        switch sound {
        case .none:
            audio = nil
            original = nil
        case .blocks:
            audio = try SoundEncoder(muxer, rate: AudioFormat.sampleRate, channels: 1, format: options.format, keepsGaps: options.keepsSoundGaps)
            original = nil
        case .original(let reader):
            if let format = reader.streams.audio {
                let rate = SoundEncoder.rate(near: format.sourceRate), channels = min(2, max(1, format.channels))
                original = try reader.soundAlone(rate: rate, channels: channels)
                audio = try SoundEncoder(muxer, rate: rate, channels: channels, format: options.format)
            } else {
                audio = nil
                original = nil
            }
        }
        try muxer.start()
    }

    /// Adds a picture. Its time must lie after the one before; one that does not is moved to the next 1/60 000 s.
    /// - Precondition: the frame has the size given to the initializer.
    public func append(_ frame: VideoFrame) throws(MediaError) {
        try copyOriginalSound(until: frame.instant)
        try video.encode(frame)
    }

    /// Adds sound. What lies before the end of the sound so far is dropped, a gap is filled with silence.
    /// - Precondition: the writer was made with ``Sound/blocks``.
    public func append(_ block: AudioBlock) throws(MediaError) {
        guard let audio, original == nil else { preconditionFailure("the writer was not made for blocks of sound") }
        try audio.encode(block)
    }

    /// Writes what is left and gives the file its name.
    public func finish() throws(MediaError) {
        try copyOriginalSound(until: nil)
        try video.finish()
        try audio?.finish()
        try muxer.finish()
    }

    private var soundEnd = Instant(nanoseconds: .min)

    private func copyOriginalSound(until instant: Instant?) throws(MediaError) {
        guard let original, let audio else { return }
        while instant.map({ soundEnd <= $0 }) ?? true, case .audio(let block)? = original.next() {
            try audio.encode(block)
            soundEnd = block.start
        }
    }
}
