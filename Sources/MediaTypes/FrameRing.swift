import Synchronization

/// A fixed pool of frames between one source and one consumer. What is full loses its oldest frame, never its newest, and a frame
/// that is being read is never touched.
///
/// One thread writes, one thread reads, and neither waits for the other: no lock, and no allocation while the size of the frames
/// stays. A source whose pictures change in size writes them into the same ring: each slot gets a new frame when it is claimed, and the
/// consumer sees the sizes in the order of the pictures. The counts may be read on any thread.
public final class FrameRing: Sendable {
    /// Unchecked: the frame belongs to whoever has moved `state` to writing (the source) or reading (the consumer).
    private final class Slot: @unchecked Sendable {
        /// The number of the picture above two bits of ``Phase``.
        let state = Atomic<UInt64>(Phase.free)
        var frame: VideoFrame

        init(_ frame: VideoFrame) { self.frame = frame }
    }

    private enum Phase {
        static let free: UInt64 = 0, writing: UInt64 = 1, ready: UInt64 = 2, reading: UInt64 = 3
        static let mask: UInt64 = 3
    }

    /// Walked by index: an iterator over it is an allocation in an unoptimised build.
    private let slots: [Slot]
    private let wake: WakeSignal
    /// Pictures published so far; the next one gets this number.
    private let published = Atomic<UInt64>(0)
    private let dropped = Atomic<Int>(0)

    /// - Parameters:
    ///   - capacity: frames in the pool. One is being read and one written, so at most `capacity` − 1 wait while the consumer is busy.
    ///   - wake: raised for every frame that is published.
    /// - Precondition: capacity is 3…64.
    public init(capacity: Int, width: Int, height: Int, wake: WakeSignal) {
        precondition((3...64).contains(capacity), "ring of \(capacity) frames")
        slots = (0..<capacity).map { _ in Slot(VideoFrame(width: width, height: height)) }
        self.wake = wake
    }

    public var capacity: Int { slots.count }

    /// Frames written completely.
    public var publishedFrames: Int { Int(published.load(ordering: .relaxed)) }

    /// Frames that gave way to a newer one before they were read.
    public var droppedFrames: Int { dropped.load(ordering: .relaxed) }

    /// Frames that wait to be read.
    public var depth: Int {
        var count = 0
        for i in slots.indices where slots[i].state.load(ordering: .relaxed) & Phase.mask == Phase.ready { count += 1 }
        return count
    }

    /// For the source: fills the next frame, of undefined content, and publishes it if `body` returns true.
    ///
    /// Takes the place of the oldest waiting frame where none is free, before `body` runs.
    /// - Returns: what `body` returned.
    @discardableResult
    public func write(width: Int, height: Int, _ body: (VideoFrame) throws -> Bool) rethrows -> Bool {
        let slot = claim()
        if slot.frame.width != width || slot.frame.height != height { slot.frame = VideoFrame(width: width, height: height) }
        var isComplete = false
        defer {
            if isComplete { publish(slot) } else { slot.state.store(Phase.free, ordering: .releasing) }
        }
        isComplete = try body(slot.frame)
        return isComplete
    }

    /// For the consumer: reads the oldest waiting frame, which is the source's again when `body` returns. Not to be called inside `body`.
    /// - Returns: nil where no frame waits.
    public func read<R>(_ body: (VideoFrame) throws -> R) rethrows -> R? {
        guard let slot = takeOldest() else { return nil }
        defer { slot.state.store(Phase.free, ordering: .releasing) }
        return try body(slot.frame)
    }

    private func publish(_ slot: Slot) {
        let number = published.load(ordering: .relaxed)
        slot.state.store(number << 2 | Phase.ready, ordering: .releasing)
        published.store(number + 1, ordering: .releasing)
        wake.raise()
    }

    private func claim() -> Slot {
        while true {
            var oldest: Slot?
            var oldestState = UInt64.max
            for i in slots.indices {
                let slot = slots[i]
                let state = slot.state.load(ordering: .acquiring)
                if state & Phase.mask == Phase.free {
                    // Nobody else takes a free slot.
                    slot.state.store(Phase.writing, ordering: .relaxed)
                    return slot
                }
                if state & Phase.mask == Phase.ready, state < oldestState {
                    oldest = slot
                    oldestState = state
                }
            }
            // It fails only where the consumer has just taken that frame; then it has freed another, or others are waiting.
            guard let oldest, exchange(oldest, oldestState, for: Phase.writing) else { continue }
            dropped.add(1, ordering: .relaxed)
            return oldest
        }
    }

    private func takeOldest() -> Slot? {
        while true {
            // A frame published during the scan must not overtake one whose slot was passed before: both are left for the next scan.
            let end = published.load(ordering: .acquiring)
            var oldest: Slot?
            var oldestState = UInt64.max
            for i in slots.indices {
                let slot = slots[i]
                let state = slot.state.load(ordering: .relaxed)
                if state & Phase.mask == Phase.ready, state >> 2 < end, state < oldestState {
                    oldest = slot
                    oldestState = state
                }
            }
            if let oldest {
                if exchange(oldest, oldestState, for: oldestState | Phase.reading) { return oldest }
            } else if published.load(ordering: .relaxed) == end {
                return nil
            }
        }
    }

    private func exchange(_ slot: Slot, _ old: UInt64, for new: UInt64) -> Bool {
        slot.state.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }
}
