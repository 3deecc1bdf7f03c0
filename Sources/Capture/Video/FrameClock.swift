import MediaTypes

/// Turns a video driver's timestamps into capture instants on CLOCK_MONOTONIC, strictly increasing.
///
/// A good driver stamps with that clock, and its stamps are taken as they are. What else is met:
///
/// - Stamps on another clock (wall clock, or one that starts at the device's power-up), or ahead of their own arrival. They tick as they
///   should, only their zero is elsewhere: they are moved by the least delay between stamp and arrival of the last seconds, so that the
///   spacing of the frames stays the driver's, and no frame is captured after it arrived.
/// - No stamps, or always the same. The instant is then predicted from the frame before, by the period and the gaps in the driver's
///   numbering, and follows the arrivals slowly: a frame that arrives late was not captured late.
/// - A stamp that goes back: as above for that frame, and the delay is learnt anew.
///
/// Pure: arrival times are given. Not thread-safe.
public struct FrameClock: Sendable {
    /// What is wrong with one stamp.
    public enum Fault: Int, CaseIterable, Sendable {
        /// No stamp.
        case zero
        /// The stamp of the frame before.
        case frozen
        /// Before the stamp of the frame before.
        case backwards
        /// After its own arrival.
        case ahead
        /// On another clock.
        case otherClock
    }

    /// Where the instants come from.
    public enum Source: Int, CaseIterable, Sendable, CustomStringConvertible {
        /// The driver's stamps as they are.
        case driver
        /// The driver's stamps, moved to CLOCK_MONOTONIC.
        case movedDriver
        /// The driver's stamps are useless: arrival times, smoothed.
        case arrival

        public var description: String {
            switch self {
            case .driver: "driver"
            case .movedDriver: "driver, moved to this clock"
            case .arrival: "arrival, smoothed: the driver gives none"
            }
        }
    }

    public struct Reading: Equatable, Sendable {
        public var instant: Instant
        public var source: Source
        public var fault: Fault?

        public init(instant: Instant, source: Source, fault: Fault?) {
            self.instant = instant
            self.source = source
            self.fault = fault
        }
    }

    /// The least delay that a stamp of the right clock has within a window: transport and exposure. What never arrives sooner is on
    /// another clock. Stricter where the driver does not say which clock it is.
    private static let mostDelay = TimeSpan.seconds(2), mostDelayOfUnknownClock = TimeSpan.milliseconds(500)
    /// A stamp this much ahead of its arrival is only rounded.
    private static let rounding = TimeSpan.milliseconds(1)
    /// The least delay is that of one to two windows: long enough to meet an undelayed frame, short enough to follow a clock that drifts.
    private static let window = TimeSpan.seconds(5)
    /// Arrivals this many periods after the prediction are no jitter any more.
    private static let mostLag: Int64 = 4
    private static let shortestPeriod = TimeSpan.milliseconds(1), longestPeriod = TimeSpan.seconds(2)

    private var period: TimeSpan
    private var lastStamp: TimeSpan?
    private var lastInstant: Instant?
    private var lastArrival: Instant?
    private var leastDelay: TimeSpan?
    private var leastDelayBefore: TimeSpan?
    private var windowStart = Instant.zero

    /// - Parameter period: between frames, as negotiated; corrected by the arrivals.
    public init(period: TimeSpan) { self.period = min(max(period, Self.shortestPeriod), Self.longestPeriod) }

    /// The capture instant of the next frame.
    /// - Parameters:
    ///   - stamp: the driver's, since the zero of whatever clock.
    ///   - isMonotonic: whether the driver says that this is CLOCK_MONOTONIC.
    ///   - step: by how much the driver's numbering has advanced since the last frame; 1 where none is missing or it does not number.
    ///   - arrival: when the frame was taken from the driver; not before the last one.
    public mutating func read(stamp: TimeSpan, isMonotonic: Bool, step: Int = 1, arrival: Instant) -> Reading {
        let step = max(1, step)
        defer { lastArrival = arrival }
        adaptPeriod(step, arrival)
        let isFirst = lastInstant == nil
        var fault: Fault?
        if stamp.nanoseconds <= 0 {
            fault = .zero
        } else if let lastStamp, stamp == lastStamp {
            fault = .frozen
        } else if let lastStamp, stamp < lastStamp {
            fault = .backwards
            leastDelay = nil
            leastDelayBefore = nil
        }
        if stamp.nanoseconds > 0 { lastStamp = stamp }

        var reading: Reading
        if fault == .zero || fault == .frozen {
            reading = Reading(instant: predicted(step, arrival), source: .arrival, fault: fault)
        } else {
            reading = placed(stamp, isMonotonic, arrival)
            reading.fault = fault ?? reading.fault
            if let lastInstant, reading.instant <= lastInstant {
                reading = Reading(instant: predicted(step, arrival), source: .arrival, fault: fault ?? .backwards)
            }
        }
        if !isFirst, let lastInstant, reading.instant <= lastInstant { reading.instant = lastInstant + TimeSpan(nanoseconds: 1000) }
        lastInstant = reading.instant
        return reading
    }

    /// The stamp on CLOCK_MONOTONIC.
    private mutating func placed(_ stamp: TimeSpan, _ isMonotonic: Bool, _ arrival: Instant) -> Reading {
        let delay = TimeSpan(nanoseconds: arrival.nanoseconds &- stamp.nanoseconds)
        if leastDelay == nil || arrival - windowStart >= Self.window {
            leastDelayBefore = leastDelay
            leastDelay = delay
            windowStart = arrival
        }
        let least = min(delay, leastDelay ?? delay, leastDelayBefore ?? delay)
        leastDelay = min(delay, leastDelay ?? delay)

        let bound = isMonotonic ? Self.mostDelay : Self.mostDelayOfUnknownClock
        if least <= bound, least >= -Self.rounding {
            return Reading(instant: min(Instant(nanoseconds: stamp.nanoseconds), arrival), source: .driver, fault: nil)
        }
        let isAhead = least < .zero && least >= -bound
        let fault: Fault? = isAhead ? (delay < -Self.rounding ? .ahead : nil) : .otherClock
        return Reading(instant: Instant(nanoseconds: stamp.nanoseconds &+ least.nanoseconds), source: .movedDriver, fault: fault)
    }

    /// From the frame before, drawn towards the arrival: at once where the frame came sooner, slowly where it came later.
    private func predicted(_ step: Int, _ arrival: Instant) -> Instant {
        guard let lastInstant else { return arrival }
        let expected = lastInstant + TimeSpan(nanoseconds: period.nanoseconds * Int64(step))
        let lag = arrival - expected
        if lag < .zero || lag.nanoseconds > Self.mostLag * period.nanoseconds { return arrival }
        return expected + TimeSpan(nanoseconds: lag.nanoseconds / 16)
    }

    private mutating func adaptPeriod(_ step: Int, _ arrival: Instant) {
        guard let lastArrival else { return }
        let observed = TimeSpan(nanoseconds: (arrival - lastArrival).nanoseconds / Int64(step))
        // A pause is no period.
        guard observed.nanoseconds < Self.mostLag * period.nanoseconds else { return }
        let corrected = TimeSpan(nanoseconds: period.nanoseconds + (observed - period).nanoseconds / 32)
        period = min(max(corrected, Self.shortestPeriod), Self.longestPeriod)
    }
}
