#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// upper(k, n): the p at which P(X ≤ k) = 1 − c for X ~ Binomial(n, p); lower(k, n) = 1 − upper(n − k, n).
//
// Edge rules: k = n gives 1; k = 0 gives 1 − (1 − c)^(1/n) ≈ 3/n at c = 95 %, the rule of three: n comparisons without an error show a rate
// of 3/n and no lower one. Solved by bisection to 1e-12 of its width.
// References: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934; Hanley and
// Lippman-Hand, "If nothing goes wrong, is everything all right?", 1983. Tested against SciPy's beta.ppf.

/// Exact bounds of a rate of which `count` events were seen in `trials` independent trials. Never too narrow where trials are independent.
public enum BinomialBound {
    /// The rate is at most this with the confidence given.
    /// - Parameter confidence: one-sided, between 0 and 1.
    /// - Precondition: `0 ≤ count ≤ trials`, `trials > 0`.
    public static func upper(_ count: Int, of trials: Int, confidence: Double = 0.95) -> Double {
        precondition(trials > 0 && count >= 0 && count <= trials, "\(count) of \(trials)")
        guard count < trials else { return 1 }
        let tail = 1 - confidence
        if count == 0 { return -expm1(log(tail) / Double(trials)) }
        var low = Double(count) / Double(trials), high = 1.0
        while high - low > 1e-12 * high {
            let middle = (low + high) / 2
            guard middle > low, middle < high else { break }
            if cumulative(count, of: trials, rate: middle) > tail { low = middle } else { high = middle }
        }
        return high
    }

    /// The rate is at least this with the confidence given.
    /// - Precondition: as for ``upper(_:of:confidence:)``.
    public static func lower(_ count: Int, of trials: Int, confidence: Double = 0.95) -> Double {
        1 - upper(trials - count, of: trials, confidence: confidence)
    }

    /// P(X ≤ count), summed from its largest term downwards until the rest no longer matters.
    private static func cumulative(_ count: Int, of trials: Int, rate: Double) -> Double {
        guard rate > 0 else { return 1 }
        guard rate < 1 else { return 0 }
        let n = Double(trials), k = Double(count)
        var term = exp(logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * log(rate) + (n - k) * log1p(-rate))
        var sum = 0.0
        let odds = (1 - rate) / rate
        for i in stride(from: count, through: 0, by: -1) {
            sum += term
            guard i > 0, term > 1e-16 * sum || sum == 0 else { break }
            // P(i − 1) / P(i) = i / (n − i + 1) · (1 − p) / p; the bound lies above k/n, where terms fall towards zero.
            term *= Double(i) / (n - Double(i) + 1) * odds
        }
        return min(sum, 1)
    }

    private static func logFactorial(_ value: Double) -> Double { lgamma(value + 1) }
}
