import Biometrics
import GroundTruth

/// When a clip has frames: evenly, or with jitter, slower for a while, and none where the picture is lost.
struct FrameTimes {
    /// In seconds, whole 1/60 000 s, as clips are written.
    let times: [Double]
    /// Where the picture is lost: no frames between these.
    let lost: [TimeRange]
    let frozen: [TimeRange]

    init(_ scene: Scene, duration: Double) {
        let whole = TimeRange(0, duration)
        lost = scene.ranges({ $0 == .dropVideo }, within: whole)
        frozen = scene.ranges({ $0 == .freeze }, within: whole)
        var random = SeededGenerator(seed: scene.seed, stream: 0x7469)
        var times: [Double] = []
        // Counted, not summed up: sums of binary fractions drift.
        var origin = 0.0, count = 0, rate = scene.frameRate
        while true {
            let even = origin + Double(count) / rate
            guard even < duration - 1e-9 else { break }
            let wanted = scene.changes.reduce(scene.frameRate) { rate, change in
                if case .frameRate(let slower) = change.effect, change.range.contains(even + 1e-9) { slower } else { rate }
            }
            if wanted != rate { (origin, count, rate) = (even, 0, wanted) }
            let moved = scene.jitter > 0 && count + times.count > 0 ? even + random.uniform(-scene.jitter...scene.jitter) : even
            let tick = (max(0, moved) * 60000).rounded() / 60000
            if !lost.contains(tick) { times.append(tick) }
            count += 1
        }
        self.times = times
    }
}
