import AgentRuntime
import MediaTypes
import Testing

struct LatencyHistogramTests {
    /// Quantiles of many values against the sorted values themselves, to the width of a bucket.
    @Test func quantilesAreWithinABucket() throws {
        var generator = SystemRandomNumberGenerator()
        var histogram = LatencyHistogram()
        var values: [Double] = []
        for _ in 0..<5000 {
            let value = Double.random(in: -1...3, using: &generator)
            let milliseconds = _exp10(value)
            values.append(milliseconds)
            histogram.add(.seconds(milliseconds / 1000))
        }
        values.sort()
        #expect(histogram.count == 5000)
        for share in [0.01, 0.5, 0.95, 0.99, 1] {
            let exact = values[max(0, Int((share * 5000).rounded(.up)) - 1)]
            let found = try #require(histogram.quantile(share)).milliseconds
            #expect(found >= exact * 0.999 && found <= exact * 1.126, "\(share): \(found) instead of \(exact)")
        }
        #expect(abs(histogram.largest.milliseconds - values[4999]) < 1e-3)
    }

    private func _exp10(_ x: Double) -> Double {
        var result = 1.0, base = 1.2589254117941673  // 10^0.1
        var steps = Int((abs(x) * 10).rounded(.down))
        let rest = 1 + (abs(x) * 10 - Double(steps)) * 0.2589254117941673
        while steps > 0 {
            if steps & 1 == 1 { result *= base }
            base *= base
            steps >>= 1
        }
        return x < 0 ? 1 / (result * rest) : result * rest
    }

    @Test func edges() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil)
        histogram.add(.milliseconds(-5))
        histogram.add(.seconds(1e6))
        #expect(histogram.count == 2 && histogram.quantile(1) == .seconds(1e6))
        histogram.removeAll()
        #expect(histogram.count == 0 && histogram.quantile(0.5) == nil)
    }
}
