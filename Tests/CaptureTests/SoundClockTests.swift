import Capture
import Foundation
import MediaTypes
import Testing

/// A sound device whose clock is off, read in blocks of 20 ms.
struct SimulatedDevice {
    var ppm: Double
    var start = Instant.seconds(1000)

    func captured(_ position: Double) -> Instant { start + .seconds(position / (16_000 * (1 + ppm * 1e-6))) }
}

struct SoundClockTests {
    enum Jitter: CaseIterable, Sendable { case normal, uniform }

    @Test(arguments: [-200.0, 0, 35, 200], Jitter.allCases)
    func anHourWithDriftAndJitter(ppm: Double, jitter: Jitter) throws {
        let device = SimulatedDevice(ppm: ppm)
        let ring = SoundRing(wake: WakeSignal())
        var timeline = SoundTimeline()
        var noise = Noise(seed: 17)
        let block = [Float](repeating: 0.1, count: 320)
        var worst = 0.0, worstDrift = 0.0, unknownDrift = 0
        var previousEnd: Instant?, breaks = 0, delivered = 0
        let hour = 3600 * 50
        for index in 0..<hour {
            let truth = device.captured(Double(timeline.position))
            let error = jitter == .normal ? noise.normal() * 10e-3 : (noise.uniform() * 2 - 1) * 10e-3
            timeline.measure(position: Double(timeline.position), instant: truth + .seconds(error))
            timeline.append(block.span, to: ring)
            // Of the blocks that one piece became, the first begins with it.
            var isFirst = true
            while let (start, end, count, marked) = ring.read({ ($0.start, $0.end, $0.samples.count, $0.isDiscontinuity) }) {
                if let previousEnd, start != previousEnd || marked { breaks += 1 }
                previousEnd = end
                delivered += count
                // From the fifth second on: before, the mean of few measurements is no better than this.
                if index > 250, isFirst { worst = max(worst, abs((start - truth).milliseconds)) }
                isFirst = false
            }
            if index > 300 * 50 {
                if let found = timeline.clock.driftPPM { worstDrift = max(worstDrift, abs(found - ppm)) } else { unknownDrift += 1 }
            }
        }
        #expect(worst < 5, "ms of error of an instant")
        #expect(worstDrift < 10 && unknownDrift == 0, "ppm of error of the drift after five minutes")
        #expect(breaks == 0)
        #expect(timeline.discontinuities == 0 && ring.droppedSamples == 0)
        // An hour of nominal time is what the consumer gets, however many samples the device made of it.
        let wanted = Double(hour * 320) / (1 + ppm * 1e-6)
        #expect(abs(Double(delivered + timeline.discardedSamples) - wanted) < 200)
        #expect(Double(timeline.correctedSamples) < abs(wanted - Double(hour * 320)) + 2000)
    }

