import Capture
import MediaTypes
import Testing

struct FrameClockTests {
    private static let period = TimeSpan.milliseconds(40)
    private static let boot = Instant.seconds(5000)

    /// Frame `i` was captured at `boot` + i · 40 ms and arrives 8 to 14 ms later.
    private struct Frame {
        var captured: Instant
        var arrival: Instant

        init(_ i: Int) {
            captured = boot + TimeSpan(nanoseconds: Int64(i) * period.nanoseconds)
            arrival = captured + TimeSpan(nanoseconds: 8_000_000 + Int64(i * 7919 % 7) * 1_000_000)
        }

        func stamp(_ shift: TimeSpan = .zero) -> TimeSpan { TimeSpan(nanoseconds: captured.nanoseconds + shift.nanoseconds) }
    }

    private func isIncreasing(_ readings: [FrameClock.Reading]) -> Bool {
        zip(readings, readings.dropFirst()).allSatisfy { $0.instant < $1.instant }
    }

    @Test func goodStampsAreTaken() {
        var clock = FrameClock(period: Self.period)
        for i in 0..<500 {
            let frame = Frame(i)
            let reading = clock.read(stamp: frame.stamp(), isMonotonic: true, arrival: frame.arrival)
            #expect(reading == FrameClock.Reading(instant: frame.captured, source: .driver, fault: nil))
        }
    }

    /// Some drivers leave open which clock they use and use the right one.
    @Test func unnamedClockThatIsMonotonic() {
        var clock = FrameClock(period: Self.period)
        let readings = (0..<300).map { clock.read(stamp: Frame($0).stamp(), isMonotonic: false, arrival: Frame($0).arrival) }
        #expect(readings.allSatisfy { $0.source == .driver && $0.fault == nil })
    }

