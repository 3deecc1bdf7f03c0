import CFFmpeg

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A file that is being written, under a temporary name until it is finished. Thread-bound.
@safe final class Muxer {
    let path: String
    let container: ClipFormat.Container
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let temporaryPath: String
    private var bytes: UnsafeMutablePointer<AVIOContext>?
    private var isFinished = false

    init(path: String, container: ClipFormat.Container) throws(MediaError) {
        try FilePath.checkTarget(path)
        self.path = path
        self.container = container
        temporaryPath = path + ".part-\(getpid())"
        unsafe bytes = nil
        FFmpegLog.begin()
        var made: UnsafeMutablePointer<AVFormatContext>?
        guard unsafe avformat_alloc_output_context2(&made, nil, container.muxer, nil) >= 0, let made = unsafe made else {
            throw .encoderMissing(path: path, codec: container.rawValue)
        }
        unsafe context = made
        let opened = unsafe avio_open2(&bytes, "file:" + temporaryPath, AVIO_FLAG_WRITE, nil, nil)
        guard opened >= 0 else { throw FilePath.creationFailure(path, fwoc_averror_errno(opened)) }
        unsafe context.pointee.pb = unsafe bytes
        // Edit lists cut off what encoders put before the beginning. Elsewhere nothing is put there, so that nothing has to be moved to make room.
        if !hasEditLists { unsafe context.pointee.avoid_negative_ts = 0 }
    }

    var hasEditLists: Bool { container == .mp4 || container == .mov }

    deinit {
        unsafe avio_closep(&bytes)
        unsafe avformat_free_context(context)
        if !isFinished { FilePath.remove(temporaryPath) }
    }

    /// Whether codecs' headers stand once in the container instead of in each stream.
    var wantsGlobalHeader: Bool { unsafe context.pointee.oformat.pointee.flags & AVFMT_GLOBALHEADER != 0 }

    /// A stream for what that encoder gives.
    func addStream(_ encoder: borrowing Codec) throws(MediaError) -> UnsafeMutablePointer<AVStream> {
        guard let stream = unsafe avformat_new_stream(context, nil),
            unsafe avcodec_parameters_from_context(stream.pointee.codecpar, encoder.pointer) >= 0
        else { throw .writeFailed(path: path, operation: "adding a stream", detail: "out of memory") }
        unsafe stream.pointee.time_base = unsafe encoder.pointer.pointee.time_base
        return unsafe stream
    }

    func start() throws(MediaError) {
        var options: OpaquePointer?
        // Edit lists count in this unit: sound and picture keep their distance to 17 µs instead of a millisecond.
        unsafe av_dict_set(&options, "movie_timescale", "60000", 0)
        FFmpegLog.begin()
        let result = unsafe avformat_write_header(context, &options)
        unsafe av_dict_free(&options)
        try check(result, "writing the header")
    }

    /// Writes a packet in the encoder's time base; takes over its data.
    func write(_ packet: borrowing Packet, _ stream: UnsafeMutablePointer<AVStream>, _ timeBase: AVRational) throws(MediaError) {
        unsafe av_packet_rescale_ts(packet.pointer, timeBase, stream.pointee.time_base)
        unsafe packet.pointer.pointee.stream_index = unsafe stream.pointee.index
        FFmpegLog.begin()
        try check(unsafe av_interleaved_write_frame(context, packet.pointer), "writing")
    }

    func finish() throws(MediaError) {
        FFmpegLog.begin()
        try check(unsafe av_write_trailer(context), "writing the index")
        unsafe avio_flush(bytes)
        if let failed = unsafe bytes?.pointee.error, failed < 0 { try check(failed, "writing") }
        try check(unsafe avio_closep(&bytes), "closing")
        unsafe context.pointee.pb = nil
        let code = FilePath.replace(path, with: temporaryPath)
        guard code == 0 else { throw .writeFailed(path: path, operation: "renaming the finished file", detail: FilePath.message(code)) }
        isFinished = true
    }

    private func check(_ result: Int32, _ operation: String) throws(MediaError) {
        guard result < 0 else { return }
        throw .writeFailed(path: path, operation: operation, detail: FFmpegLog.describe(result))
    }
}
