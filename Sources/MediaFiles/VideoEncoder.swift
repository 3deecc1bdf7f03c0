import CFFmpeg
import MediaTypes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Encodes frames of one size. Thread-bound.
///
/// Encoders want even sides: an odd side is made even by repeating the last column or row of luma.
@safe final class VideoEncoder {
    private let timeBase: AVRational
    /// Motion JPEG has luma of 0…255.
    private let isFullRange: Bool
    private let width: Int
    private let height: Int
    private let codec: Codec
    private let muxer: Muxer
    private let stream: UnsafeMutablePointer<AVStream>
    private let picture = Frame()
    private let packet = Packet()
    private let nominalDuration: Int64
    private var lastTick: Int64 = -1

    init(_ muxer: Muxer, width: Int, height: Int, options: ClipWriter.Options) throws(MediaError) {
        let format = options.format
        guard let encoder = unsafe ClipFormat.encoder(format.videoEncoders) else {
            throw .encoderMissing(path: muxer.path, codec: format.video?.rawValue ?? "H.264 or MPEG-4")
        }
        let id = unsafe encoder.pointee.id
        isFullRange = id == AV_CODEC_ID_MJPEG
        // What has a fixed rate counts frames; the others keep times to 1/60 000 s.
        let isFixedRate = format.container == .avi || id == AV_CODEC_ID_MPEG2VIDEO
        let rate = av_d2q(options.nominalRate, 60000)
        timeBase = isFixedRate ? AVRational(num: rate.den, den: rate.num) : AVRational(num: 1, den: 60000)
        self.muxer = muxer
        self.width = width
        self.height = height
        unsafe codec = Codec(encoder)
        nominalDuration = isFixedRate ? 1 : max(1, Int64((60000 / options.nominalRate).rounded()))
        let context = unsafe codec.pointer
        unsafe context.pointee.width = Int32(width + width % 2)
        unsafe context.pointee.height = Int32(height + height % 2)
        unsafe context.pointee.pix_fmt = isFullRange ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P
        unsafe context.pointee.time_base = timeBase
        unsafe context.pointee.framerate = rate
        unsafe context.pointee.gop_size = Int32(max(1, min(600, options.nominalRate * 2)))
        // Without reordered pictures the first packet's time is the first picture's.
        unsafe context.pointee.max_b_frames = 0
        unsafe context.pointee.thread_count = Int32(options.encoderThreads)
        if muxer.wantsGlobalHeader { unsafe context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER }
        unsafe Self.set(options, of: id, context)
        FFmpegLog.begin()
        let opened = unsafe avcodec_open2(context, encoder, nil)
        guard opened >= 0 else { throw .writeFailed(path: muxer.path, operation: "opening the video encoder", detail: FFmpegLog.explanation(opened)) }
        unsafe stream = try muxer.addStream(codec)
        unsafe stream.pointee.avg_frame_rate = unsafe context.pointee.framerate
        let target = unsafe picture.pointer
        unsafe target.pointee.width = unsafe context.pointee.width
        unsafe target.pointee.height = unsafe context.pointee.height
        unsafe target.pointee.format = unsafe context.pointee.pix_fmt.rawValue
    }

