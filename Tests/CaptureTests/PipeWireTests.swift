import Capture
import Foundation
import LiveParts
import MediaTypes
import Testing

private let isInstalled: Bool = {
    let pipeWire = PulseServer.Program.pipeWire
    if !pipeWire.isInstalled {
        FileHandle.standardError.write(Data("SKIPPED: the microphone behind PipeWire needs the packages \(pipeWire.packages) (make setup)\n".utf8))
    }
    return pipeWire.isInstalled
}()

/// What the tests of PulseAudio prove, where PipeWire's server of the same protocol stands in its place.
@Suite(.serialized, .enabled(if: isInstalled)) struct PipeWireTests {
    func settings(_ server: PulseServer, source: String = "clip.monitor") -> MicrophoneSettings {
        MicrophoneSettings(source: source, server: server.address, silenceAfter: .milliseconds(1500))
    }

    /// 1000 Hz at a quarter of full scale, −15 dBFS.
    static let tone: [Int16] = (0..<60 * 16_000).map { Int16((0.25 * 32_767 * sin(2 * .pi * 1000 * Double($0) / 16_000)).rounded()) }

    /// RMS of what was read last, in dB against a full-scale square wave.
    func level(_ probe: MicrophoneProbe) -> Double {
        let heard = probe.blocks.suffix(10).flatMap(\.samples)
        return 10 * log10(heard.reduce(1e-12) { $0 + Double($1 * $1) } / Double(max(1, heard.count)))
    }

    /// The tone is heard, and the time line says where it was not.
    func checkLine(_ probe: MicrophoneProbe, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        // The level of what came while the server was still connecting its parts is not meant.
        try await probe.reads(until: "the tone's level", within: 20, sourceLocation: sourceLocation) { abs(level(probe) + 15.05) < 0.3 }
        #expect(probe.unmarkedGaps == 0 && probe.overlaps == 0, sourceLocation: sourceLocation)
        let last = try #require(probe.blocks.last, sourceLocation: sourceLocation)
        #expect(abs((MonotonicClockOfTests.now() - last.end).seconds) < 2, "what was captured last is recent", sourceLocation: sourceLocation)
    }

    @Test(arguments: ["clip.monitor", "default"]) func soundArrivesAsItWasPlayed(source: String) async throws {
        let server = try await PulseServer(.pipeWire)
        if source == "default" { try server.pactl("set-default-source", "mic") }
        try server.play(Self.tone)
        let probe = MicrophoneProbe(settings(server, source: source))
        try await probe.reach(.online)
        try await probe.listen(seconds: 1)
        probe.forget()
        let start = MonotonicClockOfTests.now()
        try await probe.listen(seconds: 2.5)
        let span = (MonotonicClockOfTests.now() - start).seconds

        let status = probe.status
        #expect(status.server?.contains("PipeWire") == true, "\(status.server ?? "no server")")
        #expect(status.source == (source == "default" ? "mic" : source))
        #expect(status.reconnects == 0 && status.droppedByRing == 0 && status.overflows == 0)
        #expect(status.latency.map { (0..<0.5).contains($0.seconds) } == true, "\(status.latency.map { "\($0.milliseconds) ms" } ?? "none")")
        try await checkLine(probe)
        // As many samples as time passed, each block where the last one ended.
        let heard = Double(probe.blocks.reduce(0) { $0 + $1.samples.count }) / 16_000
        #expect(abs(heard - span) < 0.5, "\(heard) s of sound in \(span) s")
        let first = try #require(probe.blocks.first)
        #expect(abs((first.start - start).seconds) < 0.5, "captured when it was read, or shortly before")
        // A sine whose phase goes on: no sample lost, none doubled. Steps of the time line (±1 sample) turn it by 22°.
        let samples = probe.blocks.flatMap(\.samples)
        var turns: [Double] = []
        var previous: Double?
        for begin in stride(from: 0, to: samples.count - 160, by: 160) {
            var real = 0.0, imaginary = 0.0
            for index in 0..<160 {
                let angle = 2 * Double.pi * Double(index) / 16
                real += Double(samples[begin + index]) * cos(angle)
                imaginary += Double(samples[begin + index]) * sin(angle)
            }
            let phase = atan2(imaginary, real)
            if let previous { turns.append(abs(remainder(phase - previous, 2 * .pi)) * 180 / .pi) }
            previous = phase
        }
        #expect(turns.count > 180)
        #expect(turns.allSatisfy { $0 < 50 }, "largest turn between 10 ms: \(turns.max() ?? 0)°")
    }

    @Test func theServerDiesAndIsStartedAgain() async throws {
        let server = try await PulseServer(.pipeWire)
        try server.play(Self.tone)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        try await probe.listen(seconds: 0.5)
        try server.crash()
        try await probe.reach(.reconnecting)
        #expect(probe.status.reason.contains("lost"), "\(probe.status.reason)")
        try await probe.listen(seconds: 1)
        try await server.start()
        try server.play(Self.tone)
        try await probe.reach(.online)
        try await checkLine(probe)
        #expect(probe.status.reconnects == 1 && probe.status.discontinuities >= 1)
    }

    @Test func theServerHangs() async throws {
        let server = try await PulseServer(.pipeWire)
        try server.play(Self.tone)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        try server.freeze()
        try await probe.reach(.reconnecting)
        #expect(probe.status.reason.contains("no sound"), "\(probe.status.reason)")
        try server.thaw()
        try await probe.reach(.online)
        try await checkLine(probe)
        #expect(probe.status.reconnects == 1)
    }

    @Test func theSourceIsRemovedAndReturns() async throws {
        let server = try await PulseServer(.pipeWire)
        try server.play(Self.tone)
        let module = ["load-module", "module-remap-source", "source_name=desk", "master=clip.monitor", "channels=1"]
        func load() throws -> String { try server.pactl(module[0], module[1], module[2], module[3], module[4]) }
        let number = try load()
        let probe = MicrophoneProbe(settings(server, source: "desk"))
        try await probe.reach(.online)
        #expect(probe.status.source == "desk")
        try server.pactl("unload-module", number)
        try await probe.reach(.reconnecting)
        // The server has other sources; a named one is waited for.
        try await probe.listen(seconds: 1.5)
        #expect(probe.status.state == .reconnecting && probe.status.reason.contains("desk"), "\(probe.status.reason)")
        _ = try load()
        try await probe.reach(.online)
        #expect(probe.status.source == "desk")
        try await checkLine(probe)
        #expect(probe.status.reconnects == 1)
    }

    /// The session manager suspends what nobody uses. Listening wakes it and keeps it awake, though nothing is played.
    @Test func aSuspendedMonitorWakes() async throws {
        let server = try await PulseServer(.pipeWire)
        let before = try MicrophoneInventory.list(server: server.address)
        #expect(before.first { $0.name == "clip.monitor" }?.activity == .suspended)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.noSignal)
        // Longer than the five seconds after which what idles is suspended.
        try await probe.listen(seconds: 6)
        #expect(probe.status.state == .noSignal && probe.states.filter { $0 == .noSignal }.count == 1)
        try server.play(Self.tone)
        try await probe.reach(.online)
        try await checkLine(probe)
        #expect(probe.status.reconnects == 0)
    }

    /// PipeWire does not tell a stream that its source was suspended: it delivers exact zeros from then on, also after the source is
    /// resumed. A new stream hears, and wakes the source itself.
    @Test func aSinkIsSuspendedUnderTheStream() async throws {
        let server = try await PulseServer(.pipeWire)
        try server.play(Self.tone)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        try await probe.listen(seconds: 0.5)
        #expect(probe.status.streamRestarts == 0)
        try server.pactl("suspend-sink", "clip", "1")
        try await probe.reach(.noSignal)
        try await probe.reach(.online)
        try await checkLine(probe)
        #expect(probe.states == [.reconnecting, .online, .noSignal, .online])
        #expect(probe.status.streamRestarts >= 1 && probe.status.reconnects == 0)
    }
}
