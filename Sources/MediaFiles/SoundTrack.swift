import CFFmpeg
import MediaTypes

/// The sound of a file as blocks of ``blockLength`` samples of one rate and channel count, on the time line of the container.
/// Thread-bound.
///
/// Blocks follow each other without a gap while the stream's own times agree with the number of samples to within
/// ``tolerance``; the sum is then exact to the sample, and the rounding of a container's time stamps does not show. Where the
/// stream leaps forward (packets were lost, or the recorder paused) the block so far ends short, and the next begins a new run
/// at its own time. Where it leaps back, the samples that would overlap are dropped; stamps that fall back by less than
/// ``patience`` are ignored for ``mostBehind`` frames, because muxers let stamps jitter where nothing is lost, and are no damage
/// after that either: clips joined without care overlap by an encoder's delay.
@safe final class SoundTrack {
    static let blockLength = 320
    /// Nanoseconds.
    static let tolerance: Int64 = 20_000_000
    /// Nanoseconds.
    static let patience: Int64 = 60_000_000
    static let mostBehind = 8

    let decoder: StreamDecoder
    let rate: Int
    let channels: Int
    private let damage: DamageLog
    private var resampler = Resampler()
    /// The input format that ``resampler`` was made for.
    private var format: (rate: Int32, samples: Int32, channels: Int32) = (0, 0, 0)
    /// Stands for "no input, but more will come", which the resampler tells from "no more input" by the pointer.
    private let noInput: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>
    private static let mostChannels = 64

    private enum Run { case none, open, flushing }
    private var run = Run.none
    /// Of the current run: container time of its first sample, and samples given out.
    private var runStart: Int64 = 0
    private var runDelivered = 0
    /// Of the current run: the source's own time at its start, and source samples taken in.
    private var runSourceStart: Int64 = 0
    private var runTaken = 0
    /// Frames in a row whose stamps are behind the count of samples.
    private var behind = 0
    private var isFirstOfRun = true
    private var runIsDiscontinuity = false
    private var hasRun = false
    private var isFrameWaiting = false
    private var isSourceEnded = false

    /// The waiting block, interleaved where there are several channels; its `start` is container time.
    private(set) var block: AudioBlock
    private var filled = 0
    private(set) var isBlockWaiting = false

    init(_ decoder: StreamDecoder, rate: Int = AudioFormat.sampleRate, channels: Int = 1, damage: DamageLog) {
        self.decoder = decoder
        self.rate = rate
        self.channels = channels
        self.damage = damage
        block = AudioBlock(start: .zero, samples: [Float](repeating: 0, count: SoundTrack.blockLength * channels))
        unsafe noInput = .allocate(capacity: SoundTrack.mostChannels)
        unsafe noInput.initialize(repeating: nil, count: SoundTrack.mostChannels)
    }

    deinit { unsafe noInput.deallocate() }

    /// Of the file's sound as last decoded.
    var sourceRate: Int { Int(format.rate) }
    var sourceChannels: Int { Int(format.channels) }

    var isEnded: Bool { isSourceEnded && run == .none && !isFrameWaiting && !isBlockWaiting }

    /// Prepares the next block unless one waits already. None waits after it at the end of the sound.
    func advance() {
        guard !isBlockWaiting else { return }
        filled = 0
        let length = SoundTrack.blockLength * channels
        if block.samples.count != length { block.samples = [Float](repeating: 0, count: length) }
        while true {
            switch run {
            case .open:
                unsafe convert(input: noInput, count: 0)
                if filled == SoundTrack.blockLength { return finishBlock() }
                decodeIfNeeded()
                if isFrameWaiting, continuesRun() { push() } else { run = .flushing }
            case .flushing:
                let before = filled
                unsafe convert(input: nil, count: 0)
                if filled == SoundTrack.blockLength { return finishBlock() }
                if filled == before {
                    run = .none
                    if filled > 0 { return finishBlock() }
                }
            case .none:
                decodeIfNeeded()
                guard isFrameWaiting else { return }
                startRun()
            }
            if filled == SoundTrack.blockLength { return finishBlock() }
        }
    }

    func take() -> AudioBlock {
        isBlockWaiting = false
        return block
    }

    private func decodeIfNeeded() {
        guard !isFrameWaiting, !isSourceEnded else { return }
        isFrameWaiting = decoder.next()
        isSourceEnded = !isFrameWaiting
    }