    @Test func outliersAreNotFollowed() throws {
        let device = SimulatedDevice(ppm: 50)
        var clock = SoundClock()
        var noise = Noise(seed: 3)
        var worst = 0.0
        for index in 0..<3000 {
            let position = Double(index * 320)
            let truth = device.captured(position)
            let wild = index > 20 && index % 9 == 0 ? 0.25 : 0
            clock.measure(position: position, instant: truth + .seconds(noise.normal() * 1e-3 + wild))
            if index > 100 { worst = max(worst, abs((try #require(clock.instant(of: position)) - truth).milliseconds)) }
        }
        #expect(worst < 1)
        #expect(clock.outliers > 300)
    }

    @Test func firstMeasurementsMayBeWild() throws {
        let device = SimulatedDevice(ppm: 0)
        var clock = SoundClock()
        for (index, error) in [0.9, 0.002, -0.001, -0.3, 0.001].enumerated() {
            #expect(!clock.isReady)
            clock.measure(position: Double(index * 320), instant: device.captured(Double(index * 320)) + .seconds(error))
        }
        let error = try #require(clock.instant(of: 1600)) - device.captured(1600)
        #expect(abs(error.milliseconds) < 3)
    }

    /// Half a second of samples is lost and nobody says so: the clock notices, and the line starts again.
    @Test func lostSamplesBecomeADiscontinuity() throws {
        let device = SimulatedDevice(ppm: -80)
        let ring = SoundRing(wake: WakeSignal())
        var timeline = SoundTimeline()
        var noise = Noise(seed: 5)
        let block = [Float](repeating: 0.1, count: 320)
        var marks: [Int] = []
        var lateError = 0.0
        for index in 0..<1500 {
            let lost = index >= 700 ? 8000.0 : 0
            let truth = device.captured(Double(timeline.position) + lost)
            timeline.measure(position: Double(timeline.position), instant: truth + .seconds(noise.normal() * 1e-3))
            timeline.append(block.span, to: ring)
            while let (start, marked) = ring.read({ ($0.start, $0.isDiscontinuity) }) {
                if marked { marks.append(index) }
                if index > 800 { lateError = max(lateError, abs((start - truth).milliseconds)) }
            }
        }
        let mark = try #require(marks.first)
        #expect(marks.count == 1 && (700...750).contains(mark), "marked at \(marks)")
        #expect(lateError < 5)
        #expect(timeline.discontinuities == 1)
    }

    @Test func timeNeverRunsBackwards() throws {
        let device = SimulatedDevice(ppm: 0)
        let ring = SoundRing(wake: WakeSignal())
        var timeline = SoundTimeline()
        let block = [Float](repeating: 0.1, count: 320)
        var previous = Instant.zero, overlaps = 0, blocks = 0
        for index in 0..<600 {
            // After the device started again its clock is 300 ms behind what was handed out.
            if index == 300 { timeline.restart() }
            let early = index >= 300 ? TimeSpan.milliseconds(-300) : .zero
            timeline.measure(position: Double(timeline.position), instant: device.captured(Double(timeline.position)) + early)
            timeline.append(block.span, to: ring)
            while let (start, end) = ring.read({ ($0.start, $0.end) }) {
                if start < previous { overlaps += 1 }
                previous = end
                blocks += 1
            }
        }
        #expect(overlaps == 0 && blocks > 500)
        #expect(timeline.discontinuities == 1)
        #expect(abs((previous - (device.captured(Double(timeline.position)) + .milliseconds(-300))).milliseconds) < 5)
    }

    /// A tone whose samples are corrected stays that tone: no click where a sample is inserted or left out.
    @Test(arguments: [-2000.0, 2000])
    func correctionIsSmooth(ppm: Double) {
        let device = SimulatedDevice(ppm: ppm)
        let ring = SoundRing(wake: WakeSignal())
        var timeline = SoundTimeline()
        var out: [Float] = []
        for index in 0..<500 {
            let block = (0..<320).map { Float(sin(2 * Double.pi * 300 / 16_000 * Double(index * 320 + $0))) }
            timeline.measure(position: Double(timeline.position), instant: device.captured(Double(timeline.position)))
            timeline.append(block.span, to: ring)
            while ring.read({ out += $0.samples }) != nil {}
        }
        #expect(timeline.correctedSamples > 200)
        #expect(timeline.discontinuities == 0)
        // The steepest slope of the tone, with a little more for the correction itself.
        let steepest = Float(2 * Double.pi * 300 / 16_000) * 1.02
        let worst = zip(out, out.dropFirst()).map { abs($1 - $0) }.max() ?? 1
        #expect(worst <= steepest)
    }

    @Test func aHoleIsADiscontinuityOfItsLength() {
        let device = SimulatedDevice(ppm: 0)
        let ring = SoundRing(wake: WakeSignal())
        var timeline = SoundTimeline()
        let block = [Float](repeating: 0.1, count: 320)
        for _ in 0..<50 {
            timeline.measure(position: Double(timeline.position), instant: device.captured(Double(timeline.position)))
            timeline.append(block.span, to: ring)
        }
        let end = timeline.next
        timeline.lose(1600)
        timeline.append(block.span, to: ring)
        var last: AudioBlock?
        while let block = ring.read({ $0 }) { last = block }
        #expect(last?.isDiscontinuity == true)
        #expect(last.map { $0.start } == end.map { $0 + .milliseconds(100) })
    }
}
