import Synchronization

/// Sound on its way from a device's thread to the thread that listens: a lock-free ring of 16 kHz mono samples.
///
/// One thread writes and one thread reads; each may be any thread, one at a time. Everything is allocated at init: neither side
/// allocates (a reader that keeps a block's samples pays for the next block's array) and neither waits for the other. Where
/// the reader is slow and a piece does not fit, the new piece is refused whole and counted, and so are the next ones until a
/// quarter of the ring is free: one gap, not many. The first piece after it is marked as a discontinuity.
///
/// Indices only grow; the slot is the remainder.
@safe public final class SoundRing: @unchecked Sendable {
    // Unchecked: `samples` and `runs` between the read and the written indices belong to the reader, the rest to the writer, and
    // an index is published with release after what it covers was touched. The properties under "The writer's" and "The
    // reader's" are touched by that one thread alone.

    /// Most samples of a block that ``read(_:)`` hands out: 20 ms.
    public static let blockSamples = 320

    /// A piece that does not continue the one before it to the nanosecond.
    private struct Run {
        var first: Int
        var start: Instant
        var isDiscontinuity: Bool
    }

    private static let runCapacity = 1024

    /// Samples that fit.
    public let capacity: Int
    private let samples: UnsafeMutablePointer<Float>
    private let runs: UnsafeMutablePointer<Run>
    private let wake: WakeSignal
    private let written = Atomic<Int>(0)
    private let runsWritten = Atomic<Int>(0)
    private let consumed = Atomic<Int>(0)
    private let runsConsumed = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)

    // The writer's.
    private var expected: Instant?
    private var isInterrupted = false

    // The reader's.
    private var block: AudioBlock
    private var run = Run(first: 0, start: .zero, isDiscontinuity: false)
    private var isReading = false

    /// - Parameters:
    ///   - capacity: samples that wait for the reader at most; by default 4 s.
    ///   - wake: is raised after every piece written.
    /// - Precondition: `capacity` is at least ``blockSamples``.
    public init(capacity: Int = 4 * AudioFormat.sampleRate, wake: WakeSignal) {
        precondition(capacity >= Self.blockSamples, "sound ring of \(capacity) samples, expected at least \(Self.blockSamples)")
        self.capacity = capacity
        self.wake = wake
        unsafe samples = .allocate(capacity: capacity)
        unsafe samples.initialize(repeating: 0, count: capacity)
        unsafe runs = .allocate(capacity: Self.runCapacity)
        unsafe runs.initialize(repeating: Run(first: 0, start: .zero, isDiscontinuity: false), count: Self.runCapacity)
        var room: [Float] = []
        room.reserveCapacity(Self.blockSamples)
        block = AudioBlock(start: .zero, samples: room)
    }

    deinit {
        unsafe samples.deallocate()
        unsafe runs.deallocate()
    }

    /// Samples that were refused because the ring was full. Any thread.
    public var droppedSamples: Int { dropped.load(ordering: .relaxed) }

    /// Samples that were taken since init. Any thread.
    public var writtenSamples: Int { written.load(ordering: .relaxed) }

    /// Appends a piece and wakes the reader. The writer's thread only; never blocks, never allocates.
    /// - Parameters:
    ///   - start: capture instant of the first sample.
    ///   - isDiscontinuity: samples were lost since the last piece. A piece that starts elsewhere than the last one ended is none
    ///     by that alone: instants may be corrected.
    /// - Returns: false where the piece was refused because there was no room for it.
    @discardableResult
    public func write(_ piece: Span<Float>, start: Instant, isDiscontinuity: Bool = false) -> Bool {
        guard !piece.isEmpty else { return true }
        let first = written.load(ordering: .relaxed)
        let runCount = runsWritten.load(ordering: .relaxed)
        let isRun = isDiscontinuity || isInterrupted || start != expected
        let free = capacity - (first - consumed.load(ordering: .acquiring))
        guard free >= piece.count, !isInterrupted || free >= capacity / 4,
            !isRun || runCount - runsConsumed.load(ordering: .acquiring) < Self.runCapacity
        else {
            dropped.add(piece.count, ordering: .relaxed)
            isInterrupted = true
            return false
        }
        if isRun {
            unsafe runs[runCount % Self.runCapacity] = Run(
                first: first, start: start, isDiscontinuity: isDiscontinuity || isInterrupted)
            runsWritten.store(runCount + 1, ordering: .releasing)
        }
        let slot = first % capacity
        let untilEnd = min(piece.count, capacity - slot)
        unsafe piece.withUnsafeBufferPointer { source in
            unsafe (samples + slot).update(from: source.baseAddress!, count: untilEnd)
            unsafe samples.update(from: source.baseAddress! + untilEnd, count: source.count - untilEnd)
        }
        isInterrupted = false
        expected = start + AudioFormat.span(samples: piece.count)
        written.store(first + piece.count, ordering: .releasing)
        wake.raise()
        return true
    }

    /// Hands out the oldest sound: at most ``blockSamples`` samples, fewer where fewer are there or where the next sample does
    /// not continue them. The reader's thread only.
    ///
    /// The block's array is filled again by the next call; what `body` keeps of it costs a new array. A block counts as read
    /// also where `body` throws.
    /// - Returns: what `body` returns, `nil` where nothing waits.
    /// - Precondition: not called from within `body`.
    public func read<R>(_ body: (AudioBlock) throws -> R) rethrows -> R? {
        precondition(!isReading, "a sound ring is read from within its own read")
        let first = consumed.load(ordering: .relaxed)
        let available = written.load(ordering: .acquiring)
        guard first < available else { return nil }
        // Runs are published before the samples that they begin with.
        let runsAvailable = runsWritten.load(ordering: .acquiring)
        var runIndex = runsConsumed.load(ordering: .relaxed)
        var isDiscontinuity = false
        if runIndex < runsAvailable, unsafe runs[runIndex % Self.runCapacity].first == first {
            run = unsafe runs[runIndex % Self.runCapacity]
            isDiscontinuity = run.isDiscontinuity
            runIndex += 1
            runsConsumed.store(runIndex, ordering: .releasing)
        }
        var end = min(available, first + Self.blockSamples)
        if runIndex < runsAvailable { end = min(end, unsafe runs[runIndex % Self.runCapacity].first) }

        block.start = run.start + AudioFormat.span(samples: first - run.first)
        block.isDiscontinuity = isDiscontinuity
        block.samples.removeAll(keepingCapacity: true)
        let slot = first % capacity
        let untilEnd = min(end - first, capacity - slot)
        unsafe block.samples.append(contentsOf: UnsafeBufferPointer(start: samples + slot, count: untilEnd))
        unsafe block.samples.append(contentsOf: UnsafeBufferPointer(start: samples, count: end - first - untilEnd))
        consumed.store(end, ordering: .releasing)

        isReading = true
        defer { isReading = false }
        return try body(block)
    }
}
