import CFFmpeg
import MediaTypes

/// The pictures of a clip in presentation order, each with its own time. Thread-bound.
///
/// A picture without a time, or with one that does not lie after the one before, or beyond the declared end of the clip by more
/// than ten seconds, is placed one nominal period after the one before; the last two are reported as damage.
final class VideoTrack {
    let decoder: StreamDecoder
    let nominalPeriod: Int64
    private let damage: DamageLog
    private let latest: Int64
    private var previous: Int64?
    private(set) var isEnded = false
    /// Presentation time of the waiting picture, in nanoseconds of the container; nil where none waits.
    private(set) var waiting: Int64?

    /// - Parameter latest: the container's declared end in nanoseconds, if any.
    init(_ decoder: StreamDecoder, nominalRate: Double?, latest: Int64?, damage: DamageLog) {
        self.decoder = decoder
        self.damage = damage
        nominalPeriod = Int64(1e9 / (nominalRate ?? 25))
        self.latest = latest.map { $0 &+ 10_000_000_000 } ?? .max
    }

    /// Decodes the next picture unless one waits already.
    func advance() {
        guard waiting == nil, !isEnded else { return }
        guard decoder.next() else {
            isEnded = true
            return
        }
        let declared = unsafe decoder.nanoseconds(decoder.frame.pointer.pointee.best_effort_timestamp)
        let time: Int64
        if let previous {
            let interpolated = previous + nominalPeriod
            if let declared, declared > previous, declared <= latest {
                time = declared
            } else {
                time = interpolated
                if let declared {
                    damage.report(
                        .timestamp, nanoseconds: time,
                        detail: declared > latest ? "a picture's time lies far beyond the clip's end" : "a picture's time does not lie after the one before")
                }
            }
        } else {
            time = declared ?? 0
        }
        previous = time
        waiting = time
    }

    /// The waiting picture has been taken.
    func take() { waiting = nil }
}
