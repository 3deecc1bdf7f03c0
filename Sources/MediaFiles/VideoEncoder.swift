import CFFmpeg
import MediaTypes

/// Encodes frames of one size to H.264, or to MPEG-4 part 2 where FFmpeg has no x264. Thread-bound.
///
/// Both want even sides: an odd side is made even by repeating the last column or row of luma.
@safe final class VideoEncoder {
    private static let timeBase = AVRational(num: 1, den: 60000)

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
        guard let encoder = unsafe avcodec_find_encoder_by_name("libx264") ?? avcodec_find_encoder(AV_CODEC_ID_MPEG4) else {
            throw .encoderMissing(path: muxer.path, codec: "H.264 or MPEG-4")
        }
        self.muxer = muxer
        self.width = width
        self.height = height
        unsafe codec = Codec(encoder)
        nominalDuration = max(1, Int64((60000 / options.nominalRate).rounded()))
        let context = unsafe codec.pointer
        unsafe context.pointee.width = Int32(width + width % 2)
        unsafe context.pointee.height = Int32(height + height % 2)
        unsafe context.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        unsafe context.pointee.time_base = VideoEncoder.timeBase
        unsafe context.pointee.framerate = av_d2q(options.nominalRate, 60000)
        unsafe context.pointee.gop_size = Int32(max(1, min(600, options.nominalRate * 2)))
        // Without reordered pictures the first packet's time is the first picture's.
        unsafe context.pointee.max_b_frames = 0
        unsafe context.pointee.thread_count = Int32(options.encoderThreads)
        unsafe context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        if unsafe encoder.pointee.id == AV_CODEC_ID_H264 {
            unsafe av_opt_set(context.pointee.priv_data, "preset", "veryfast", 0)
            unsafe av_opt_set(context.pointee.priv_data, "crf", String(options.quality), 0)
        } else {
            unsafe context.pointee.flags |= AV_CODEC_FLAG_QSCALE
            unsafe context.pointee.global_quality = FF_QP2LAMBDA * 4
        }
        FFmpegLog.begin()
        let opened = unsafe avcodec_open2(context, encoder, nil)
        guard opened >= 0 else { throw .writeFailed(path: muxer.path, operation: "opening the video encoder", detail: FFmpegLog.explanation(opened)) }
        unsafe stream = try muxer.addStream(codec)
        unsafe stream.pointee.avg_frame_rate = unsafe context.pointee.framerate
        let target = unsafe picture.pointer
        unsafe target.pointee.width = unsafe context.pointee.width
        unsafe target.pointee.height = unsafe context.pointee.height
        unsafe target.pointee.format = AV_PIX_FMT_YUV420P.rawValue
    }

    func encode(_ frame: VideoFrame) throws(MediaError) {
        precondition(frame.width == width && frame.height == height, "frame of another size than the clip")
        let target = unsafe picture.pointer
        var ready: Int32 = 0
        if unsafe target.pointee.data.0 == nil { ready = unsafe av_frame_get_buffer(target, 0) } else { ready = unsafe av_frame_make_writable(target) }
        guard ready >= 0 else { throw .writeFailed(path: muxer.path, operation: "encoding", detail: FFmpegLog.describe(ready)) }
        fill(frame)
        let tick = max(lastTick + 1, frame.instant.nanoseconds * 3 / 50000)
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
            unsafe try muxer.write(packet, stream, VideoEncoder.timeBase)
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
            }
            let chroma = unsafe [(u, target.pointee.data.1!, Int(target.pointee.linesize.1)), (v, target.pointee.data.2!, Int(target.pointee.linesize.2))]
            for unsafe (source, plane, stride) in unsafe chroma {
                for row in 0..<frame.chromaHeight {
                    unsafe (plane + row * stride).update(from: source + row * frame.chromaWidth, count: frame.chromaWidth)
                }
            }
        }
    }
}
