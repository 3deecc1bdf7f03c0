internal import Foundation

/// Mel-frequency cepstra of a stream exactly as `python_speech_features.mfcc` makes them for TalkNet and LR-ASD, a frame of 25 ms every 10 ms.
///
/// Samples rounded to 16 bits; pre-emphasis x[t] − 0.97·x[t−1] over the whole stream (the first sample stays); no window; power spectrum |X|²/512; 26 filters on
/// whole bins, 0…8000 Hz; natural logarithm, zeros replaced by the double epsilon; orthonormal DCT-II, 13 coefficients; lifter 1 + 11·sin(πn/22); the first
/// coefficient replaced by the logarithm of the frame's total energy.
///
/// Frame n begins at sample 160·n. That package pads the end of a signal with zeros to a whole frame: ``finish()`` does. What comes out does not depend
/// on the sizes of the blocks that went in.
///
/// The latest frames stay in a ring, `[frame, 13]`. Everything is allocated at init. Thread-bound.
@safe public final class MFCC {
    public let contract: MFCCContract
    private let cosines: Storage<Float>
    private let buffer: Storage<Float>
    private let energies: Storage<Float>
    private let transform = RealTransform()
    private let bank: FilterBank
    private let pending: SampleWindow
    private let ring: FeatureRing
    private var isFinished = false

    /// numpy.finfo(float).eps, what that package takes instead of an energy of zero.
    private static let epsilon = Float(Double.ulpOfOne)

    /// - Parameter capacity: frames kept; older ones give way to new ones.
    public init(contract: MFCCContract = MFCCContract(), capacity: Int = 1000) throws(FrontEndError) {
        try contract.check()
        self.contract = contract
        let filters = contract.filters
        cosines = Storage(count: contract.coefficients * filters)
        for n in 0..<contract.coefficients {
            let norm = n == 0 ? (1 / Double(filters)).squareRoot() : (2 / Double(filters)).squareRoot()
            let lifter = contract.lifter > 0 ? 1 + Double(contract.lifter) / 2 * sin(.pi * Double(n) / Double(contract.lifter)) : 1
            for m in 0..<filters {
                unsafe cosines.elements[n * filters + m] = Float(norm * lifter * cos(.pi * Double(n) * (Double(m) + 0.5) / Double(filters)))
            }
        }
        buffer = Storage(count: RealTransform.length)
        energies = Storage(count: filters)
        bank = .wholeBins(
            filters: filters, low: Double(contract.lowFrequency), high: Double(contract.highFrequency), sampleRate: Double(contract.sampleRate))
        pending = SampleWindow(length: contract.frameLength, shift: contract.frameShift, history: 1)
        ring = FeatureRing(width: contract.coefficients, capacity: capacity)
    }

    /// Numbers of the frames that can be read, counted from the stream's first.
    public var availableFrames: Range<Int> { ring.available }

    /// Takes samples in [−1, 1) and computes every frame that they complete.
    /// - Precondition: the stream is not finished.
    public func append(_ samples: Span<Float>) {
        precondition(!isFinished, "the stream is finished: reset it first")
        var taken = 0
        while taken < samples.count {
            taken += pending.take(samples, from: taken)
            if pending.isComplete {
                compute(samples: contract.frameLength)
                pending.advance()
            }
        }
    }

    /// Ends the stream: samples that fill no whole frame are completed with zeros, as the Python package does. Call ``reset()`` before a new stream.
    public func finish() {
        guard !isFinished else { return }
        isFinished = true
        let carried = pending.isFirst ? 0 : contract.frameLength - contract.frameShift
        guard pending.filled > carried else { return }
        compute(samples: pending.filled)
    }

    /// Copies frames, `[frames.count, 13]`.
    /// - Precondition: `frames` lies in ``availableFrames``.
    public func copyFrames(_ frames: Range<Int>, into output: inout MutableSpan<Float>) { ring.copy(frames, into: &output) }

    /// Forgets everything, for a stream that does not continue. The next frame is number 0 again.
    public func reset() {
        pending.reset()
        ring.reset()
        isFinished = false
    }

    /// - Parameter count: samples of the frame that exist; the zeros after them are put after the pre-emphasis.
    private func compute(samples count: Int) {
        let x = unsafe buffer.pointer
        let samples = unsafe pending.samples.pointer + 1
        func level(_ sample: Float) -> Float {
            contract.roundsTo16Bits ? min(max((sample * 32768).rounded(.toNearestOrEven), -32768), 32767) : sample * 32768
        }
        let emphasis = contract.preEmphasis
        var previous = unsafe pending.isFirst ? 0 : level(samples[-1])
        for i in 0..<count {
            let current = unsafe level(samples[i])
            unsafe x[i] = current - emphasis * previous
            previous = current
        }
        unsafe (x + count).update(repeating: 0, count: RealTransform.length - count)
        transform.transform(buffer)
        let power = unsafe transform.power.pointer
        var total: Float = 0
        for k in 0..<RealTransform.bins {
            unsafe power[k] *= 1 / Float(RealTransform.length)
            unsafe total += power[k]
        }
        let filters = contract.filters
        let logs = unsafe energies.pointer
        unsafe bank.apply(transform.power, into: logs)
        for m in 0..<filters { unsafe logs[m] = log(logs[m] == 0 ? Self.epsilon : logs[m]) }
        let output = unsafe ring.next
        for n in 0..<contract.coefficients {
            var sum: Float = 0
            let row = unsafe cosines.pointer + n * filters
            for m in 0..<filters { unsafe sum += row[m] * logs[m] }
            unsafe output[n] = sum
        }
        if contract.energyFirst { unsafe output[0] = log(total == 0 ? Self.epsilon : total) }
        ring.commit()
    }
}

extension MFCCContract {
    func check() throws(FrontEndError) {
        func require(_ condition: Bool, _ field: String, _ got: String, _ expected: String) throws(FrontEndError) {
            if !condition { throw .contractMismatch(field: "sound.\(field)", got: got, expected: expected) }
        }
        try require(sampleRate == 16_000, "sampleRate", "\(sampleRate)", "16000")
        try require(transformLength == RealTransform.length, "transformLength", "\(transformLength)", "\(RealTransform.length)")
        try require((2...transformLength).contains(frameLength), "frameLength", "\(frameLength)", "2…\(transformLength)")
        try require((1...frameLength).contains(frameShift), "frameShift", "\(frameShift)", "1…\(frameLength)")
        try require((1...256).contains(filters), "filters", "\(filters)", "1…256")
        try require((1...filters).contains(coefficients), "coefficients", "\(coefficients)", "1…\(filters)")
        try require(
            lowFrequency >= 0 && lowFrequency < highFrequency && highFrequency <= 8000, "lowFrequency and highFrequency",
            "\(lowFrequency)…\(highFrequency)", "rising, within 0…8000")
        try require((0...1).contains(preEmphasis), "preEmphasis", "\(preEmphasis)", "0…1")
        try require(lifter.isFinite, "lifter", "\(lifter)", "a number")
    }
}
