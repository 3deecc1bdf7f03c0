public import FrontEnd
public import MediaTypes

/// The sound of a stream on the media time line, as the features that networks read.
///
/// Samples are numbered from the first one heard. Where the stream pauses, zeros keep the numbering in step with time, up to
/// ``longestFill``; after a longer pause the numbering starts again (``generation``). A *frame* is 10 ms: frame n of every
/// feature begins n · 10 ms after ``origin``. Thread-bound; allocates at init only.
public final class SoundStream {
    /// 10 ms.
    public static let frameSpan = TimeSpan.milliseconds(10)
    static let frameSamples = 160
    static let longestFill = AudioFormat.sampleRate * 5
    /// Blocks that start within this of where the last one ended continue it: timestamps are rounded.
    static let jitter = TimeSpan.milliseconds(8)
    /// Frames of features that are kept.
    static let capacity = 1500

    public let logMel: LogMel?
    public let mfcc: MFCC
    public let voiceActivity: (any VoiceActivityDetector)?
    /// Instant of sample 0; `nil` before the first block.
    public private(set) var origin: Instant?
    /// Where the next sample belongs.
    public private(set) var end = SamplePosition(0)
    /// Grows where numbering starts again.
    public private(set) var generation = 0
    /// Samples that came twice or too late, and were dropped.
    public private(set) var droppedSamples = 0
    /// Samples that were missing between blocks and are zeros now.
    public private(set) var filledSamples = 0
    /// Level, noise and digital silence of what was heard; pauses that were filled do not count.
    public private(set) var level = SignalLevel()
    private let zeros = [Float](repeating: 0, count: 1600)
    /// Filled frames among the kept ones.
    private var isFilled = [Bool](repeating: false, count: capacity)
    var timings: StageTimings

    public init(
        logMel: LogMelContract?, voiceActivity: (any VoiceActivityDetector)?, timings: StageTimings
    ) throws(RecognitionError) {
        self.voiceActivity = voiceActivity
        self.timings = timings
        (self.logMel, mfcc) = try RecognitionError.naming("front end") {
            (try logMel.map { try LogMel(contract: $0, capacity: Self.capacity) }, try MFCC(capacity: Self.capacity))
        }
    }

    /// Instant after the last sample.
    public var endInstant: Instant? { origin.map { $0 + AudioFormat.span(samples: Int(end.index)) } }

    /// Number of the frame that begins nearest to an instant; may lie outside of what is kept.
    public func frame(at instant: Instant) -> Int {
        guard let origin else { return 0 }
        let offset = (instant - origin).nanoseconds + Self.frameSpan.nanoseconds / 2
        return Int((Double(offset) / Double(Self.frameSpan.nanoseconds)).rounded(.down))
    }

    public func instant(ofFrame frame: Int) -> Instant {
        (origin ?? .zero) + TimeSpan(nanoseconds: Int64(frame) * Self.frameSpan.nanoseconds)
    }

    public func append(_ block: AudioBlock) throws(RecognitionError) {
        guard !block.samples.isEmpty else { return }
        guard let expected = endInstant else {
            origin = block.start
            try take(block.samples.span, filled: false)
            return
        }
        let gap = block.start - expected
        let samples = Int((Double(gap.nanoseconds) / Double(AudioFormat.sampleSpan.nanoseconds)).rounded())
        if gap > Self.jitter {
            if samples > Self.longestFill {
                restart(at: block.start)
            } else {
                try fill(samples)
            }
        } else if gap < -Self.jitter {
            let overlap = -samples
            guard overlap < block.samples.count else {
                droppedSamples += block.samples.count
                return
            }
            droppedSamples += overlap
            try take(block.samples.span.extracting(overlap...), filled: false)
            return
        }
        try take(block.samples.span, filled: false)
    }

    /// True where the frame is heard, and not filled in for a pause.
    public func isHeard(frame: Int) -> Bool {
        guard frame >= 0, frame < Int(end.index) / Self.frameSamples, frame > Int(end.index) / Self.frameSamples - Self.capacity
        else { return false }
        return !isFilled[frame % Self.capacity]
    }

    /// Probability of speech in a frame; `nil` where it is not known yet.
    public func speechProbability(frame: Int) -> Float? {
        guard frame >= 0 else { return 0 }
        return voiceActivity?.probability(at: SamplePosition(Int64(frame) * Int64(Self.frameSamples) + 80))
    }

    /// Answers for what waited for more, which does not come.
    func finish() throws(RecognitionError) { try voiceActivity?.finish() }

    private func restart(at instant: Instant) {
        interrupt()
        origin = instant
    }

    /// Forgets what was heard: what comes next does not continue it, and is numbered anew.
    public func interrupt() {
        generation += 1
        origin = nil
        end = SamplePosition(0)
        logMel?.reset()
        mfcc.reset()
        voiceActivity?.reset()
        level.reset()
    }

    private func fill(_ count: Int) throws(RecognitionError) {
        filledSamples += count
        var left = count
        while left > 0 {
            let run = min(left, zeros.count)
            try zeros.withSpan { (zeros) throws(RecognitionError) in try take(zeros.extracting(first: run), filled: true) }
            left -= run
        }
    }

    private func take(_ samples: Span<Float>, filled: Bool) throws(RecognitionError) {
        let firstFrame = Int(end.index) / Self.frameSamples
        end = end + samples.count
        for frame in firstFrame...max(firstFrame, Int(end.index) / Self.frameSamples) { isFilled[frame % Self.capacity] = filled }
        timings.measure(.soundFeatures) {
            if !filled { level.append(samples) }
            logMel?.append(samples)
            mfcc.append(samples)
        }
        if let voiceActivity {
            try timings.measure(.voiceActivity) { () throws(RecognitionError) in try voiceActivity.append(samples, features: logMel) }
        }
    }
}
