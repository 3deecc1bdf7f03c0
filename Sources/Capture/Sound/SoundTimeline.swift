public import MediaTypes

/// Puts what a sound device delivers on the time line, without a gap or an overlap: each piece starts exactly where the last one
/// ended, and that stays in step with the device's clock because single samples are inserted or left out.
///
/// A piece of n samples becomes n ± 1 by linear interpolation across it, at most once in 20 ms (3 ms of correction in a second),
/// as soon as ``SoundClock`` and the count of samples differ by more than ``tolerance``, until they agree. Where they differ by
/// more than ``longestCorrection``, samples were lost or doubled: the line starts again with a discontinuity.
/// Thread-bound; allocates at init only.
public struct SoundTimeline: Sendable {
    /// Difference at which correction starts. With the error of the clock, it stays well within what recognition tolerates (8 ms).
    public static let tolerance = TimeSpan(nanoseconds: 2_000_000)
    public static let longestCorrection = TimeSpan.milliseconds(50)
    /// Correction ends where the two differ by less.
    private static let agreement = AudioFormat.sampleSpan
    /// Shorter pieces are passed on as they are: one sample more or less in a few would be heard.
    private static let leastCorrected = 64

    public private(set) var clock = SoundClock()
    /// Device samples so far, those that were lost included: the position of the next one.
    public private(set) var position = 0
    /// Samples inserted plus samples left out.
    public private(set) var correctedSamples = 0
    /// Starts of the line after the first.
    public private(set) var discontinuities = 0
    /// Device samples that came before the clock was ready, or again.
    public private(set) var discardedSamples = 0
    /// Instant of the next sample; `nil` before the first.
    public private(set) var next: Instant?
    /// True where the next piece starts a new line.
    private var isInterrupted = false
    private var isCorrecting = false
    /// The device's last sample before the next one, for interpolation.
    private var last: Float = 0
    private var scratch = [Float](repeating: 0, count: SoundRing.blockSamples + 1)

    public init() {}

    /// Device samples that never came.
    public mutating func lose(_ count: Int) {
        position += count
        isInterrupted = true
    }

    /// The next device sample does not continue the last one in any known way: another device, or the same after a pause.
    public mutating func restart() {
        clock.restart()
        isInterrupted = true
    }

    @discardableResult
    public mutating func measure(position: Double, instant: Instant) -> SoundClock.Outcome {
        clock.measure(position: position, instant: instant)
    }

    /// Writes the device's next samples to the ring.
    public mutating func append(_ samples: Span<Float>, to ring: SoundRing) {
        var start = 0
        while start < samples.count {
            let count = min(SoundRing.blockSamples, samples.count - start)
            appendPiece(samples.extracting(start..<start + count), to: ring)
            start += count
        }
    }

    private mutating func appendPiece(_ whole: Span<Float>, to ring: SoundRing) {
        guard let captured = clock.instant(of: Double(position)) else {
            position += whole.count
            discardedSamples += whole.count
            return
        }
        position += whole.count
        defer { last = whole[whole.count - 1] }
        guard let start = next else {
            next = captured
            isInterrupted = false
            ring.write(whole, start: advance(whole.count))
            return
        }

        let late = captured - start
        if isInterrupted || late > Self.longestCorrection || late < -Self.longestCorrection {
            var piece = whole
            if late < .zero {
                // Time never runs backwards: the part that would lie before what has been handed out is left out.
                let overlap = Int((-late).nanoseconds / AudioFormat.sampleSpan.nanoseconds)
                discardedSamples += min(overlap, whole.count)
                guard overlap < whole.count else {
                    isInterrupted = true
                    return
                }
                piece = whole.extracting(overlap...)
            } else {
                next = captured
            }
            isInterrupted = false
            isCorrecting = false
            discontinuities += 1
            ring.write(piece, start: advance(piece.count), isDiscontinuity: true)
            return
        }

        if !isCorrecting { isCorrecting = late > Self.tolerance || late < -Self.tolerance }
        if isCorrecting, late < Self.agreement, late > -Self.agreement { isCorrecting = false }
        guard isCorrecting, whole.count >= Self.leastCorrected else {
            ring.write(whole, start: advance(whole.count))
            return
        }
        correctedSamples += 1
        let count = late > .zero ? whole.count + 1 : whole.count - 1
        interpolate(whole, into: count)
        let begin = advance(count)
        ring.write(scratch.span.extracting(first: count), start: begin)
    }

    /// The instant of the next piece, which has `count` samples.
    private mutating func advance(_ count: Int) -> Instant {
        let start = next ?? .zero
        next = start + AudioFormat.span(samples: count)
        return start
    }

    /// Sample j of the result lies at (j + 1) · n ÷ count − 1 of the piece, where −1 is the sample before it: what joins the pieces
    /// on both sides is not bent.
    private mutating func interpolate(_ piece: Span<Float>, into count: Int) {
        let step = Float(piece.count) / Float(count)
        for j in 0..<count {
            // Counted from the sample before the piece.
            let place = Float(j + 1) * step
            let index = min(Int(place), piece.count)
            let fraction = place - Float(index)
            let left = index == 0 ? last : piece[index - 1]
            let right = index < piece.count ? piece[index] : left
            scratch[j] = left + (right - left) * fraction
        }
    }
}
