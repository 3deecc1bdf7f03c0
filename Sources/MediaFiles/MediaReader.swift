import CFFmpeg
import MediaTypes

/// One thing that a clip shows or sounds.
public enum MediaItem {
    /// Valid until the next `.video` item: the reader refills the same frame.
    case video(VideoFrame)
    /// 16 kHz mono. Its storage is reused if the consumer has let go of it before the next call.
    case audio(AudioBlock)
}

/// Reads a clip or sound file: upright pictures with their own presentation times, and its sound at 16 kHz mono, in one order.
///
/// **Time line.** Zero is the earliest instant that the file presents: of its first picture or its first sample, whichever is
/// earlier (encoder delay and edit lists already applied). Where damage hides the beginning of a stream, the start that its
/// container declares counts. The distance between sound and picture is the file's own, always.
///
/// **Order.** Items come by start instant, and sound first where both are equal. So when a frame at instant t arrives, every
/// sample up to t that the file has was delivered before it, and at most one block (20 ms) beyond t. The order depends on the
/// file's contents only, not on its interleaving.
///
/// **Pictures.** Every frame has the size of the first picture, upright: quarter turns and mirroring that the container asks for
/// are applied to the pixels. Where the size changes within the stream, later pictures are scaled to the first size. Times grow
/// strictly.
///
/// **Sound.** Blocks of 320 samples (20 ms), resampled by libswresample; channels are averaged without clipping. A block is
/// shorter where a run of samples ends, and `isDiscontinuity` marks the first block after a loss.
///
/// **Damage.** What does not decode is stepped over and reported in ``damage``, at most 64 entries, all counted.
///
/// Memory does not grow with the length of the clip, whatever its interleaving, but for the index that a container keeps (mp4:
/// about 30 bytes a packet). Thread-bound.
@safe public final class MediaReader {
    public struct Options: Sendable {
        /// Threads of the video decoder; 1 decodes on the caller's thread.
        public var decoderThreads = 1
        /// Pictures of more pixels are refused.
        public var mostPixels = 7680 * 4320
        public var readsVideo = true
        public var readsAudio = true
        /// Of the sound that is delivered: only an encoder of this module wants another than the project's.
        var soundRate = AudioFormat.sampleRate
        var soundChannels = 1
        /// Container time of zero where another reader has settled it, in nanoseconds.
        var origin: Int64?

        public init() {}
    }

    public let path: String
    public let streams: MediaStreams
    private let damageLog = DamageLog()
    private let video: VideoTrack?
    private let audio: SoundTrack?
    private let converter: PictureConverter?
    private let frame: VideoFrame?
    /// Container time of zero on the clip's time line, in nanoseconds.
    let origin: Int64

    /// Opens a file and decodes its first picture and block of sound.
    ///
    /// - Throws: ``MediaError`` where it cannot be opened, is no media, or nothing in it decodes.
    public init(path: String, options: Options = Options()) throws(MediaError) {
        self.path = path
        let demuxer = try Demuxer(path: path, damage: damageLog)
        let chosen = try SelectedStreams(demuxer, options: options, damage: damageLog)
        var video = chosen.video, audio = chosen.audio
        video?.advance()
        audio?.advance()
        var converter: PictureConverter?
        var frame: VideoFrame?
        if let track = video, track.waiting != nil {
            let made = PictureConverter(like: track.picture, orientation: chosen.orientation(track, demuxer))
            guard made.width * made.height <= options.mostPixels, max(made.width, made.height) <= 16384 else {
                throw .pictureTooLarge(path: path, width: made.width, height: made.height, limit: options.mostPixels)
            }
            converter = made
            frame = VideoFrame(width: made.width, height: made.height)
        } else {
            video = nil
        }
        if audio?.isBlockWaiting != true { audio = nil }
        guard video != nil || audio != nil else { throw chosen.failure(demuxer, damageLog) }

        var starts: [Int64] = []
        if let video, let first = video.waiting { starts.append(chosen.start(first, of: video.decoder, demuxer, damageLog)) }
        if let audio { starts.append(chosen.start(audio.block.start.nanoseconds, of: audio.decoder, demuxer, damageLog)) }
        let origin = options.origin ?? starts.min() ?? 0
        self.origin = origin
        damageLog.origin = origin
        self.video = video
        self.audio = audio
        self.converter = converter
        self.frame = frame
        streams = MediaStreams(
            video: video.flatMap { track in converter.map { chosen.describe(track, $0, demuxer, origin: origin) } },
            audio: audio.map { chosen.describe($0, demuxer, origin: origin) }, container: demuxer.formatName,
            duration: demuxer.duration.map(TimeSpan.init(nanoseconds:)), creationTime: demuxer.metadata("creation_time"))
    }

    /// A second reader of the same file's sound, on the same time line. Blocks of several channels are interleaved.
    func soundAlone(rate: Int, channels: Int) throws(MediaError) -> MediaReader {
        var options = Options()
        options.readsVideo = false
        options.soundRate = rate
        options.soundChannels = channels
        options.origin = origin
        return try MediaReader(path: path, options: options)
    }

    /// The first damages met so far, at most 64.
    public var damage: [MediaDamage] { damageLog.entries }
    /// All damages met so far.
    public var damageCount: Int { damageLog.count }

    /// The next picture or block of sound, or nil at the end of the file.
    public func next() -> MediaItem? {
        while true {
            video?.advance()
            audio?.advance()
            let pictureTime = video?.waiting
            if let audio, audio.isBlockWaiting, pictureTime.map({ audio.block.start.nanoseconds <= $0 }) ?? true {
                var block = audio.take()
                block.start = Instant(nanoseconds: block.start.nanoseconds - origin)
                return .audio(block)
            }
            guard let video, let pictureTime, let converter, let frame else { return nil }
            let isConverted = converter.convert(video.picture, into: frame)
            video.take()
            guard isConverted else {
                damageLog.report(.video, nanoseconds: pictureTime, detail: "a pixel format that cannot be converted")
                continue
            }
            frame.instant = Instant(nanoseconds: pictureTime - origin)
            return .video(frame)
        }
    }
}
