import FrontEnd
import Foundation
import Testing

@Suite struct SignalLevelTests {
    static func sine(_ seconds: Double, amplitude: Double, hertz: Double = 440) -> [Float] {
        (0..<Int(seconds * 16000)).map { Float(amplitude * sin(2 * .pi * hertz * Double($0) / 16000)) }
    }

    static func noise(_ seconds: Double, deviation: Float, seed: UInt64) -> [Float] {
        var random = Seeded(state: seed)
        // Sum of twelve uniform numbers: deviation 1, nearly normal.
        return (0..<Int(seconds * 16000)).map { _ in
            deviation * ((0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0...1, using: &random) })
        }
    }

    @Test func aFullScaleSineIsThreeDecibelsBelowFullScale() {
        var level = SignalLevel()
        let samples = Self.sine(1, amplitude: 1)
        #expect(abs(level.append(samples.span).level + 3.01) < 0.1)
    }

    /// Speech-like bursts of a known level over a noise of known level.
    @Test(arguments: [5.0, 15, 30])
    func findsFloorAndRatio(_ decibels: Double) throws {
        var samples = Self.noise(6, deviation: 0.003, seed: 11)
        let amplitude = 0.003 * pow(10, decibels / 20) * 2.0.squareRoot()
        let burst = Self.sine(6, amplitude: amplitude, hertz: 700)
        // 0.4 s of tone, 0.4 s of pause.
        for i in samples.indices where i / 6400 % 2 == 1 { samples[i] += burst[i] }
        var level = SignalLevel()
        let reading = level.append(samples.span)
        #expect(abs(try #require(reading.noiseFloor) - Float(20 * log10(0.003))) < 1.5)
        // Pieces of weak speech that stay within 6 dB of the floor are not counted, so a low ratio is overestimated a little.
        #expect(abs(Double(try #require(reading.signalToNoise)) - decibels) < 2.5)
        #expect(!reading.isDigitallySilent)
    }

    @Test func steadyNoiseHasNoSpeech() {
        var level = SignalLevel()
        let samples = Self.noise(5, deviation: 0.01, seed: 4)
        #expect(level.append(samples.span).signalToNoise == nil)
    }

    @Test func digitalSilenceIsNoticedAndIsNotTheFloor() throws {
        var level = SignalLevel()
        #expect(level.reading.noiseFloor == nil)
        let noise = Self.noise(1, deviation: 0.01, seed: 5)
        level.append(noise.span)
        let floor = try #require(level.reading.noiseFloor)
        for value: Float in [0, 0.25, -1e-7] {
            let silence = [Float](repeating: value, count: 1601)
            // One sample may differ from the noise before it; then 1600 are alike.
            let shorter = Array(silence.prefix(1600))
            #expect(!level.append(shorter.span).isDigitallySilent)
            level.append(silence.span)
            #expect(level.reading.isDigitallySilent)
            level.append(noise.span)
            #expect(!level.reading.isDigitallySilent)
        }
        let end = try #require(level.reading.noiseFloor)
        #expect(abs(end - floor) < 3)
    }

    @Test func theFloorFollowsARiseWithinFourSeconds() throws {
        var level = SignalLevel()
        let quiet = Self.noise(5, deviation: 0.001, seed: 6)
        let loud = Self.noise(4.6, deviation: 0.01, seed: 7)
        level.append(quiet.span)
        #expect(abs(try #require(level.reading.noiseFloor) + 60) < 2)
        level.append(loud.span)
        #expect(abs(try #require(level.reading.noiseFloor) + 40) < 2)
    }
}