    /// Speed, and quality or bit rate, in each codec's own terms.
    private static func set(_ options: ClipWriter.Options, of id: AVCodecID, _ context: UnsafeMutablePointer<AVCodecContext>) {
        let own = unsafe context.pointee.priv_data
        func option(_ name: String, _ value: String) { unsafe _ = av_opt_set(own, name, value, 0) }
        let quality = Double(options.quality)
        switch id {
        case AV_CODEC_ID_H264: option("preset", "veryfast")
        case AV_CODEC_ID_HEVC:
            option("preset", "ultrafast")
            option("x265-params", "log-level=none")
        case AV_CODEC_ID_VP8, AV_CODEC_ID_VP9:
            option("deadline", "realtime")
            option("cpu-used", "8")
            option("lag-in-frames", "0")
            option("auto-alt-ref", "0")
        case AV_CODEC_ID_AV1: option("preset", "10")
        default: break
        }
        if let rate = options.format.videoBitRate {
            unsafe context.pointee.bit_rate = Int64(rate)
            return
        }
        switch id {
        case AV_CODEC_ID_H264, AV_CODEC_ID_HEVC: option("crf", String(options.quality))
        case AV_CODEC_ID_VP8, AV_CODEC_ID_VP9, AV_CODEC_ID_AV1:
            option("crf", String(Int((4 + quality / 51 * 59).rounded())))
            // The most that constant quality may take; without it VP8 takes 256 kbit/s.
            if id == AV_CODEC_ID_VP8 { unsafe context.pointee.bit_rate = 20_000_000 } else { unsafe context.pointee.bit_rate = 0 }
        case AV_CODEC_ID_FFV1: break
        default:
            unsafe context.pointee.flags |= AV_CODEC_FLAG_QSCALE
            // A quantiser doubles every six steps of H.264's; Theora counts quality up to 10.
            let scale = id == AV_CODEC_ID_THEORA ? 10 - quality / 5.1 : min(31, max(1, exp2((quality - 11) / 6)))
            unsafe context.pointee.global_quality = Int32((Double(FF_QP2LAMBDA) * scale).rounded())
        }
    }

    func encode(_ frame: VideoFrame) throws(MediaError) {
        precondition(frame.width == width && frame.height == height, "frame of another size than the clip")
        let target = unsafe picture.pointer
        var ready: Int32 = 0
        if unsafe target.pointee.data.0 == nil { ready = unsafe av_frame_get_buffer(target, 0) } else { ready = unsafe av_frame_make_writable(target) }
        guard ready >= 0 else { throw .writeFailed(path: muxer.path, operation: "encoding", detail: FFmpegLog.describe(ready)) }
        fill(frame)
        let time = timeBase.den == 60000 && timeBase.num == 1 ? frame.instant.nanoseconds * 3 / 50000 : Int64((frame.instant.seconds * Double(timeBase.den) / Double(timeBase.num)).rounded())
        let tick = max(lastTick + 1, time)
        lastTick = tick
        unsafe target.pointee.pts = tick
        unsafe try send(target)
    }

    func finish() throws(MediaError) { unsafe try send(nil) }

    private func send(_ frame: UnsafeMutablePointer<AVFrame>?) throws(MediaError) {
        FFmpegLog.begin()
        let sent = unsafe avcodec_send_frame(codec.pointer, frame)
        guard sent >= 0 else { throw .writeFailed(path: muxer.path, operation: "encoding", detail: FFmpegLog.explanation(sent)) }
        while unsafe avcodec_receive_packet(codec.pointer, packet.pointer) >= 0 {
            unsafe packet.pointer.pointee.duration = nominalDuration
            unsafe try muxer.write(packet, stream, timeBase)
        }
    }

    private func fill(_ frame: VideoFrame) {
        let target = unsafe picture.pointer
        unsafe frame.withUnsafePlanes { y, u, v in
            let stride = unsafe Int(target.pointee.linesize.0)
            let luma = unsafe target.pointee.data.0!
            for row in 0..<height + height % 2 {
                let line = unsafe luma + row * stride
                unsafe line.update(from: y + min(row, height - 1) * width, count: width)
                if width % 2 == 1 { unsafe line[width] = line[width - 1] }
                if isFullRange { for column in 0..<width + width % 2 { unsafe line[column] = Self.fullLuma(line[column]) } }
            }
            let chroma = unsafe [(u, target.pointee.data.1!, Int(target.pointee.linesize.1)), (v, target.pointee.data.2!, Int(target.pointee.linesize.2))]
            for unsafe (source, plane, stride) in unsafe chroma {
                for row in 0..<frame.chromaHeight {
                    unsafe (plane + row * stride).update(from: source + row * frame.chromaWidth, count: frame.chromaWidth)
                    if isFullRange { for column in 0..<frame.chromaWidth { unsafe plane[row * stride + column] = Self.fullChroma(plane[row * stride + column]) } }
                }
            }
        }
    }

    private static func fullLuma(_ value: UInt8) -> UInt8 { UInt8(clamping: ((Int(value) - 16) * 255 + 109) / 219) }
    private static func fullChroma(_ value: UInt8) -> UInt8 { UInt8(clamping: ((Int(value) - 128) * 255) / 224 + 128) }
}
