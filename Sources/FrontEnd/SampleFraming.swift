public import MediaTypes

/// Cuts a stream into windows of new samples with the samples before them as context (Silero: 512 new, 64 of context; zeros before the stream's first).
///
/// Everything is allocated at init. Thread-bound.
@safe public final class SampleFraming {
    public let contract: WaveformContract
    private let pending: SampleWindow
    private var windows = 0

    public init(contract: WaveformContract) throws(FrontEndError) {
        guard contract.sampleRate == AudioFormat.sampleRate else {
            throw .contractMismatch(field: "sound.sampleRate", got: "\(contract.sampleRate)", expected: "\(AudioFormat.sampleRate)")
        }
        guard (1...1 << 20).contains(contract.window), (0...contract.window).contains(contract.context) else {
            throw .contractMismatch(
                field: "sound.window and context", got: "\(contract.window) and \(contract.context)",
                expected: "a window of 1…1048576 and a context of at most the window")
        }
        self.contract = contract
        pending = SampleWindow(length: contract.window, shift: contract.window, history: contract.context)
    }

    /// Takes samples and hands each window that they complete to `body`: `[context + window]`, and the position of its first new sample since the start.
    ///
    /// Where `body` throws, the rest of the samples is dropped: the stream does not continue, so ``reset()`` it.
    public func append<E: Error>(_ samples: Span<Float>, _ body: (Span<Float>, SamplePosition) throws(E) -> Void) throws(E) {
        var taken = 0
        while taken < samples.count {
            taken += pending.take(samples, from: taken)
            guard pending.isComplete else { continue }
            let position = SamplePosition(Int64(windows) * Int64(contract.window))
            windows += 1
            defer { pending.advance() }
            try body(unsafe Span(_unsafeElements: UnsafeBufferPointer(pending.samples.elements)), position)
        }
    }

    /// Forgets everything, for a stream that does not continue. Positions start at 0 again.
    public func reset() {
        pending.reset()
        windows = 0
    }
}
