import MediaTypes

/// One thing that could not be read from a file that otherwise was used.
public struct MediaDamage: Hashable, Sendable {
    public enum Cause: String, Hashable, Sendable {
        /// The file ends before its header or index says.
        case truncated
        /// The container's structure is broken at a place.
        case container
        /// A packet does not decode, or only in part.
        case video
        case sound
        /// A time stamp goes backwards or far beyond the clip; the time was interpolated, or the samples dropped.
        case timestamp
        /// A stream that has no decoder; it counts as missing.
        case unsupportedCodec
        /// The operating system could not read the file.
        case read
    }

    public var cause: Cause
    /// Where in the file, in bytes, if known.
    public var byteOffset: Int64?
    /// Where on the clip's time line, if known.
    public var instant: Instant?
    /// What the demuxer or decoder said.
    public var detail: String

    public init(cause: Cause, byteOffset: Int64? = nil, instant: Instant? = nil, detail: String) {
        self.cause = cause
        self.byteOffset = byteOffset
        self.instant = instant
        self.detail = detail
    }
}

extension MediaDamage: CustomStringConvertible {
    public var description: String {
        var place: [String] = []
        if let byteOffset { place.append("byte \(byteOffset)") }
        if let instant { place.append("\(Double((instant.seconds * 1000).rounded()) / 1000) s") }
        return "\(cause.rawValue)\(place.isEmpty ? "" : " at " + place.joined(separator: ", ")): \(detail)"
    }
}

/// The first ``capacity`` damages of a file, and the count of all.
final class DamageLog {
    static let capacity = 64
    /// With instants on the container's time line.
    private var reports: [MediaDamage] = []
    private(set) var count = 0
    /// Container time of zero on the clip's time line, in nanoseconds; settled only when the first damages may have been met.
    var origin: Int64 = 0

    var entries: [MediaDamage] {
        reports.map { report in
            var entry = report
            entry.instant = report.instant.map { Instant(nanoseconds: $0.nanoseconds &- origin) }
            return entry
        }
    }

    /// - Parameter nanoseconds: on the container's time line.
    func report(_ cause: MediaDamage.Cause, byteOffset: Int64? = nil, nanoseconds: Int64? = nil, detail: String) {
        // A file that is read through two demuxers shows the same broken place twice.
        if let byteOffset, reports.contains(where: { $0.cause == cause && $0.byteOffset == byteOffset && $0.detail == detail }) { return }
        count += 1
        guard reports.count < DamageLog.capacity else { return }
        reports.append(MediaDamage(cause: cause, byteOffset: byteOffset, instant: nanoseconds.map(Instant.init(nanoseconds:)), detail: detail))
    }
}
