import CFFmpeg
import MediaTypes

/// The pictures of a clip in presentation order, each with its own time. Thread-bound.
///
/// Times grow strictly. A picture with the time of the one before follows it by a millisecond (recorders write such pairs).
/// One without a time follows by a nominal period. One whose time leaps beyond the next picture's, or more than ten seconds
/// beyond the declared end of the clip, is placed half way or a nominal period on, and one whose time goes back follows by a
/// millisecond; these are reported as damage.
@safe final class VideoTrack {
    let decoder: StreamDecoder
    /// The picture that ``waiting`` is the time of.
    let picture = Frame()
    private let nominalPeriod: Int64
    private let damage: DamageLog
    private let latest: Int64
    /// Of the picture before: its place on the time line, and the time that it declared.
    private var previous: (placed: Int64, declared: Int64)?
    /// The decoder's frame holds the picture after ``picture``.
    private var hasNext = false
    private var isStarted = false
    /// Presentation time of the waiting picture, in nanoseconds of the container; nil where none waits.
    private(set) var waiting: Int64?

    /// - Parameter latest: the container's declared end in nanoseconds, if any.
    init(_ decoder: StreamDecoder, nominalRate: Double?, latest: Int64?, damage: DamageLog) {
        self.decoder = decoder
        self.damage = damage
        nominalPeriod = Int64(1e9 / (nominalRate ?? 25))
        self.latest = latest.map { $0 &+ 10_000_000_000 } ?? .max
    }

    /// Decodes the next picture unless one waits already. None waits after it at the end of the stream.
    func advance() {
        guard waiting == nil else { return }
        if !isStarted {
            isStarted = true
            hasNext = decoder.next()
        }
        guard hasNext else { return }
        picture.clear()
        unsafe av_frame_move_ref(picture.pointer, decoder.frame.pointer)
        let declared = declaredTime(picture)
        hasNext = decoder.next()
        let placed = place(declared, before: hasNext ? declaredTime(decoder.frame) : nil)
        previous = (placed, declared ?? placed)
        waiting = placed
    }

    /// The waiting picture has been taken.
    func take() { waiting = nil }

    private func declaredTime(_ frame: borrowing Frame) -> Int64? {
        unsafe decoder.nanoseconds(frame.pointer.pointee.best_effort_timestamp)
    }

    private func place(_ declared: Int64?, before next: Int64?) -> Int64 {
        guard let previous else { return declared ?? 0 }
        guard let declared else { return previous.placed + nominalPeriod }
        if declared > latest {
            damage.report(.timestamp, nanoseconds: previous.placed, detail: "a picture's time lies far beyond the clip's end")
            return previous.placed + nominalPeriod
        }
        if let next, next < declared, next > previous.placed {
            damage.report(.timestamp, nanoseconds: previous.placed, detail: "a picture's time lies after that of the next")
            return previous.placed + (next - previous.placed) / 2
        }
        if declared > previous.placed { return declared }
        if declared < previous.declared {
            damage.report(.timestamp, nanoseconds: previous.placed, detail: "a picture's time lies before that of the picture before")
        }
        return previous.placed + 1_000_000
    }
}
