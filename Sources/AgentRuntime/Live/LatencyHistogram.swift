public import MediaTypes

/// How latencies are distributed: counts in buckets that grow by an eighth, so that any quantile is known to 12 %, from 0.1 ms to
/// a minute. A value of fixed size; adding allocates nothing.
public struct LatencyHistogram: Sendable {
    private static let first = 0.1
    private static let growth = 1.125
    private static let bucketCount = 114
    /// Upper bounds of the buckets, ms.
    private static let bounds: [Double] = (0..<bucketCount).map { index in
        (0..<index).reduce(first) { bound, _ in bound * growth }
    }

    private var buckets = [UInt64](repeating: 0, count: bucketCount + 1)
    public private(set) var count: UInt64 = 0
    public private(set) var sum = TimeSpan.zero
    public private(set) var largest = TimeSpan.zero

    public init() {}

    public mutating func add(_ latency: TimeSpan) {
        let milliseconds = max(latency.milliseconds, 0)
        // Binary search for the first bound that is not exceeded.
        var low = 0, high = Self.bucketCount
        while low < high {
            let middle = (low + high) / 2
            if Self.bounds[middle] < milliseconds { low = middle + 1 } else { high = middle }
        }
        buckets[low] += 1
        count += 1
        sum = sum + latency
        largest = max(largest, latency)
    }

    /// Latency that this share of all did not exceed, 0…1; `nil` where there are none.
    public func quantile(_ share: Double) -> TimeSpan? {
        guard count > 0 else { return nil }
        let rank = UInt64((Double(count) * min(max(share, 0), 1)).rounded(.up))
        var seen: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            seen += bucket
            if seen >= max(rank, 1) {
                return index < Self.bucketCount ? min(.seconds(Self.bounds[index] / 1000), largest) : largest
            }
        }
        return largest
    }

    public mutating func removeAll() { self = LatencyHistogram() }
}