    private func finishBlock() {
        block.start = Instant(nanoseconds: runStart + Int64(runDelivered) * 1_000_000_000 / Int64(rate))
        block.isDiscontinuity = isFirstOfRun && runIsDiscontinuity
        if filled < SoundTrack.blockLength { block.samples.removeLast((SoundTrack.blockLength - filled) * channels) }
        runDelivered += filled
        isFirstOfRun = false
        hasRun = true
        isBlockWaiting = true
    }

    /// Opens a run with the waiting frame, or drops the frame.
    private func startRun() {
        let frame = unsafe decoder.frame.pointer
        let sourceRate = unsafe frame.pointee.sample_rate
        let end = runStart + Int64(runDelivered) * 1_000_000_000 / Int64(rate)
        let declared = unsafe decoder.nanoseconds(frame.pointee.best_effort_timestamp) ?? (hasRun ? end : 0)
        guard sourceRate > 0, unsafe frame.pointee.ch_layout.nb_channels <= SoundTrack.mostChannels,
            resampler.open(like: decoder.frame, channels: Int32(channels), rate: Int32(rate))
        else {
            damage.report(.sound, nanoseconds: declared, detail: "a sound format that cannot be converted")
            isFrameWaiting = false
            return
        }
        runStart = declared
        if hasRun, declared < end {
            let length = unsafe Int64(frame.pointee.nb_samples) * 1_000_000_000 / Int64(sourceRate)
            if end - declared > SoundTrack.patience {
                damage.report(.timestamp, nanoseconds: declared, detail: "sound goes back in time; what overlaps was dropped")
            }
            if declared + length <= end {
                isFrameWaiting = false
                return restoreEnd(end)
            }
            _ = unsafe swr_drop_output(resampler.pointer, Int32((end - declared) * Int64(rate) / 1_000_000_000))
            runStart = end
        }
        unsafe format = (sourceRate, frame.pointee.format, frame.pointee.ch_layout.nb_channels)
        // Rounding of time stamps aside, a change of format alone loses nothing.
        runIsDiscontinuity = hasRun && abs(declared - end) > 2_000_000
        runSourceStart = declared
        runDelivered = 0
        runTaken = 0
        behind = 0
        isFirstOfRun = true
        run = .open
        push()
    }

    /// Keeps the time line where the last run ended.
    private func restoreEnd(_ end: Int64) {
        runStart = end
        runDelivered = 0
    }

    private func continuesRun() -> Bool {
        let frame = unsafe decoder.frame.pointer
        guard unsafe frame.pointee.sample_rate == format.rate, unsafe frame.pointee.format == format.samples,
            unsafe frame.pointee.ch_layout.nb_channels == format.channels
        else { return false }
        guard let declared = unsafe decoder.nanoseconds(frame.pointee.best_effort_timestamp) else { return true }
        let expected = runSourceStart + Int64(runTaken) * 1_000_000_000 / Int64(format.rate)
        let deviation = declared - expected
        if deviation > SoundTrack.tolerance || deviation < -SoundTrack.patience { return false }
        behind = deviation < -SoundTrack.tolerance ? behind + 1 : 0
        return behind <= SoundTrack.mostBehind
    }

    /// Gives the waiting frame to the resampler and takes what comes out.
    private func push() {
        let frame = unsafe decoder.frame.pointer
        let count = unsafe frame.pointee.nb_samples
        unsafe convert(input: frame.pointee.extended_data, count: count)
        runTaken += Int(count)
        isFrameWaiting = false
    }

    /// Fills the block from the resampler: with `count` samples more, with none but more to come, or, at nil, with what it
    /// keeps back at the end.
    private func convert(input: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, count: Int32) {
        let room = Int32(SoundTrack.blockLength - filled)
        let offset = filled * channels
        let context = unsafe resampler.pointer
        let produced = unsafe block.samples.withUnsafeMutableBufferPointer { samples in
            unsafe samples.withMemoryRebound(to: UInt8.self) { bytes in
                var output: UnsafeMutablePointer<UInt8>? = unsafe bytes.baseAddress! + offset * MemoryLayout<Float>.stride
                return unsafe swr_convert(context, &output, room, UnsafeMutableRawPointer(input)?.assumingMemoryBound(to: UnsafePointer<UInt8>?.self), count)
            }
        }
        filled += Int(max(0, produced))
    }
}
