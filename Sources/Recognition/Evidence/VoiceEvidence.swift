import MediaTypes

/// What is known of one appearance's voice: the mean embedding of the speech credited to it.
///
/// Speech fills a window; a full window's embedding joins the mean for good (older windows fade), and the window that is
/// being filled joins it for the time being. Allocates at init only.
struct VoiceEvidence {
    /// Newly credited frames (10 ms) after which the embedding is worth computing again.
    static let refresh = 50
    static let retention: Float = 0.8
    /// Speech is credited by the grid frame.
    static let framesAtOnce = 4

    private let filters: Int
    private let capacity: Int
    private var window: [Float]
    private var arriving: [Float]
    private var windowCount = 0
    private var sum: [Float]
    private var scratch: [Float]
    private var encodedFrames = 0
    /// Unit length; meaningless while ``isKnown`` is false.
    private(set) var mean: [Float]
    private(set) var isKnown = false
    /// Embedding of the newest window alone, unit length.
    var newest: [Float] { scratch }
    /// Length of the newest window in frames.
    private(set) var newestFrames = 0
    /// Windows begun, counted from 0.
    private(set) var windowIndex = 0
    private var closesWindow = false
    /// Frames credited.
    private(set) var frames = 0
    /// Speech over noise in dB, smoothed over about 0.4 s of credited speech; `nil` while not known.
    private(set) var signalToNoise: Float?
    /// End of the newest credited frame.
    private(set) var last: Instant?

    init(encoder: VoiceEncoder) {
        filters = encoder.filters
        capacity = VoiceEncoder.lengths.last ?? 300
        window = [Float](repeating: 0, count: capacity * filters)
        arriving = [Float](repeating: 0, count: Self.framesAtOnce * filters)
        // Each of its own: arrays that share their storage are copied where one is first written, in the midst of a stream.
        sum = [Float](repeating: 0, count: encoder.dimension)
        scratch = [Float](repeating: 0, count: encoder.dimension)
        mean = [Float](repeating: 0, count: encoder.dimension)
    }

    var seconds: Float { Float(frames) / 100 }

    /// Credits the frames of one grid frame, which `copy` writes, `[framesAtOnce, filters]`.
    /// - Parameter ratio: of speech to noise in dB, where it is known.
    mutating func append(until end: Instant, signalToNoise ratio: Float?, copy: (inout MutableSpan<Float>) -> Void) {
        let count = Self.framesAtOnce
        precondition(count <= capacity - windowCount)
        var arrived = arriving.mutableSpan
        copy(&arrived)
        let start = windowCount * filters
        for index in arriving.indices { window[start + index] = arriving[index] }
        windowCount += count
        frames += count
        if let ratio { signalToNoise = signalToNoise.map { $0 + 0.1 * (ratio - $0) } ?? ratio }
        last = end
    }

    /// Frames that ``append(count:until:copy:)`` takes before the window must be encoded.
    var room: Int { capacity - windowCount }

    var needsEncoding: Bool {
        VoiceEncoder.suffices(frames: windowCount)
            && (windowCount == capacity || frames - encodedFrames >= Self.refresh || !isKnown)
    }

    /// Computes the embedding anew.
    mutating func encode(with encoder: VoiceEncoder) throws(RecognitionError) {
        if closesWindow { windowIndex += 1 }
        closesWindow = windowCount == capacity
        newestFrames = windowCount
        // Taken out, so that the window can be read while the embedding is written.
        var embedding = scratch
        scratch = []
        defer { scratch = embedding }
        try encoder.encode(window.span.extracting(first: windowCount * filters), into: &embedding)
        for index in sum.indices { mean[index] = sum[index] + embedding[index] * Float(windowCount) }
        UnitLength.normalise(&mean)
        isKnown = true
        encodedFrames = frames
        if windowCount == capacity {
            for index in sum.indices { sum[index] = sum[index] * Self.retention + embedding[index] * Float(windowCount) }
            windowCount = 0
        }
    }

    /// Speech that was credited but is in no embedding yet, and is enough for one.
    var hasUnencodedSpeech: Bool { VoiceEncoder.suffices(frames: windowCount) && frames > encodedFrames }

    /// Speech gathered elsewhere turned out to be this appearance's.
    mutating func absorb(_ other: VoiceEvidence) {
        for index in sum.indices {
            sum[index] += other.mean[index] * Float(other.frames)
            mean[index] = sum[index]
        }
        UnitLength.normalise(&mean)
        isKnown = true
        frames += other.frames
        encodedFrames = frames
        signalToNoise = signalToNoise ?? other.signalToNoise
        if let end = other.last { last = max(last ?? end, end) }
    }

    mutating func reset() {
        windowCount = 0
        newestFrames = 0
        windowIndex = 0
        closesWindow = false
        encodedFrames = 0
        frames = 0
        isKnown = false
        signalToNoise = nil
        last = nil
        for index in sum.indices { sum[index] = 0 }
    }
}
