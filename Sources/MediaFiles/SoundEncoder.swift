import CFFmpeg
import MediaTypes

/// Encodes sound, from the clip's zero on: silence stands where none is given, or nothing. Thread-bound.
@safe final class SoundEncoder {
    private let rate: Int
    private let channels: Int
    private let codec: Codec
    private let muxer: Muxer
    private let stream: UnsafeMutablePointer<AVStream>
    private let frame = Frame()
    private let packet = Packet()
    private let frameLength: Int
    private let sampleFormat: AVSampleFormat
    private let keepsGaps: Bool
    /// Encoders begin with some silence before the first sample.
    private let dropsPriming: Bool
    /// Samples in the frame that is being filled, and of all frames before it.
    private var filled = 0
    private var encoded: Int64 = 0

    /// The rate nearest to it that AAC has.
    static func rate(near rate: Int) -> Int {
        [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000].min { abs($0 - rate) < abs($1 - rate) } ?? 48000
    }

    /// - Parameter keepsGaps: where no sound is given for longer than a frame of it, there is none in the file either.
    init(_ muxer: Muxer, rate: Int, channels: Int, format: ClipFormat = ClipFormat(), keepsGaps: Bool = false) throws(MediaError) {
        guard let encoder = unsafe ClipFormat.encoder(format.sound.encoders) else { throw .encoderMissing(path: muxer.path, codec: format.sound.rawValue) }
        sampleFormat =
            switch format.sound {
            case .aac, .mp3, .vorbis: AV_SAMPLE_FMT_FLTP
            case .opus: AV_SAMPLE_FMT_FLT
            case .flac, .pcm: AV_SAMPLE_FMT_S16
            }
        // Sound in AVI has no times: it follows on.
        self.keepsGaps = keepsGaps && format.container != .avi
        // Matroska says by how much Opus begins early, and players cut it off.
        dropsPriming = !muxer.hasEditLists && !(format.sound == .opus && (format.container == .mkv || format.container == .webm))
        self.muxer = muxer
        self.rate = rate
        self.channels = channels
        unsafe codec = Codec(encoder)
        let context = unsafe codec.pointer
        unsafe context.pointee.sample_fmt = sampleFormat
        unsafe context.pointee.sample_rate = Int32(rate)
        unsafe av_channel_layout_default(&context.pointee.ch_layout, Int32(channels))
        unsafe context.pointee.time_base = AVRational(num: 1, den: Int32(rate))
        unsafe context.pointee.bit_rate = Int64(format.soundBitRate ?? channels * (rate >= 32000 ? 96_000 : 64_000))
        if muxer.wantsGlobalHeader { unsafe context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER }
        FFmpegLog.begin()
        let opened = unsafe avcodec_open2(context, encoder, nil)
        guard opened >= 0 else { throw .writeFailed(path: muxer.path, operation: "opening the sound encoder", detail: FFmpegLog.explanation(opened)) }
        // PCM has no frames of its own.
        frameLength = unsafe context.pointee.frame_size > 0 ? Int(context.pointee.frame_size) : 1024
        unsafe stream = try muxer.addStream(codec)
        let target = unsafe frame.pointer
        unsafe target.pointee.nb_samples = Int32(frameLength)
        unsafe target.pointee.format = sampleFormat.rawValue
        unsafe target.pointee.sample_rate = Int32(rate)
        unsafe av_channel_layout_default(&target.pointee.ch_layout, Int32(channels))
        let made = unsafe av_frame_get_buffer(target, 0)
        guard made >= 0 else { throw .writeFailed(path: muxer.path, operation: "opening the sound encoder", detail: FFmpegLog.describe(made)) }
    }

    /// Adds a block of this encoder's rate and interleaved channels, at its place on the clip's time line.
    func encode(_ block: AudioBlock) throws(MediaError) {
        let end = encoded + Int64(filled)
        let start = Int64((block.start.seconds * Double(rate)).rounded())
        // Times of blocks are rounded to nanoseconds; within a run they follow each other.
        let gap = start - end
        if gap > 1 {
            if keepsGaps, gap > frameLength {
                // The frame that was begun is filled up; after that nothing comes until the next sound.
                let rest = filled > 0 ? frameLength - filled : 0
                if rest > 0 { try addSilence(rest) }
                encoded += gap - Int64(rest)
            } else {
                try addSilence(Int(gap))
            }
        }
        let overlap = gap < -1 ? Int(-gap) : 0
        guard overlap * channels < block.samples.count else { return }
        try add(block.samples, from: overlap)
    }

    func finish() throws(MediaError) {
        if filled > 0 {
            unsafe frame.pointer.pointee.nb_samples = Int32(filled)
            try sendFrame()
        }
        try send(flush: true)
    }

    private func addSilence(_ count: Int) throws(MediaError) {
        var left = count
        while left > 0 {
            try makeWritable()
            let part = min(left, frameLength - filled)
            for channel in 0..<channels { for index in 0..<part { put(0, channel, filled + index) } }
            left -= part
            try advance(part)
        }
    }

    private func add(_ samples: [Float], from first: Int) throws(MediaError) {
        var next = first
        let count = samples.count / channels
        while next < count {
            try makeWritable()
            let part = min(count - next, frameLength - filled)
            for channel in 0..<channels { for index in 0..<part { put(samples[(next + index) * channels + channel], channel, filled + index) } }
            next += part
            try advance(part)
        }
    }

    private func put(_ sample: Float, _ channel: Int, _ index: Int) {
        let planes = unsafe frame.pointer.pointee.extended_data!
        switch sampleFormat {
        case AV_SAMPLE_FMT_FLTP: unsafe UnsafeMutableRawPointer(planes[channel]!).storeBytes(of: sample, toByteOffset: index * 4, as: Float.self)
        case AV_SAMPLE_FMT_FLT: unsafe UnsafeMutableRawPointer(planes[0]!).storeBytes(of: sample, toByteOffset: (index * channels + channel) * 4, as: Float.self)
        default:
            let value = Int16(max(-32768, min(32767, (sample * 32768).rounded())))
            unsafe UnsafeMutableRawPointer(planes[0]!).storeBytes(of: value, toByteOffset: (index * channels + channel) * 2, as: Int16.self)
        }
    }

    private func makeWritable() throws(MediaError) {
        guard filled == 0 else { return }
        let ready = unsafe av_frame_make_writable(frame.pointer)
        guard ready >= 0 else { throw .writeFailed(path: muxer.path, operation: "encoding sound", detail: FFmpegLog.describe(ready)) }
    }

    private func advance(_ count: Int) throws(MediaError) {
        filled += count
        if filled == frameLength { try sendFrame() }
    }

    private func sendFrame() throws(MediaError) {
        unsafe frame.pointer.pointee.pts = encoded
        encoded += Int64(filled)
        filled = 0
        try send(flush: false)
    }

    private func send(flush: Bool) throws(MediaError) {
        FFmpegLog.begin()
        let sent = unsafe avcodec_send_frame(codec.pointer, flush ? nil : frame.pointer)
        guard sent >= 0 else { throw .writeFailed(path: muxer.path, operation: "encoding sound", detail: FFmpegLog.explanation(sent)) }
        while unsafe avcodec_receive_packet(codec.pointer, packet.pointer) >= 0 {
            if dropsPriming, unsafe packet.pointer.pointee.pts < 0 {
                packet.clear()
                continue
            }
            unsafe try muxer.write(packet, stream, codec.pointer.pointee.time_base)
        }
    }
}
