/// A run of consecutive sound samples, 16 kHz mono in [−1, 1).
public struct AudioBlock: Sendable {
    /// Capture instant of the first sample.
    public var start: Instant
    public var samples: [Float]
    /// True where the stream does not continue the previous block: samples were lost between the two.
    public var isDiscontinuity: Bool

    public init(start: Instant, samples: [Float], isDiscontinuity: Bool = false) {
        self.start = start
        self.samples = samples
        self.isDiscontinuity = isDiscontinuity
    }

    public var end: Instant { start + AudioFormat.span(samples: samples.count) }
}
