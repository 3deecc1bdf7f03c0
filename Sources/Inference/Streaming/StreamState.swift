/// The memory of one stream through a ``StreamingNetwork``: what its layers have seen last, and how far it is.
///
/// One for each face track or microphone; the network works on whichever it is given. Thread-bound with its network.
@safe public final class StreamState {
    let storage: AlignedStorage
    /// Steps done since the start.
    fileprivate(set) var steps = 0
    /// Units in the whole stream, once its end is known.
    fileprivate(set) var length: Int?
    /// For each buffer, frames that its input has in the whole stream; `Int.max` until the end is known.
    fileprivate(set) var bufferLengths: [Int]
    fileprivate let fills: [StreamMemory.Slot]

    init(_ memory: StreamMemory) {
        fills = memory.slots
        storage = AlignedStorage(byteCount: memory.byteCount)
        bufferLengths = [Int](repeating: .max, count: memory.slots.count)
        reset()
    }

    /// Bytes of this stream's memory.
    public var byteCount: Int { storage.byteCount }

    /// Starts again, as if nothing had been seen.
    public func reset() {
        steps = 0
        length = nil
        for (index, slot) in fills.enumerated() {
            bufferLengths[index] = .max
            unsafe (storage.base + slot.offset).assumingMemoryBound(to: Float.self).update(repeating: slot.fill, count: slot.count)
        }
    }

    func advance() { steps += 1 }

    func end(at units: Int) {
        length = units
        for (index, slot) in fills.enumerated() { bufferLengths[index] = slot.length(units) }
    }
}

/// Where the buffers of a streaming network's layers are in a ``StreamState``, and which state the kernels work on now.
///
/// `@unchecked Sendable`: filled while the network is loaded, then used only by the thread that the network is bound to.
final class StreamMemory: @unchecked Sendable {
    struct Slot {
        let offset: Int
        /// Floats.
        let count: Int
        /// What is seen before the first frame and after the last: 0 for convolutions, −∞ for maxima.
        let fill: Float
        /// Frames of the buffer's input in a stream of so many units.
        let length: (Int) -> Int
    }

    private(set) var slots: [Slot] = []
    private(set) var byteCount = 0
    var current: StreamState?

    /// - Returns: the slot's number, or `nil` where the state would be larger than `limit` bytes.
    func reserve(floats: Int, fill: Float, limit: Int, length: @escaping (Int) -> Int) -> Int? {
        guard floats >= 0, floats <= limit / 4, byteCount + floats * 4 <= limit else { return nil }
        slots.append(Slot(offset: byteCount, count: floats, fill: fill, length: length))
        byteCount += AlignedStorage.rounded(floats * 4)
        return slots.count - 1
    }
}
