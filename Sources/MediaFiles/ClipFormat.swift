import CFFmpeg

/// How a clip is written: container, codecs and how much room they have.
public struct ClipFormat: Hashable, Sendable {
    public enum Container: String, Hashable, Sendable, CaseIterable {
        case mp4, mov, mkv, webm, avi, ts

        /// FFmpeg's name.
        var muxer: String {
            switch self {
            case .mkv: "matroska"
            case .ts: "mpegts"
            default: rawValue
            }
        }
    }

    public enum VideoCodec: String, Hashable, Sendable, CaseIterable {
        case h264, h265, mpeg4, mpeg2, mjpeg, vp8, vp9, av1, ffv1, theora

        var encoders: [String] {
            switch self {
            case .h264: ["libx264"]
            case .h265: ["libx265"]
            case .mpeg2: ["mpeg2video"]
            case .vp8: ["libvpx"]
            case .vp9: ["libvpx-vp9"]
            case .av1: ["libsvtav1", "libaom-av1"]
            case .theora: ["libtheora"]
            default: [rawValue]
            }
        }
    }

    public enum SoundCodec: String, Hashable, Sendable, CaseIterable {
        case aac, mp3, opus, vorbis, flac, pcm

        var encoders: [String] {
            switch self {
            case .mp3: ["libmp3lame"]
            case .opus: ["libopus"]
            case .vorbis: ["libvorbis"]
            case .pcm: ["pcm_s16le"]
            default: [rawValue]
            }
        }
    }

    public var container = Container.mp4
    /// `nil`: H.264, or MPEG-4 part 2 where FFmpeg has no x264.
    public var video: VideoCodec?
    public var sound = SoundCodec.aac
    /// Bits a second; `nil`: constant quality.
    public var videoBitRate: Int?
    /// Bits a second; `nil`: what is usual.
    public var soundBitRate: Int?

    public init() {}

    /// The one that a file name's ending says, with the codecs usual in it.
    public init?(endingOf path: String) {
        guard let dot = path.lastIndex(of: "."), let container = Container(rawValue: path[path.index(after: dot)...].lowercased()) else { return nil }
        self.init()
        self.container = container
        switch container {
        case .webm: (video, sound) = (.vp8, .opus)
        case .avi: (video, sound) = (.mpeg4, .mp3)
        default: break
        }
    }

    public enum Part: Sendable { case video, sound }

    /// What this FFmpeg cannot write: which part, and why.
    public var impossibility: (part: Part, reason: String)? {
        for (part, name, encoders) in [(Part.video, video?.rawValue ?? "h264", videoEncoders), (.sound, sound.rawValue, sound.encoders)] {
            guard let encoder = unsafe Self.encoder(encoders) else { return (part, "this build of FFmpeg has no encoder for \(name)") }
            guard let format = unsafe av_guess_format(container.muxer, nil, nil) else { return (.video, "this build of FFmpeg cannot write \(container.rawValue)") }
            // 1 for yes, 0 for no; anything else says that it does not know, as some muxers do.
            guard unsafe avformat_query_codec(format, encoder.pointee.id, Int32(FF_COMPLIANCE_NORMAL)) != 0 else { return (part, "\(name) cannot be stored in \(container.rawValue)") }
        }
        return nil
    }

    var videoEncoders: [String] { video?.encoders ?? ["libx264", "mpeg4"] }

    static func encoder(_ names: [String]) -> UnsafePointer<AVCodec>? {
        for name in names { if let encoder = unsafe avcodec_find_encoder_by_name(name) { return unsafe encoder } }
        return nil
    }
}
