/// A Kalman filter of one coordinate under the constant-velocity model with white acceleration noise
/// (Bar-Shalom, Li, Kirubarajan, *Estimation with Applications to Tracking and Navigation*, § 6.3.2).
///
/// State `[position, velocity]`, covariance `[[pp, pv], [pv, vv]]`. With dt in seconds and acceleration density q:
/// `Q = q · [[dt³/3, dt²/2], [dt²/2, dt]]`.
struct ConstantVelocityFilter: Sendable {
    private(set) var position: Float
    private(set) var velocity: Float = 0
    private(set) var pp: Float
    private var pv: Float = 0
    private var vv: Float

    /// - Parameters:
    ///   - variance: of the first measurement.
    ///   - speedVariance: of the unknown first velocity, per second squared.
    init(position: Float, variance: Float, speedVariance: Float) {
        self.position = position
        pp = variance
        vv = speedVariance
    }

    /// Moves the estimate `dt` seconds on; `acceleration` is the noise density q.
    mutating func predict(dt: Float, acceleration: Float) {
        position += velocity * dt
        pp += dt * (2 * pv + dt * vv) + acceleration * dt * dt * dt / 3
        pv += dt * vv + acceleration * dt * dt / 2
        vv += acceleration * dt
    }

    /// Corrects the estimate with a measurement of the given variance.
    mutating func correct(measured: Float, variance: Float) {
        let innovation = measured - position
        let gainP = pp / (pp + variance)
        let gainV = pv / (pp + variance)
        position += gainP * innovation
        velocity += gainV * innovation
        vv -= gainV * pv
        pv *= 1 - gainP
        pp *= 1 - gainP
    }

    /// Forgets the velocity: after an interruption nothing is known of it.
    mutating func halt(speedVariance: Float) {
        velocity = 0
        pv = 0
        vv = speedVariance
    }
}
