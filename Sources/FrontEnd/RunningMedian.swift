/// Median of the latest values, at most 15: what steadies the position and size of a face box over time (TalkNet takes the median of 13 frames).
///
/// A value without heap storage; not shared between threads.
public struct RunningMedian: Sendable {
    public let length: Int
    private var values = SIMD16<Float>(repeating: 0)
    private var count = 0
    private var next = 0

    /// - Precondition: `length` is 1…15.
    public init(length: Int = 13) {
        precondition((1...15).contains(length), "median of \(length)")
        self.length = length
    }

    /// Takes a value and returns the median of it and those before it, the mean of the middle two while their number is even.
    public mutating func append(_ value: Float) -> Float {
        values[next] = value
        next = (next + 1) % length
        count = min(count + 1, length)
        var sorted = values
        for i in 1..<max(1, count) {
            let moving = sorted[i]
            var j = i
            while j > 0, sorted[j - 1] > moving {
                sorted[j] = sorted[j - 1]
                j -= 1
            }
            sorted[j] = moving
        }
        return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2
    }

    public mutating func reset() {
        count = 0
        next = 0
    }
}
