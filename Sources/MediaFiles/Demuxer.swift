import CFFmpeg

/// An open container: hands out its packets in the order of the file. Thread-bound.
///
/// Only files are opened, and only self-contained containers: a playlist that names other files or addresses is refused.
@safe final class Demuxer {
    enum Outcome {
        /// A packet of that stream was read.
        case packet(stream: Int)
        case end
    }

    private static let formats: Set<Substring> = Set(
        """
        mov mp4 m4a 3gp 3g2 mj2 matroska webm avi ogg wav w64 aiff au caf mp3 flac aac ac3 eac3 amr mpegts mpeg mpegvideo m4v h264 \
        hevc ivf flv asf mxf nut rm wv tta dv mjpeg gif apng jpeg_pipe png_pipe webp_pipe
        """.split(separator: " "))

    /// A demuxer that fails this often without a packet in between has lost its way.
    private static let mostFailuresInARow = 256

    let path: String
    let fileSize: Int64
    var damage: DamageLog
    private var bytes: UnsafeMutablePointer<AVIOContext>?
    private var context: UnsafeMutablePointer<AVFormatContext>?
    private var failuresInARow = 0
    private var isAtEnd = false

    init(path: String, damage: DamageLog) throws(MediaError) {
        self.path = path
        self.damage = damage
        fileSize = try FilePath.size(path)
        unsafe bytes = nil
        unsafe context = nil
        FFmpegLog.begin()
        let opened = unsafe avio_open2(&bytes, "file:" + path, AVIO_FLAG_READ, nil, nil)
        guard opened >= 0 else { throw FilePath.failure(path, fwoc_averror_errno(opened)) }

        // Recognised by content only: the file's name has no say.
        var format: UnsafePointer<AVInputFormat>?
        guard unsafe av_probe_input_buffer2(bytes, &format, "", nil, 0, 0) >= 0, let format = unsafe format else {
            throw .notMedia(path: path, recognised: nil)
        }
        let name = unsafe String(cString: format.pointee.name)
        guard name.split(separator: ",").contains(where: Demuxer.formats.contains) else {
            throw .notMedia(path: path, recognised: name)
        }
        unsafe context = avformat_alloc_context()
        unsafe context!.pointee.pb = unsafe bytes
        var options: OpaquePointer?
        unsafe av_dict_set(&options, "protocol_whitelist", "file", 0)
        FFmpegLog.begin()
        let read = unsafe avformat_open_input(&context, "", format, &options)
        unsafe av_dict_free(&options)
        guard read >= 0 else {
            throw .damagedHeader(path: path, format: Demuxer.shortName(name), detail: FFmpegLog.explanation(read))
        }
        // What this cannot find out is no error yet: a decoder may still manage.
        _ = unsafe avformat_find_stream_info(context, nil)
    }

    deinit {
        unsafe avformat_close_input(&context)
        unsafe avio_closep(&bytes)
    }

    private static func shortName(_ names: String) -> String { names.split(separator: ",").first.map(String.init) ?? names }

    var formatName: String { unsafe Demuxer.shortName(String(cString: context!.pointee.iformat.pointee.name)) }

    var streamCount: Int { unsafe Int(context!.pointee.nb_streams) }

    /// - Precondition: `index` is below ``streamCount``.
    func stream(_ index: Int) -> UnsafeMutablePointer<AVStream> { unsafe context!.pointee.streams[index]! }

    /// Of the container, in nanoseconds.
    var duration: Int64? {
        let duration = unsafe context!.pointee.duration
        guard duration != fwoc_av_nopts(), duration > 0, duration < Int64.max / 1000 else { return nil }
        return duration * 1000
    }

    /// Container time of the earliest stream, in nanoseconds.
    var declaredStart: Int64 {
        let start = unsafe context!.pointee.start_time
        return start == fwoc_av_nopts() || abs(start) > Int64.max / 1000 ? 0 : start * 1000
    }

    func metadata(_ key: String) -> String? {
        guard let entry = unsafe av_dict_get(context!.pointee.metadata, key, nil, 0) else { return nil }
        return unsafe String(cString: entry.pointee.value)
    }

    /// The stream of that kind that a player would choose, cover pictures aside.
    func bestStream(_ kind: AVMediaType) -> Int? {
        let pictures = AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS
        let best = unsafe av_find_best_stream(context, kind, -1, -1, nil, 0)
        if best >= 0, unsafe stream(Int(best)).pointee.disposition & pictures == 0 { return Int(best) }
        return (0..<streamCount).first {
            unsafe stream($0).pointee.codecpar.pointee.codec_type == kind && stream($0).pointee.disposition & pictures == 0
        }
    }

    /// Packets of other streams are not read from now on.
    func select(_ wanted: [Int]) {
        for index in 0..<streamCount {
            unsafe stream(index).pointee.discard = wanted.contains(index) ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    /// Reads the next packet, stepping over what cannot be read and reporting it once per run of failures.
    func read(into packet: borrowing Packet) -> Outcome {
        while !isAtEnd {
            FFmpegLog.begin()
            let result = unsafe av_read_frame(context, packet.pointer)
            if result >= 0 {
                failuresInARow = 0
                if let complaint = FFmpegLog.firstError {
                    damage.report(.container, byteOffset: position(packet), detail: complaint)
                }
                return .packet(stream: unsafe Int(packet.pointer.pointee.stream_index))
            }
            if result == fwoc_averror_eof() {
                if let complaint = FFmpegLog.firstError {
                    damage.report(.truncated, byteOffset: fileSize, detail: complaint)
                }
                if let bytes = unsafe bytes, unsafe bytes.pointee.error < 0, unsafe bytes.pointee.error != fwoc_averror_eof() {
                    damage.report(.read, byteOffset: unsafe avio_tell(bytes), detail: unsafe FFmpegLog.describe(bytes.pointee.error))
                }
                isAtEnd = true
                break
            }
            if result == fwoc_averror_eagain() { failuresInARow += 1 } else { reportFailure(result) }
            if failuresInARow >= Demuxer.mostFailuresInARow { isAtEnd = true }
        }
        return .end
    }

    private func reportFailure(_ result: Int32) {
        failuresInARow += 1
        guard failuresInARow == 1 else { return }
        let place = unsafe avio_tell(bytes)
        let isAtEndOfFile = unsafe avio_feof(bytes) != 0 || place >= fileSize
        let cause: MediaDamage.Cause = isAtEndOfFile ? .truncated : .container
        damage.report(cause, byteOffset: max(0, min(place, fileSize)), detail: FFmpegLog.explanation(result))
    }

    private func position(_ packet: borrowing Packet) -> Int64? {
        let place = unsafe packet.pointer.pointee.pos
        return place >= 0 ? place : nil
    }
}
