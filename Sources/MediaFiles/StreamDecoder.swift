import CFFmpeg

/// Decodes one stream of a file, frame by frame. What does not decode is stepped over and reported. Thread-bound.
@safe final class StreamDecoder {
    let index: Int
    /// The current decoded picture or run of sound; valid while ``next()`` last returned true.
    let frame = Frame()
    let timeBase: AVRational
    private let codec: Codec
    private let packet = Packet()
    private let feed: PacketFeed
    private let damage: DamageLog
    private let cause: MediaDamage.Cause
    private var isDraining = false
    /// Of the packet that was sent last.
    private var byteOffset: Int64?

    /// Nil where there is no decoder for the stream, or it refuses the stream's parameters.
    init?(_ stream: UnsafeMutablePointer<AVStream>, feed: PacketFeed, damage: DamageLog, threads: Int, mostPixels: Int) {
        let parameters = unsafe stream.pointee.codecpar!
        guard let decoder = unsafe avcodec_find_decoder(parameters.pointee.codec_id) else { return nil }
        unsafe codec = Codec(decoder)
        index = unsafe Int(stream.pointee.index)
        timeBase = unsafe stream.pointee.time_base
        cause = unsafe parameters.pointee.codec_type == AVMEDIA_TYPE_VIDEO ? .video : .sound
        self.feed = feed
        self.damage = damage
        let context = unsafe codec.pointer
        guard unsafe avcodec_parameters_to_context(context, parameters) >= 0 else { return nil }
        unsafe context.pointee.pkt_timebase = unsafe stream.pointee.time_base
        unsafe context.pointee.thread_count = Int32(threads)
        unsafe context.pointee.max_pixels = Int64(mostPixels)
        guard unsafe avcodec_open2(context, decoder, nil) >= 0 else { return nil }
    }

    /// Decodes the next frame into ``frame``; false at the end of the stream.
    func next() -> Bool {
        while true {
            FFmpegLog.begin()
            let received = unsafe avcodec_receive_frame(codec.pointer, frame.pointer)
            if received >= 0 {
                reportPartialDecoding()
                return true
            }
            if received == fwoc_averror_eof() { return false }
            if received != fwoc_averror_eagain() {
                report(FFmpegLog.explanation(received))
                // A decoder that fails while it gives up its last frames gives none after that.
                if isDraining { return false }
            }
            send()
        }
    }

    private func send() {
        guard feed.next(index, into: packet) else {
            isDraining = true
            _ = unsafe avcodec_send_packet(codec.pointer, nil)
            return
        }
        let place = unsafe packet.pointer.pointee.pos
        byteOffset = place >= 0 ? place : nil
        FFmpegLog.begin()
        let sent = unsafe avcodec_send_packet(codec.pointer, packet.pointer)
        let isCorrupt = unsafe packet.pointer.pointee.flags & AV_PKT_FLAG_CORRUPT != 0
        if isCorrupt {
            report("the container marks this packet as incomplete", cause: .truncated)
        } else if sent < 0 {
            report(FFmpegLog.explanation(sent))
        } else if let complaint = FFmpegLog.firstError {
            report(complaint)
        }
        packet.clear()
    }

    private func reportPartialDecoding() {
        if let complaint = FFmpegLog.firstError {
            report(complaint)
        } else if unsafe frame.pointer.pointee.decode_error_flags != 0 || frame.pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT != 0 {
            report("decoded in part; the rest is concealed")
        }
    }

    private func report(_ detail: String, cause: MediaDamage.Cause? = nil) {
        let time = unsafe packet.pointer.pointee.pts
        damage.report(cause ?? self.cause, byteOffset: byteOffset, nanoseconds: nanoseconds(time), detail: detail)
    }

    /// A time in the stream's time base as nanoseconds; nil where there is none.
    func nanoseconds(_ time: Int64) -> Int64? {
        guard time != fwoc_av_nopts(), timeBase.num > 0, timeBase.den > 0 else { return nil }
        let value = av_rescale_q(time, timeBase, AVRational(num: 1, den: 1_000_000_000))
        // What does not fit in a century is no time.
        return abs(value) < 3_155_760_000_000_000_000 ? value : nil
    }

    var codecName: String { unsafe String(cString: codec.pointer.pointee.codec.pointee.name) }
}
