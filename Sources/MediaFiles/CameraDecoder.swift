import CFFmpeg
import MediaTypes

/// Decodes the compressed pictures of a camera, one buffer at a time. Thread-bound.
///
/// Packets and pictures come out of pools, so that nothing of this project's is allocated for a frame once the first few have passed.
@safe public final class CameraDecoder {
    public enum Coding: Sendable { case mjpeg, h264 }

    public enum Outcome: Equatable, Sendable {
        /// A picture of this size, ready for ``copy(into:)``, whose buffer was given with this instant.
        case picture(width: Int, height: Int, Instant)
        /// The decoder wants more before it gives a picture.
        case needsMore
        /// The picture does not decode, or not completely.
        case damaged
    }

    /// What a ``VideoFrame`` can hold.
    private static let largestSide = 16384

    private let coding: Coding
    private let codec: Codec
    private let packet = Packet()
    private let frame = Frame()
    private let spare = Frame()
    private var pool = PacketPool()
    private var converter: PictureConverter?
    private var storedSize = (width: Int32(0), height: Int32(0))

    /// Nil where this build of FFmpeg cannot decode it.
    /// - Parameter mostPixels: a larger picture counts as damaged, before memory is taken for it.
    public init?(_ coding: Coding, mostPixels: Int = 7680 * 4320) {
        self.coding = coding
        let id =
            switch coding {
            case .mjpeg: AV_CODEC_ID_MJPEG
            case .h264: AV_CODEC_ID_H264
            }
        guard let decoder = unsafe avcodec_find_decoder(id) else { return nil }
        unsafe codec = Codec(decoder)
        let context = unsafe codec.pointer
        // More threads would hold pictures back.
        unsafe context.pointee.thread_count = 1
        unsafe context.pointee.flags |= AV_CODEC_FLAG_LOW_DELAY
        unsafe context.pointee.pkt_timebase = AVRational(num: 1, den: 1_000_000_000)
        unsafe context.pointee.max_pixels = Int64(mostPixels)
        // A JPEG that breaks off would otherwise be shown with its lower part grey or stale.
        if coding == .mjpeg { unsafe context.pointee.err_recognition |= AV_EF_EXPLODE }
        FFmpegLog.begin()
        guard unsafe avcodec_open2(context, decoder, nil) >= 0 else { return nil }
    }

    /// What the decoder said of the last damaged picture.
    public private(set) var complaint = ""

    /// Decodes one buffer of the camera.
    /// - Parameters:
    ///   - bytes: one picture (MJPEG; what follows its end-of-image mark is ignored) or one access unit (H.264, Annex B).
    ///   - instant: comes back with the picture.
    public func decode(_ bytes: Span<UInt8>, at instant: Instant) -> Outcome {
        let count = coding == .mjpeg ? JPEGExtent.end(of: bytes) ?? bytes.count : bytes.count
        guard count > 0, pool.fill(packet, bytes.extracting(first: count)) else { return damaged("an empty buffer") }
        unsafe packet.pointer.pointee.pts = instant.nanoseconds
        FFmpegLog.begin()
        let sent = unsafe avcodec_send_packet(codec.pointer, packet.pointer)
        packet.clear()
        guard sent >= 0 else { return damaged(FFmpegLog.explanation(sent)) }
        var received = unsafe avcodec_receive_frame(codec.pointer, frame.pointer)
        if received == fwoc_averror_eagain() { return .needsMore }
        // Two pictures out of one buffer: the later one counts.
        while received >= 0, coding == .h264 {
            let newer = unsafe avcodec_receive_frame(codec.pointer, spare.pointer)
            guard newer >= 0 else { break }
            frame.clear()
            unsafe av_frame_move_ref(frame.pointer, spare.pointer)
            received = newer
        }
        guard received >= 0 else { return damaged(FFmpegLog.explanation(received)) }
        if unsafe frame.pointer.pointee.decode_error_flags != 0 || frame.pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT != 0 {
            return damaged(FFmpegLog.firstError ?? "decoded in part")
        }
        let width = unsafe frame.pointer.pointee.width, height = unsafe frame.pointer.pointee.height
        guard (1...Int32(CameraDecoder.largestSide)).contains(width), (1...Int32(CameraDecoder.largestSide)).contains(height) else {
            return damaged("a picture of \(width)x\(height)")
        }
        if converter == nil || storedSize != (width, height) {
            converter = PictureConverter(like: frame, orientation: .upright)
            storedSize = (width, height)
        }
        return .picture(width: Int(width), height: Int(height), Instant(nanoseconds: unsafe frame.pointer.pointee.pts))
    }

    /// Copies the picture that ``decode(_:at:)`` has just returned, with its colour space; false where its pixel format is unknown.
    /// - Precondition: `target` has the picture's size.
    public func copy(into target: VideoFrame) -> Bool { converter?.convert(frame, into: target) ?? false }

    private func damaged(_ complaint: String) -> Outcome {
        self.complaint = complaint
        return .damaged
    }
}

/// Packets whose bytes are given back when the decoder has let go of them.
@safe private struct PacketPool: ~Copyable {
    private var pool: OpaquePointer?
    private var capacity = 0

    init() { unsafe pool = nil }

    deinit {
        var p: OpaquePointer? = unsafe pool
        unsafe av_buffer_pool_uninit(&p)
    }

    /// Makes `packet` a copy of the bytes, with the zeros behind them that decoders read; false without memory.
    mutating func fill(_ packet: borrowing Packet, _ bytes: Span<UInt8>) -> Bool {
        let padding = Int(AV_INPUT_BUFFER_PADDING_SIZE)
        if unsafe pool == nil || capacity < bytes.count {
            // Sizes vary from picture to picture; half as much again is seldom outgrown.
            capacity = bytes.count + bytes.count / 2 + 4096
            unsafe av_buffer_pool_uninit(&pool)
            unsafe pool = av_buffer_pool_init(capacity + padding, nil)
        }
        guard let buffer = unsafe av_buffer_pool_get(pool) else { return false }
        let target = unsafe packet.pointer
        unsafe target.pointee.buf = unsafe buffer
        unsafe target.pointee.data = buffer.pointee.data
        unsafe target.pointee.size = Int32(bytes.count)
        let data = unsafe UnsafeMutableRawPointer(buffer.pointee.data!)
        unsafe bytes.withUnsafeBufferPointer { unsafe data.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        unsafe (data + bytes.count).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
        return true
    }
}
