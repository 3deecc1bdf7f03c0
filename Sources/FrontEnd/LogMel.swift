internal import Foundation

/// Kaldi's log-mel filter bank of a stream, a frame of 25 ms every 10 ms.
///
/// Each frame: offset removed, pre-emphasis x[i] − 0.97·x[i−1] inside the frame (its first sample with itself), Hamming window 0.54 − 0.46·cos(2πi/399),
/// power spectrum of 512, 80 mel filters of 20…8000 Hz, natural logarithm with a floor. Frame n begins at sample 160·n; a frame is there as soon
/// as its last sample is, and the end of a stream gives no partial frame (`snip_edges`). What comes out does not depend on the sizes of the blocks that
/// went in.
///
/// The latest frames stay in a ring, `[frame, 80]`. Everything is allocated at init. Thread-bound.
@safe public final class LogMel {
    public let contract: LogMelContract
    private let window: Storage<Float>
    private let buffer: Storage<Float>
    private let transform = RealTransform()
    private let bank: FilterBank
    private let pending: SampleWindow
    private let ring: FeatureRing

    /// - Parameter capacity: frames kept; older ones give way to new ones.
    public init(contract: LogMelContract = LogMelContract(), capacity: Int = 1000) throws(FrontEndError) {
        try contract.check()
        self.contract = contract
        let length = contract.frameLength
        window = Storage(count: length)
        for i in 0..<length {
            let phase = 2 * Double.pi * Double(i) / Double(length - 1)
            let value: Double =
                switch contract.window {
                case .hamming: 0.54 - 0.46 * cos(phase)
                case .povey: pow(0.5 - 0.5 * cos(phase), 0.85)
                }
            unsafe window.elements[i] = Float(value)
        }
        buffer = Storage(count: RealTransform.length)
        bank = .kaldi(
            filters: contract.filters, low: Double(contract.lowFrequency), high: Double(contract.highFrequency),
            sampleRate: Double(contract.sampleRate))
        pending = SampleWindow(length: length, shift: contract.frameShift, history: 0)
        ring = FeatureRing(width: contract.filters, capacity: capacity)
    }

    /// Numbers of the frames that can be read, counted from the stream's first.
    public var availableFrames: Range<Int> { ring.available }

    /// Takes samples in [−1, 1) and computes every frame that they complete.
    public func append(_ samples: Span<Float>) {
        var taken = 0
        while taken < samples.count {
            taken += pending.take(samples, from: taken)
            if pending.isComplete {
                compute()
                pending.advance()
            }
        }
    }

    /// Copies frames, `[frames.count, 80]`.
    /// - Precondition: `frames` lies in ``availableFrames``.
    public func copyFrames(_ frames: Range<Int>, into output: inout MutableSpan<Float>) { ring.copy(frames, into: &output) }

    /// Forgets everything, for a stream that does not continue. The next frame is number 0 again.
    public func reset() {
        pending.reset()
        ring.reset()
    }

    /// Subtracts from each filter its mean over the frames, in place.
    /// - Parameter frames: `[frame, filters]`.
    public static func subtractMean(from frames: inout MutableSpan<Float>, filters: Int) {
        precondition(filters > 0 && frames.count % filters == 0)
        let count = frames.count / filters
        guard count > 0 else { return }
        unsafe frames.withUnsafeMutableBufferPointer { frames in
            for m in 0..<filters {
                var sum = 0.0
                for t in 0..<count { unsafe sum += Double(frames[t * filters + m]) }
                let mean = Float(sum / Double(count))
                for t in 0..<count { unsafe frames[t * filters + m] -= mean }
            }
        }
    }

    private func compute() {
        let length = contract.frameLength
        let x = unsafe buffer.pointer
        let samples = unsafe pending.samples.pointer
        let scale = contract.sampleScale
        var offset: Float = 0
        if contract.removesOffset {
            var sum: Float = 0
            for i in 0..<length { unsafe sum += samples[i] * scale }
            offset = sum / Float(length)
        }
        let emphasis = contract.preEmphasis
        var previous = unsafe samples[0] * scale - offset
        for i in 0..<length {
            let current = unsafe samples[i] * scale - offset
            unsafe x[i] = (current - emphasis * previous) * window.pointer[i]
            previous = current
        }
        // The rest of the buffer stays zero from init.
        transform.transform(buffer)
        let output = unsafe ring.next
        unsafe bank.apply(transform.power, into: output)
        for m in 0..<contract.filters { unsafe output[m] = log(max(output[m], contract.energyFloor)) }
        ring.commit()
    }
}

extension LogMelContract {
    func check() throws(FrontEndError) {
        func require(_ condition: Bool, _ field: String, _ got: String, _ expected: String) throws(FrontEndError) {
            if !condition { throw .contractMismatch(field: "sound.\(field)", got: got, expected: expected) }
        }
        try require(sampleRate == 16_000, "sampleRate", "\(sampleRate)", "16000")
        try require(transformLength == RealTransform.length, "transformLength", "\(transformLength)", "\(RealTransform.length)")
        try require((2...transformLength).contains(frameLength), "frameLength", "\(frameLength)", "2…\(transformLength)")
        try require((1...frameLength).contains(frameShift), "frameShift", "\(frameShift)", "1…\(frameLength)")
        try require((1...256).contains(filters), "filters", "\(filters)", "1…256")
        try require(
            lowFrequency >= 0 && lowFrequency < highFrequency && highFrequency <= 8000, "lowFrequency and highFrequency",
            "\(lowFrequency)…\(highFrequency)", "rising, within 0…8000")
        try require((0...1).contains(preEmphasis), "preEmphasis", "\(preEmphasis)", "0…1")
        try require(sampleScale > 0 && sampleScale.isFinite, "sampleScale", "\(sampleScale)", "a positive number")
        try require(energyFloor > 0 && energyFloor.isFinite, "energyFloor", "\(energyFloor)", "a positive number")
    }
}
