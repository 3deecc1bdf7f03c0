import Foundation
import MediaTypes
import Recognition
import Testing

struct SyncEstimatorTests {
    /// Loudness like speech's: syllables of 120 to 320 ms; the mouth follows it, late or early, with noise of its own.
    private func estimate(shift: Double, noise: Double, frames: Int, seed: UInt64) -> TimeSpan? {
        var state = seed
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 33) / Double(1 << 31) - 0.5
        }
        var syllables: [(time: Double, length: Double, height: Double)] = []
        var time = 0.0
        while time < Double(frames) * 0.04 + 2 {
            let length = 0.22 + 0.2 * random()
            syllables.append((time + length / 2, length, 1 + random()))
            time += length + (random() > 0.35 ? 0.5 : 0.02)
        }
        func envelope(_ t: Double) -> Double {
            syllables.reduce(0) { sum, syllable in
                let x = (t - syllable.time) / (syllable.length / 2)
                return abs(x) < 2 ? sum + syllable.height * exp(-x * x * 2) : sum
            }
        }
        var estimator = SyncEstimator()
        for frame in 0..<frames {
            let t = 1 + Double(frame) * 0.04
            estimator.add(opening: Float(0.2 * envelope(t + shift) + noise * random()), loudness: Float(3 * envelope(t) + 0.5 * random()))
        }
        return estimator.offset
    }

    @Test(arguments: [-0.24, -0.1, 0, 0.05, 0.2, 0.32]) func findsAShift(shift: Double) throws {
        // The mouth runs ahead of the sound by the shift: the sound is later.
        let found = try #require(estimate(shift: shift, noise: 0.1, frames: 900, seed: 7))
        #expect(abs(found.seconds - shift) < 0.025, "\(found.milliseconds) ms instead of \(shift * 1000)")
    }

    @Test func saysNothingOfTooLittleOrOfNoise() {
        #expect(estimate(shift: 0, noise: 0.05, frames: 150, seed: 3) == nil)
        var estimator = SyncEstimator()
        var state: UInt64 = 1
        func random() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24)
        }
        for _ in 0..<3000 { estimator.add(opening: random(), loudness: random()) }
        #expect(estimator.offset == nil)
    }

    @Test func interruptionsDoNotMixFaces() {
        var estimator = SyncEstimator()
        for frame in 0..<4000 {
            if frame % 25 == 0 { estimator.interrupt() }
            estimator.add(opening: sin(Float(frame)), loudness: sin(Float(frame)))
        }
        // No run is ever long enough to fill the window.
        #expect(estimator.weight == 0)
        estimator.add(opening: .nan, loudness: 1)
        #expect(estimator.offset == nil)
    }
}