    @Test(arguments: [1_763_000_000.0, -4990.0, -100.0]) func anotherClock(shift: Double) {
        var clock = FrameClock(period: Self.period)
        let readings = (0..<500).map { clock.read(stamp: Frame($0).stamp(.seconds(shift)), isMonotonic: false, arrival: Frame($0).arrival) }
        #expect(readings.allSatisfy { $0.source == .movedDriver && $0.fault == .otherClock })
        #expect(isIncreasing(readings))
        for (i, reading) in readings.enumerated() {
            #expect(reading.instant <= Frame(i).arrival)
            // Once an undelayed frame was met, the spacing is the driver's and the offset is the least delay.
            if i >= 10 { #expect(reading.instant - Frame(i).captured == .milliseconds(8)) }
        }
    }

    /// A clock that runs off by 200 ppm, as a wall clock that is being corrected.
    @Test func aDriftingClockIsFollowed() {
        var clock = FrameClock(period: Self.period)
        for i in 0..<5000 {
            let frame = Frame(i)
            let drift = TimeSpan(nanoseconds: Int64(i) * 8000)
            let reading = clock.read(stamp: frame.stamp(.seconds(1e6) - drift), isMonotonic: false, arrival: frame.arrival)
            #expect(reading.instant <= frame.arrival && frame.arrival - reading.instant < .milliseconds(10))
        }
    }

    @Test func stampsAheadOfTheirArrival() {
        var clock = FrameClock(period: Self.period)
        let readings = (0..<200).map { clock.read(stamp: Frame($0).stamp(.milliseconds(40)), isMonotonic: true, arrival: Frame($0).arrival) }
        #expect(readings.allSatisfy { $0.source == .movedDriver && $0.fault == .ahead })
        #expect(isIncreasing(readings))
        for (i, reading) in readings.enumerated().dropFirst(10) { #expect(reading.instant - Frame(i).captured == .milliseconds(8)) }
    }

    @Test(arguments: [true, false]) func noStampsOrFrozenOnes(isFrozen: Bool) {
        var clock = FrameClock(period: .milliseconds(33))  // negotiated wrongly
        let stamp: TimeSpan = isFrozen ? Frame(0).stamp() : .zero
        let readings = (0..<500).map { clock.read(stamp: stamp, isMonotonic: true, arrival: Frame($0).arrival) }
        #expect(readings.dropFirst().allSatisfy { $0.source == .arrival && $0.fault == (isFrozen ? .frozen : .zero) })
        #expect(isIncreasing(readings))
        let spacings = zip(readings, readings.dropFirst()).dropFirst(200).map { ($1.instant - $0.instant).milliseconds }
        let arrivals = (200..<499).map { (Frame($0 + 1).arrival - Frame($0).arrival).milliseconds }
        let jitter = spacings.map { abs($0 - 40) }.max()!
        #expect(jitter < arrivals.map { abs($0 - 40) }.max()! * 0.75, "smoother than the arrivals, \(jitter) ms")
        for (i, reading) in readings.enumerated().dropFirst(200) {
            #expect(reading.instant <= Frame(i).arrival && Frame(i).arrival - reading.instant < .milliseconds(15))
        }
    }

    @Test func gapsInTheNumberingAreTimeToo() {
        var clock = FrameClock(period: Self.period)
        for i in 0..<100 { _ = clock.read(stamp: .zero, isMonotonic: true, arrival: Frame(i).arrival) }
        let reading = clock.read(stamp: .zero, isMonotonic: true, step: 4, arrival: Frame(103).arrival)
        #expect(abs((reading.instant - Frame(103).arrival).milliseconds) < 8)
    }

    @Test func aStampThatGoesBackIsOneFault() {
        var clock = FrameClock(period: Self.period)
        let readings = (0..<200).map { i in
            clock.read(stamp: Frame(i).stamp(i == 100 ? -.milliseconds(500) : .zero), isMonotonic: true, arrival: Frame(i).arrival)
        }
        #expect(isIncreasing(readings))
        #expect(readings.indices.filter { readings[$0].fault != nil } == [100])
        #expect(readings[100].fault == .backwards)
        #expect(abs((readings[100].instant - Frame(100).captured).milliseconds) < 15)
        #expect(readings[150].instant == Frame(150).captured)
    }

    /// The wall clock is set while the camera runs.
    @Test(arguments: [3600.0, -3600.0]) func aClockThatIsSet(jump: Double) {
        var clock = FrameClock(period: Self.period)
        let readings = (0..<400).map { i in
            clock.read(stamp: Frame(i).stamp(.seconds(1e9 + (i < 200 ? 0 : jump))), isMonotonic: false, arrival: Frame(i).arrival)
        }
        #expect(isIncreasing(readings))
        for (i, reading) in readings.enumerated() { #expect(abs((reading.instant - Frame(i).arrival).milliseconds) < 15) }
    }

    /// The whole process stood still, and then finds old frames in the driver's queue.
    @Test func oldFramesAfterAPause() {
        var clock = FrameClock(period: Self.period)
        for i in 0..<100 { _ = clock.read(stamp: Frame(i).stamp(), isMonotonic: true, arrival: Frame(i).arrival) }
        for i in 100..<104 {
            let reading = clock.read(stamp: Frame(i).stamp(), isMonotonic: true, arrival: Frame(200).arrival)
            #expect(reading == FrameClock.Reading(instant: Frame(i).captured, source: .driver, fault: nil))
        }
    }

    @Test func hostileStamps() {
        var clock = FrameClock(period: .zero)
        var readings: [FrameClock.Reading] = []
        for (i, stamp) in [Int64.max, .min, -1, 0, 1, .max, .max - 1, .min, 5_000_000_000_000, .max].enumerated() {
            readings.append(clock.read(stamp: TimeSpan(nanoseconds: stamp), isMonotonic: i % 2 == 0, step: .min, arrival: Frame(i).arrival))
        }
        #expect(isIncreasing(readings))
        for (i, reading) in readings.enumerated() { #expect(abs((reading.instant - Frame(i).arrival).milliseconds) < 200) }
    }
}
