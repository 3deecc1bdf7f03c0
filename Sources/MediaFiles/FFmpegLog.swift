import CFFmpeg

/// What FFmpeg's libraries log on this thread, captured instead of printed to standard error.
///
/// The callback is one for the process; what it captures is per thread, so readers on different threads do not mix.
enum FFmpegLog {
    private static let installed: Void = fwoc_log_capture_install()

    /// Starts a capture, forgetting the one before.
    static func begin() {
        _ = installed
        fwoc_log_capture_begin()
    }

    /// Messages of level error or worse since ``begin()``.
    static var errorCount: Int { Int(fwoc_log_capture_count()) }

    /// The first error since ``begin()``, or nil.
    static var firstError: String? {
        guard fwoc_log_capture_count() > 0 else { return nil }
        let text = unsafe String(cString: fwoc_log_capture_first())
        return text.isEmpty ? nil : text
    }

    /// The first error captured, or what the code means.
    static func explanation(_ code: Int32) -> String { firstError ?? describe(code) }

    static func describe(_ code: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        unsafe text.withUnsafeMutableBufferPointer { _ = unsafe av_strerror(code, $0.baseAddress, $0.count) }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
