/// The samples of the frame that is being collected, with `history` samples before it. Frames of `length` follow each other by `shift`.
/// Thread-bound.
@safe final class SampleWindow {
    let length: Int
    let shift: Int
    let history: Int
    /// `[history + length]`; before the stream's first sample there are zeros.
    let samples: Storage<Float>
    /// Samples collected of the current frame.
    private(set) var filled = 0
    /// Whether the current frame is the stream's first, whose history is made up.
    private(set) var isFirst = true

    init(length: Int, shift: Int, history: Int) {
        precondition(shift > 0 && shift <= length && history <= length)
        self.length = length
        self.shift = shift
        self.history = history
        samples = Storage(count: history + length)
    }

    var isComplete: Bool { filled == length }

    /// Takes samples from `start` until the frame is complete or none are left; returns how many.
    func take(_ input: Span<Float>, from start: Int) -> Int {
        let count = min(length - filled, input.count - start)
        guard count > 0 else { return 0 }
        unsafe input.withUnsafeBufferPointer { input in
            unsafe (samples.pointer + history + filled).update(from: input.baseAddress! + start, count: count)
        }
        filled += count
        return count
    }

    /// Moves on by `shift`.
    func advance() {
        let kept = history + length - shift
        unsafe samples.pointer.update(from: samples.pointer + shift, count: kept)
        filled = length - shift
        isFirst = false
    }

    func reset() {
        filled = 0
        isFirst = true
        unsafe samples.pointer.update(repeating: 0, count: history)
    }
}
