/// The latest frames of a feature stream, `[frame, width]`, numbered from the stream's first. Frame numbers only grow; the oldest give way.
/// Thread-bound.
@safe final class FeatureRing {
    let width: Int
    let capacity: Int
    private let storage: Storage<Float>
    /// Frames written since the start.
    private(set) var end = 0

    init(width: Int, capacity: Int) {
        precondition(width > 0 && capacity > 0)
        self.width = width
        self.capacity = capacity
        storage = Storage(count: width * capacity)
    }

    var available: Range<Int> { max(0, end - capacity)..<end }

    /// Where the next frame goes; ``commit()`` makes it part of the ring.
    var next: UnsafeMutablePointer<Float> { unsafe storage.pointer + (end % capacity) * width }

    func commit() { end += 1 }

    func reset() { end = 0 }

    func copy(_ frames: Range<Int>, into output: inout MutableSpan<Float>) {
        precondition(frames.lowerBound >= available.lowerBound && frames.upperBound <= end, "frames \(frames) of \(available)")
        precondition(output.count == frames.count * width, "\(output.count) elements for \(frames.count) frames of \(width)")
        guard !frames.isEmpty else { return }
        unsafe output.withUnsafeMutableBufferPointer { output in
            let first = frames.lowerBound % capacity
            let beforeWrap = min(frames.count, capacity - first)
            unsafe output.baseAddress!.update(from: storage.pointer + first * width, count: beforeWrap * width)
            unsafe (output.baseAddress! + beforeWrap * width).update(from: storage.pointer, count: (frames.count - beforeWrap) * width)
        }
    }
}
