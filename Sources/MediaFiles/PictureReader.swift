import CFFmpeg
import MediaTypes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A picture file, decoded.
public struct Picture {
    /// Upright: the Exif orientation is applied. Its instant is zero.
    public var frame: VideoFrame
    /// FFmpeg's name of the format: `mjpeg`, `png` or `webp`.
    public var codec: String
    /// What did not decode, as in a truncated JPEG.
    public var damage: [MediaDamage]
}

/// Reads JPEG, PNG and WebP files, recognised by their content. Reentrant.
///
/// Any depth and colour becomes 8-bit 4:2:0; RGB as BT.601 full range. Transparency is ignored, and of an animated PNG
/// the first picture is read.
public enum PictureReader {
    private static let mostBytes: Int64 = 256 << 20

    /// - Throws: ``MediaError`` where the file cannot be opened, is no such picture, is too large, or does not decode.
    public static func read(_ path: String, mostPixels: Int = 7680 * 4320) throws(MediaError) -> Picture {
        let size = try FilePath.size(path)
        guard size <= mostBytes else { throw .readFailed(path: path, detail: "\(size) bytes, expected a picture of at most \(mostBytes)") }
        let packet = try load(path, Int32(size))
        let content = unsafe UnsafeBufferPointer(start: packet.pointer.pointee.data, count: Int(size))
        guard let id = unsafe format(content.span), let decoder = unsafe avcodec_find_decoder(id) else {
            throw .notMedia(path: path, recognised: nil)
        }
        let codec = unsafe Codec(decoder)
        let name = unsafe String(cString: avcodec_get_name(id))
        let damage = DamageLog()
        let frame = Frame()
        FFmpegLog.begin()
        unsafe codec.pointer.pointee.max_pixels = Int64(mostPixels)
        unsafe codec.pointer.pointee.thread_count = 1
        var result = unsafe avcodec_open2(codec.pointer, decoder, nil)
        if result >= 0 { result = unsafe avcodec_send_packet(codec.pointer, packet.pointer) }
        if result >= 0 { result = unsafe avcodec_send_packet(codec.pointer, nil) }
        if result >= 0 { result = unsafe avcodec_receive_frame(codec.pointer, frame.pointer) }
        guard result >= 0 else {
            if let (width, height) = refusedSize() { throw .pictureTooLarge(path: path, width: width, height: height, limit: mostPixels) }
            throw .nothingDecodes(path: path, detail: FFmpegLog.explanation(result))
        }
        if let complaint = FFmpegLog.firstError { damage.report(.video, detail: complaint) }
        let converter = PictureConverter(like: frame, orientation: unsafe ExifOrientation.read(content.span))
        guard converter.width * converter.height <= mostPixels, max(converter.width, converter.height) <= 16384 else {
            throw .pictureTooLarge(path: path, width: converter.width, height: converter.height, limit: mostPixels)
        }
        let picture = VideoFrame(width: converter.width, height: converter.height)
        guard converter.convert(frame, into: picture) else {
            throw .nothingDecodes(path: path, detail: "a pixel format that cannot be converted")
        }
        return Picture(frame: picture, codec: name, damage: damage.entries)
    }

    /// Whether a file begins as a picture of a known format does.
    /// - Throws: ``MediaError`` where it cannot be opened.
    public static func isPicture(_ path: String) throws(MediaError) -> Bool {
        _ = try FilePath.size(path)
        guard let file = unsafe fopen(path, "rb") else { throw FilePath.failure(path, errno) }
        defer { unsafe fclose(file) }
        var head = [UInt8](repeating: 0, count: 12)
        let count = unsafe head.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        return format(head.span.extracting(first: count)) != nil
    }

    /// The file's bytes, followed by the zeros that decoders read beyond the end.
    private static func load(_ path: String, _ size: Int32) throws(MediaError) -> Packet {
        let packet = Packet()
        guard unsafe av_new_packet(packet.pointer, size) >= 0 else { throw .readFailed(path: path, detail: "out of memory") }
        guard let file = unsafe fopen(path, "rb") else { throw FilePath.failure(path, errno) }
        let count = unsafe fread(packet.pointer.pointee.data, 1, Int(size), file)
        unsafe fclose(file)
        guard count == Int(size) else { throw .readFailed(path: path, detail: "read \(count) of \(size) bytes") }
        return packet
    }

    /// The size that FFmpeg found larger than allowed: it says so only in its log, "Picture size 48x32 exceeds …".
    private static func refusedSize() -> (Int, Int)? {
        guard let words = FFmpegLog.firstError?.split(separator: " "), words.count > 3, words[0] == "Picture", words[3] == "exceeds" else { return nil }
        let sides = words[2].split(separator: "x").compactMap { Int($0) }
        return sides.count == 2 ? (sides[0], sides[1]) : nil
    }

    private static func format(_ content: Span<UInt8>) -> AVCodecID? {
        guard content.count >= 12 else { return nil }
        if content[0] == 0xFF, content[1] == 0xD8, content[2] == 0xFF { return AV_CODEC_ID_MJPEG }
        if content[0] == 0x89, content[1] == 0x50, content[2] == 0x4E, content[3] == 0x47 { return AV_CODEC_ID_PNG }
        let isRIFF = content[0] == 0x52 && content[1] == 0x49 && content[2] == 0x46 && content[3] == 0x46
        if isRIFF, content[8] == 0x57, content[9] == 0x45, content[10] == 0x42, content[11] == 0x50 { return AV_CODEC_ID_WEBP }
        return nil
    }
}
