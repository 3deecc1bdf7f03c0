#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// probit(p) = Φ⁻¹(p), where Φ is the standard normal distribution: the scale of a DET curve's axes, on which the errors of two
// normally distributed kinds of score lie on a straight line.
//
// Edge rules: probit(0) = −∞, probit(1) = +∞; outside 0…1 not a number.
// Reference: P. Acklam's rational approximation, one step of Halley's method on erfc. Tested against scipy.stats.norm.ppf.

/// The inverse of the standard normal distribution.
public enum Probit {
    /// Where a drawing ends: Φ(−4.3) is 0.0009 %.
    public static let clip = 4.3

    public static func value(_ p: Double) -> Double {
        if p == 0 { return -.infinity }
        if p == 1 { return .infinity }
        guard p > 0, p < 1 else { return .nan }
        let a = [-3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00]
        let b = [-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01, -1.328068155288572e+01, 1]
        let c = [-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00]
        let d = [7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1]
        func polynomial(_ coefficients: [Double], _ x: Double) -> Double { coefficients.reduce(0) { $0 * x + $1 } }
        // The upper half mirrors the lower one, where small probabilities keep their precision.
        if p > 0.5 { return -value(1 - p) }
        var x: Double
        if p < 0.02425 {
            let q = (-2 * log(p)).squareRoot()
            x = polynomial(c, q) / polynomial(d, q)
        } else {
            let q = p - 0.5
            x = q * polynomial(a, q * q) / polynomial(b, q * q)
        }
        let error = distribution(x) - p
        let u = error * (2 * Double.pi).squareRoot() * exp(x * x / 2)
        x -= u / (1 + x * u / 2)
        return x
    }

    /// Φ(x).
    public static func distribution(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

    /// `value(p)`, no farther out than ±``clip``.
    public static func clipped(_ p: Double) -> Double { min(max(value(p), -clip), clip) }
}
