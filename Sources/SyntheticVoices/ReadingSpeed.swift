internal import Datasets
import Glibc

/// Reads a sound at another rate, and not quite evenly: formants and pitch move with it, and so does time.
///
/// Between samples by a windowed sinc that ends at the lower of the two Nyquist frequencies.
struct ReadingSpeed {
    /// Samples of a step of the unsteadiness: 5 ms.
    private static let step = 80
    private static let phases = 256

    /// Source samples for one of 16 kHz.
    private let rate: Double
    private let sourceRate: Int
    private let jitter: Float
    private let vibrato: Float
    /// Radians a step.
    private let waver: Float
    private let seed: UInt64

    init(_ voice: VoiceIdentity, sourceRate: Int, seed: UInt64) {
        rate = Double(sourceRate) / Double(Utterance.sampleRate) * voice.tract
        self.sourceRate = sourceRate
        jitter = voice.colour.jitter
        vibrato = voice.colour.vibrato
        waver = 2 * .pi * voice.colour.waver * Float(Self.step) / Float(Utterance.sampleRate)
        self.seed = seed
    }

    /// Four sums side by side; `count` is even.
    private static func product(_ a: [Float], _ i: Int, _ b: [Float], _ j: Int, count: Int) -> Float {
        precondition(i >= 0 && i + count <= a.count && j >= 0 && j + count <= b.count, "\(count) taps at \(i) and \(j)")
        return unsafe a.withUnsafeBytes { a in
            unsafe b.withUnsafeBytes { b in
                var sums = SIMD4<Float>.zero
                var k = 0
                while k + 4 <= count {
                    unsafe sums += a.loadUnaligned(fromByteOffset: 4 * (i + k), as: SIMD4<Float>.self) * b.loadUnaligned(fromByteOffset: 4 * (j + k), as: SIMD4<Float>.self)
                    k += 4
                }
                var sum = sums.sum()
                while k < count {
                    unsafe sum += a.loadUnaligned(fromByteOffset: 4 * (i + k), as: Float.self) * b.loadUnaligned(fromByteOffset: 4 * (j + k), as: Float.self)
                    k += 1
                }
                return sum
            }
        }
    }

    /// - Returns: the samples, and where a time of the source (s) has gone (s).
    func apply(to source: [Int16]) -> (samples: [Float], time: (Double) -> Double) {
        // Places of the source at every step: unsteady from step to step, and slowly besides.
        var random = SeededGenerator(seed: seed, 1)
        var (places, place, slow) = ([0.0], 0.0, Float(0))
        while place < Double(source.count) {
            let noise = random.normals(2)
            slow = 0.95 * slow + 0.31 * noise[0]
            let unsteady = max(-0.1, min(0.1, jitter * (0.7 * noise[1] + 0.7 * slow) + vibrato * sin(waver * Float(places.count))))
            place += rate * Double(Self.step) * (1 + Double(unsteady))
            places.append(place)
        }
        let half = Int((16 * max(1, rate)).rounded(.up))
        let taps = 2 * half
        let cut = min(1, 1 / rate) * 0.97
        var table = [Float](repeating: 0, count: (Self.phases + 1) * taps)
        for phase in 0...Self.phases {
            var sum = 0.0
            for tap in 0..<taps {
                let distance = Double(tap - half + 1) - Double(phase) / Double(Self.phases)
                let x = Double.pi * distance * cut
                let value = abs(distance) >= Double(half) ? 0 : (abs(x) < 1e-9 ? 1 : sin(x) / x) * (0.5 + 0.5 * cos(Double.pi * distance / Double(half)))
                table[phase * taps + tap] = Float(value)
                sum += value
            }
            for tap in 0..<taps { table[phase * taps + tap] /= Float(sum) }
        }
        let padded = [Float](repeating: 0, count: half) + source.map { Float($0) / 32768 } + [Float](repeating: 0, count: taps + Int(2 * rate * Double(Self.step)))
        var samples: [Float] = []
        samples.reserveCapacity((places.count - 1) * Self.step)
        for index in 1..<places.count {
            let (from, each) = (places[index - 1], (places[index] - places[index - 1]) / Double(Self.step))
            for i in 0..<Self.step {
                let at = from + Double(i) * each
                if at >= Double(source.count) { break }
                let whole = Int(at)
                let row = Int(((at - Double(whole)) * Double(Self.phases)).rounded()) * taps
                samples.append(Self.product(padded, whole + 1, table, row, count: taps))
            }
        }
        let (marks, sourceRate) = (places, Double(sourceRate))
        return (
            samples,
            { seconds in
                let place = seconds * sourceRate
                let index = min(marks.count - 1, max(1, marks.firstIndex { $0 > place } ?? marks.count - 1))
                let part = (place - marks[index - 1]) / (marks[index] - marks[index - 1])
                return (Double(index - 1) + part) * Double(Self.step) / Double(Utterance.sampleRate)
            }
        )
    }
}
