import Capture
import Foundation
import LiveParts
import MediaTypes
import Testing

@Suite(.serialized) struct MicrophoneTests {
    @Test func soundArrivesAsItWasPlayed() async throws {
        let server = try await PulseServer()
        // Quiet noise keeps the sink awake; the chirp is played over it.
        try server.play(Noise.samples(seconds: 60, amplitude: 3))
        let probe = MicrophoneProbe(MicrophoneSettings(source: "mic", server: server.address))
        try await probe.reach(.online)
        try await probe.listen(seconds: 1)
        probe.forget()
        let chirp = (0..<16_000).map { index -> Double in
            let t = Double(index) / 16_000
            return 0.5 * sin(2 * Double.pi * (200 * t + 400 * t * t))
        }
        try server.play(chirp.map { Int16($0 * 32_767) })
        try await probe.listen(seconds: 3.5)

        let status = probe.status
        let heard = probe.blocks.flatMap(\.samples)
        try #require(heard.count > 32_000)
        #expect(probe.unmarkedGaps == 0 && probe.overlaps == 0)
        // Where the chirp fits best: coarsely by its energy, then by correlation.
        var best = 0.0, bestAt = 0
        let loud = try #require(heard.firstIndex { abs($0) > 0.05 })
        for start in max(0, loud - 400)..<min(heard.count - chirp.count, loud + 400) {
            var product = 0.0, energy = 0.0
            for index in stride(from: 0, to: chirp.count, by: 3) {
                let sample = Double(heard[start + index])
                product += sample * chirp[index]
                energy += sample * sample
            }
            var own = 0.0
            for index in stride(from: 0, to: chirp.count, by: 3) { own += chirp[index] * chirp[index] }
            let correlation = product / (own * energy).squareRoot()
            if correlation > best { (best, bestAt) = (correlation, start) }
        }
        #expect(best > 0.98, "correlation with what was played")
        let energy = (0..<chirp.count).reduce(0.0) { $0 + Double(heard[bestAt + $1] * heard[bestAt + $1]) } / Double(chirp.count)
        #expect(abs(energy.squareRoot() - 0.5 / 2.0.squareRoot()) < 0.02, "RMS of a sine of 0.5")
        #expect(status.source == "mic" && status.sourceFormat == SoundFormat(encoding: "s16le", rate: 48_000, channels: 1))
        #expect(status.server?.contains("pulseaudio") == true)
        #expect(status.droppedByRing == 0, "the reader was late")
        #expect(status.latency.map { (0..<0.5).contains($0.seconds) } == true, "\(status.latency.map { "\($0.milliseconds) ms" } ?? "none")")
        #expect(status.reconnects == 0 && status.samples > 0)
    }

    /// Clicks written to a pipe that the server reads as a sound card: each is captured when it is written.
    @Test func instantsAreThoseOfTheCapture() async throws {
        let card = PipeCard()
        let server = try await PulseServer(modules: [card.module])
        card.start()
        let probe = MicrophoneProbe(MicrophoneSettings(source: card.name, server: server.address))
        try await probe.reach(.online)
        try await probe.listen(seconds: 8)
        card.stop()

        let clicks = card.clicks
        var errors: [Double] = []
        var previous = Instant.zero
        for block in probe.blocks {
            for (index, sample) in block.samples.enumerated() where sample > 0.25 {
                let heard = block.start + AudioFormat.span(samples: index)
                // A click of one sample is several after resampling.
                guard (heard - previous).milliseconds > 50 else { continue }
                previous = heard
                if let nearest = clicks.min(by: { abs(($0 - heard).seconds) < abs(($1 - heard).seconds) }) { errors.append((heard - nearest).milliseconds) }
            }
        }
        #expect(errors.count >= 10, "clicks heard")
        #expect(errors.allSatisfy { abs($0) < 30 }, "ms from write to capture instant: \(errors)")
        #expect(probe.unmarkedGaps == 0 && probe.overlaps == 0)
    }
}
