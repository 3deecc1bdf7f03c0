import Datasets
import Foundation

/// A picture for tests of augmentation: waves, edges and texture, planes that differ, the same every time.
struct TestPicture: Hashable {
    var channels: Int
    var width: Int
    var height: Int
    var levels: [UInt8]

    init(_ channels: Int, _ width: Int, _ height: Int, level: UInt8? = nil) {
        (self.channels, self.width, self.height) = (channels, width, height)
        var random = SeededGenerator(seed: 99)
        levels = []
        for channel in 0..<channels {
            for y in 0..<height {
                for x in 0..<width {
                    let wave = 40 * sin(Double(x) / 2.7 + Double(channel)) + 30 * cos(Double(y) / 4.1)
                    let edge = (x / 9 + y / 7 + channel) % 2 == 0 ? 30.0 : -30.0
                    levels.append(level ?? UInt8(max(0, min(255, 120 + wave + edge + Double(random.index(below: 21)) - 10))))
                }
            }
        }
    }

    subscript(_ channel: Int, _ x: Int, _ y: Int) -> UInt8 {
        get { levels[(channel * height + y) * width + x] }
        set { levels[(channel * height + y) * width + x] = newValue }
    }

    /// With its border repeated outwards.
    func clamped(_ channel: Int, _ x: Int, _ y: Int) -> Double { Double(self[channel, max(0, min(width - 1, x)), max(0, min(height - 1, y))]) }

    func distorted(noiseSeed: UInt64 = 1, _ change: (inout PictureDistortion) -> Void) -> TestPicture {
        var distortion = PictureDistortion()
        change(&distortion)
        var result = self
        distortion.apply(to: &result.levels, channels: channels, width: width, height: height, noiseSeed: noiseSeed)
        return result
    }

    var mean: Double { levels.reduce(0) { $0 + Double($1) } / Double(levels.count) }
    var deviation: Double {
        let mean = mean
        return (levels.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(levels.count)).squareRoot()
    }

    /// Variance of the Laplacian inside the first plane.
    var sharpness: Double {
        var (sum, squares, count) = (0.0, 0.0, 0.0)
        for y in 1..<height - 1 {
            for x in 1..<width - 1 {
                let v = clamped(0, x - 1, y) + clamped(0, x + 1, y) + clamped(0, x, y - 1) + clamped(0, x, y + 1) - 4 * clamped(0, x, y)
                (sum, squares, count) = (sum + v, squares + v * v, count + 1)
            }
        }
        return squares / count - (sum / count) * (sum / count)
    }

    func meanSquareDifference(_ other: TestPicture) -> Double {
        zip(levels, other.levels).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) } / Double(levels.count)
    }

    func largestDifference(_ other: [Double]) -> Double { zip(levels, other).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } }
}

/// Sounds for tests of augmentation, at 16 kHz.
enum TestSound {
    static func tone(_ frequency: Double, _ count: Int, level: Double = 0.3) -> [Float] {
        (0..<count).map { Float(level * sin(2 * .pi * frequency * Double($0) / 16000)) }
    }

    /// Tones that swell and fade, as syllables do.
    static func speech(_ count: Int) -> [Float] {
        (0..<count).map { i in
            let t = Double(i) / 16000
            let voice = sin(2 * .pi * 140 * t) + 0.6 * sin(2 * .pi * 710 * t) + 0.3 * sin(2 * .pi * 2300 * t)
            return Float(0.12 * voice * pow(sin(.pi * 4 * t), 2))
        }
    }

    /// Machine-made, not white.
    static func hum(_ count: Int, seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        var last: Float = 0
        return (0..<count).map { _ in
            last = 0.9 * last + Float(random.index(below: 2001) - 1000) * 1e-4
            return last
        }
    }

    static func decibels(_ samples: some Sequence<Float>) -> Double {
        let (sum, count) = samples.reduce((0.0, 0.0)) { ($0.0 + Double($1) * Double($1), $0.1 + 1) }
        return 10 * log10(sum / count)
    }

    static func distorted(_ samples: [Float], noise: NoiseBank? = nil, noiseSeed: UInt64 = 1, _ change: (inout SoundDistortion) -> Void) -> [Float] {
        var distortion = SoundDistortion()
        change(&distortion)
        return distortion.apply(to: samples, noise: noise, noiseSeed: noiseSeed)
    }

    /// What a distortion does to a tone in dB, where it has settled.
    static func gain(_ frequency: Double, _ change: (inout SoundDistortion) -> Void) -> Double {
        let tone = tone(frequency, 8000)
        return decibels(distorted(tone, change)[4000..<7000]) - decibels(tone[4000..<7000])
    }
}
