import CFFmpeg
import MediaTypes

/// The streams of a file that are read, with their decoders: at most one of pictures and one of sound.
struct SelectedStreams {
    private(set) var video: VideoTrack?
    private(set) var audio: SoundTrack?
    /// Codecs of streams that have no decoder.
    private var undecoded: [String] = []

    init(_ demuxer: Demuxer, options: MediaReader.Options, damage: DamageLog) throws(MediaError) {
        let videoIndex = options.readsVideo ? demuxer.bestStream(AVMEDIA_TYPE_VIDEO) : nil
        let audioIndex = options.readsAudio ? demuxer.bestStream(AVMEDIA_TYPE_AUDIO) : nil
        let feed = PacketFeed(demuxer, videoIndex, audioIndex)
        if let videoIndex {
            let stream = unsafe demuxer.stream(videoIndex)
            try unsafe SelectedStreams.checkSize(stream, demuxer.path, options.mostPixels)
            if let decoder = unsafe StreamDecoder(
                stream, feed: feed, damage: damage, threads: options.decoderThreads, mostPixels: options.mostPixels)
            {
                video = VideoTrack(
                    decoder, nominalRate: unsafe SelectedStreams.rate(stream), latest: SelectedStreams.end(demuxer), damage: damage)
            } else {
                unsafe reportMissingDecoder(stream, damage)
            }
        }
        if let audioIndex {
            let stream = unsafe demuxer.stream(audioIndex)
            if let decoder = unsafe StreamDecoder(stream, feed: feed, damage: damage, threads: 1, mostPixels: options.mostPixels) {
                audio = SoundTrack(decoder, rate: options.soundRate, channels: options.soundChannels, damage: damage)
            } else {
                unsafe reportMissingDecoder(stream, damage)
            }
        }
    }

    private mutating func reportMissingDecoder(_ stream: UnsafeMutablePointer<AVStream>, _ damage: DamageLog) {
        let codec = unsafe SelectedStreams.codecName(stream)
        undecoded.append(codec)
        damage.report(.unsupportedCodec, detail: "no decoder for '\(codec)'")
    }

    private static func checkSize(_ stream: UnsafeMutablePointer<AVStream>, _ path: String, _ limit: Int) throws(MediaError) {
        let width = unsafe Int(stream.pointee.codecpar.pointee.width), height = unsafe Int(stream.pointee.codecpar.pointee.height)
        guard width <= 0 || height <= 0 || width * height <= limit && max(width, height) <= 16384 else {
            throw .pictureTooLarge(path: path, width: width, height: height, limit: limit)
        }
    }

    private static func codecName(_ stream: UnsafeMutablePointer<AVStream>) -> String {
        unsafe String(cString: avcodec_get_name(stream.pointee.codecpar.pointee.codec_id))
    }

    private static func rate(_ stream: UnsafeMutablePointer<AVStream>) -> Double? {
        let rate = unsafe stream.pointee.avg_frame_rate
        guard rate.num > 0, rate.den > 0 else { return nil }
        let value = Double(rate.num) / Double(rate.den)
        return (0.01...1000).contains(value) ? value : nil
    }

    /// The container's declared end, in nanoseconds of its own times.
    private static func end(_ demuxer: Demuxer) -> Int64? {
        guard let duration = demuxer.duration else { return nil }
        return demuxer.declaredStart + duration
    }

    /// That the first picture or its stream asks for.
    func orientation(_ track: VideoTrack, _ demuxer: Demuxer) -> Orientation {
        if let data = unsafe av_frame_get_side_data(track.picture.pointer, AV_FRAME_DATA_DISPLAYMATRIX),
            unsafe data.pointee.size >= 9 * MemoryLayout<Int32>.stride
        {
            return unsafe UnsafeRawPointer(data.pointee.data).withMemoryRebound(to: Int32.self, capacity: 9) { unsafe Orientation(displayMatrix: $0) }
        }
        return unsafe fwoc_stream_display_matrix(demuxer.stream(track.decoder.index)).map { unsafe Orientation(displayMatrix: $0) } ?? .upright
    }

    /// The container time at which a stream starts whose first decoded item lies at `first`: where damage may have hidden what
    /// comes before it, the start that the container declares, if that is at most ten seconds earlier.
    func start(_ first: Int64, of decoder: StreamDecoder, _ demuxer: Demuxer, _ damage: DamageLog) -> Int64 {
        guard damage.count > 0, let declared = unsafe decoder.nanoseconds(demuxer.stream(decoder.index).pointee.start_time),
            declared < first, first - declared <= 10_000_000_000
        else { return first }
        return declared
    }

    /// Why neither stream gave anything.
    func failure(_ demuxer: Demuxer, _ damage: DamageLog) -> MediaError {
        if let codec = undecoded.first { return .unsupportedCodec(path: demuxer.path, codec: codec) }
        if let first = damage.entries.first { return .nothingDecodes(path: demuxer.path, detail: first.description) }
        return .nothingDecodes(path: demuxer.path, detail: "it holds no stream of pictures or sound with data")
    }

    func describe(_ track: VideoTrack, _ converter: PictureConverter, _ demuxer: Demuxer, origin: Int64) -> MediaStreams.Video {
        let stream = unsafe demuxer.stream(track.decoder.index)
        let aspect = unsafe av_guess_sample_aspect_ratio(nil, stream, track.picture.pointer)
        return unsafe MediaStreams.Video(
            codec: SelectedStreams.codecName(stream), width: converter.width, height: converter.height,
            rotation: converter.orientation.degreesClockwise,
            pixelAspect: aspect.num > 0 && aspect.den > 0 ? Double(aspect.num) / Double(aspect.den) : 1,
            nominalRate: SelectedStreams.rate(stream),
            duration: track.decoder.nanoseconds(stream.pointee.duration).map(TimeSpan.init(nanoseconds:)),
            start: Instant(nanoseconds: (track.waiting ?? origin) - origin))
    }

    func describe(_ track: SoundTrack, _ demuxer: Demuxer, origin: Int64) -> MediaStreams.Audio {
        let stream = unsafe demuxer.stream(track.decoder.index)
        return unsafe MediaStreams.Audio(
            codec: SelectedStreams.codecName(stream), sourceRate: track.sourceRate, channels: track.sourceChannels,
            duration: track.decoder.nanoseconds(stream.pointee.duration).map(TimeSpan.init(nanoseconds:)),
            start: Instant(nanoseconds: track.block.start.nanoseconds - origin))
    }
}
