import Capture
import Foundation
import LiveParts
import MediaTypes
import Testing

/// What goes wrong with sound servers, and how the microphone comes back.
@Suite(.serialized) struct MicrophoneFailureTests {
    static let noise = Noise.samples(seconds: 120, amplitude: 500)

    func settings(_ server: PulseServer, source: String = "mic") -> MicrophoneSettings {
        MicrophoneSettings(source: source, server: server.address, silenceAfter: .milliseconds(1500))
    }

    /// Sound is heard again and the time line says where it was not.
    func checkLine(_ probe: MicrophoneProbe, reconnects: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await probe.listen(seconds: 0.5)
        #expect(probe.unmarkedGaps == 0 && probe.overlaps == 0, sourceLocation: sourceLocation)
        #expect(probe.blocks.contains { $0.isDiscontinuity }, sourceLocation: sourceLocation)
        let status = probe.status
        #expect(status.reconnects == reconnects && status.discontinuities >= 1, sourceLocation: sourceLocation)
        let last = try #require(probe.blocks.last, sourceLocation: sourceLocation)
        // Not an old stretch of sound: what was captured last is recent. Generous, for a busy machine.
        #expect(abs((MonotonicClockOfTests.now() - last.end).seconds) < 2, sourceLocation: sourceLocation)
    }

    @Test func noServerThenOne() async throws {
        let server = try await PulseServer()
        try server.crash()
        let probe = MicrophoneProbe(settings(server))
        try await probe.reads(until: "refusal") { probe.status.reason.contains("cannot connect") }
        #expect(probe.status.reason.contains(server.address), "\(probe.status.reason)")
        #expect(probe.states == [.reconnecting, .reconnecting], "connecting, then why not")
        try await server.start()
        try server.play(Self.noise)
        try await probe.reach(.online)
        #expect(probe.status.reconnects == 0)
    }

    @Test func theServerDiesAndIsStartedAgain() async throws {
        let server = try await PulseServer()
        try server.play(Self.noise)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        try await probe.listen(seconds: 0.5)
        try server.crash()
        try await probe.reach(.reconnecting)
        #expect(probe.status.reason.contains("lost"), "\(probe.status.reason)")
        #expect(probe.status.server == nil || probe.status.state == .reconnecting)
        // Long enough for the delay between attempts to grow.
        try await probe.listen(seconds: 3)
        try await server.start()
        try server.play(Self.noise)
        try await probe.reach(.online)
        try await checkLine(probe, reconnects: 1)
    }

    @Test func theServerHangs() async throws {
        let server = try await PulseServer()
        try server.play(Self.noise)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        try server.freeze()
        try await probe.reach(.reconnecting)
        #expect(probe.status.reason.contains("no sound"), "\(probe.status.reason)")
        try await probe.listen(seconds: 1)
        try server.thaw()
        try await probe.reach(.online)
        try await checkLine(probe, reconnects: 1)
    }

    @Test func theSourceIsUnloadedAndLoadedAgain() async throws {
        let server = try await PulseServer()
        try server.play(Self.noise)
        let module = try server.pactl("load-module", "module-remap-source", "source_name=desk", "master=clip.monitor", "channels=1")
        let probe = MicrophoneProbe(settings(server, source: "desk"))
        try await probe.reach(.online)
        try server.pactl("unload-module", module)
        try await probe.reach(.reconnecting)
        // The server has other sources; a named one is waited for.
        try await probe.listen(seconds: 1.5)
        #expect(probe.status.state == .reconnecting && probe.status.reason.contains("desk"), "\(probe.status.reason)")
        try server.pactl("load-module", "module-remap-source", "source_name=desk", "master=clip.monitor", "channels=1")
        try await probe.reach(.online)
        #expect(probe.status.source == "desk")
        try await checkLine(probe, reconnects: 1)
    }

    @Test func theSourceIsSuspended() async throws {
        let server = try await PulseServer()
        try server.play(Self.noise)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        try server.pactl("suspend-source", "mic", "1")
        try await probe.reach(.reconnecting)
        #expect(probe.status.reason.contains("suspended"), "\(probe.status.reason)")
        // Longer than a stall: the stream stays.
        try await probe.listen(seconds: 2.5)
        #expect(probe.status.reason.contains("suspended"), "\(probe.status.reason)")
        try server.pactl("suspend-source", "mic", "0")
        try await probe.reach(.online)
        try await checkLine(probe, reconnects: 1)
    }

    /// The card is there and delivers nothing, as one does whose cable hangs loose.
    @Test func theCardStalls() async throws {
        let card = PipeCard()
        let server = try await PulseServer(modules: [card.module])
        card.start()
        let probe = MicrophoneProbe(settings(server, source: card.name))
        try await probe.reach(.online)
        card.stop()
        try await probe.reach(.reconnecting)
        #expect(probe.status.reason.contains("no sound from source 'card'"), "\(probe.status.reason)")
        card.start()
        try await probe.reach(.online)
        try await checkLine(probe, reconnects: 1)
    }

    @Test func exactZerosAreNotAQuietRoom() async throws {
        let card = PipeCard()
        let server = try await PulseServer(modules: [card.module])
        card.setContent(.zeros)
        card.start()
        let probe = MicrophoneProbe(settings(server, source: card.name))
        try await probe.reach(.noSignal)
        #expect(!probe.states.contains(.online), "zeros are not a first good block")
        #expect(probe.status.reason.contains("muted?"), "\(probe.status.reason)")
        // One unit of 16 bits: about −93 dBFS.
        card.setContent(.whisper)
        try await probe.reach(.online)
        try await probe.listen(seconds: 2.5)
        #expect(probe.status.state == .online)
        let level = try #require(probe.status.levelDBFS)
        #expect((-100 ... -80).contains(level), "\(level) dBFS")
        card.setContent(.zeros)
        try await probe.reach(.noSignal)
        card.setContent(.noise)
        try await probe.reach(.online)
        #expect(probe.states == [.reconnecting, .noSignal, .online, .noSignal, .online])
        #expect(probe.unmarkedGaps == 0 && probe.status.reconnects == 0)
    }

    @Test func aReaderThatSleepsLosesTheNewest() async throws {
        let server = try await PulseServer()
        try server.play(Self.noise)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        // The sink's own latency settles after a player has come.
        try await probe.listen(seconds: 2)
        probe.forget()
        let isFull = try await eventually(within: 30) { probe.status.droppedByRing > 3200 }
        try #require(isFull)
        try await probe.listen(seconds: 1)
        let marks = probe.blocks.count { $0.isDiscontinuity }
        #expect(marks == 1, "one gap is one mark")
        #expect(probe.unmarkedGaps == 0)
        #expect(probe.overlaps == 0)
        #expect(probe.status.state == .online && probe.status.reconnects == 0)
    }

    @Test func theDefaultSourceIsFollowed() async throws {
        let one = PipeCard(name: "one"), two = PipeCard(name: "two")
        let server = try await PulseServer(modules: [one.module, two.module])
        one.start()
        two.start()
        try server.pactl("set-default-source", "one")
        let probe = MicrophoneProbe(settings(server, source: "default"))
        try await probe.reach(.online)
        #expect(probe.status.source == "one")
        try server.pactl("set-default-source", "two")
        try await probe.reads(until: "moved to the new default") { probe.status.source == "two" }
        try await probe.listen(seconds: 1)
        #expect(probe.status.state == .online)
        // Taken away, as a USB microphone is: the next default is whatever the server says.
        try server.pactl("set-default-source", "one")
        try await probe.reads(until: "moved back") { probe.status.source == "one" }
        try server.pactl("unload-module", try server.moduleNumber(of: "one"))
        try await probe.reads(until: "another source") { probe.status.source.map { $0 != "one" } ?? false }
        try await probe.reach(.online)
        #expect(probe.unmarkedGaps == 0 && probe.overlaps == 0)
    }

    @Test func stopWhileConnecting() async throws {
        let server = try await PulseServer()
        try server.freeze()
        let probe = MicrophoneProbe(settings(server))
        try await Task.sleep(for: .milliseconds(300))
        let began = ContinuousClock.now
        probe.microphone.stop()
        #expect(ContinuousClock.now - began < .seconds(5), "a join, not a time-out of the server")
        #expect(probe.status.state == .offline && probe.states.last == .offline)
        probe.microphone.stop()
        try server.thaw()
    }

    @Test func stoppedAndStartedAgain() async throws {
        let server = try await PulseServer()
        try server.play(Self.noise)
        let probe = MicrophoneProbe(settings(server))
        try await probe.reach(.online)
        probe.microphone.stop()
        probe.drain()
        let count = probe.status.samples
        #expect(probe.status.state == .offline && count > 0)
        try await Task.sleep(for: .milliseconds(300))
        probe.microphone.start()
        probe.microphone.start()
        try await probe.reach(.online)
        try await checkLine(probe, reconnects: 1)
        #expect(probe.status.samples > count)
    }

    @Test func manyStartsAndStops() async throws {
        let server = try await PulseServer()
        try server.play(Self.noise)
        let probe = MicrophoneProbe(settings(server))
        for round in 0..<30 {
            probe.microphone.stop()
            probe.microphone.start()
            try await Task.sleep(for: .milliseconds(round * 7))
        }
        try await probe.reach(.online)
    }
}

struct MicrophoneInventoryTests {
    @Test func sourcesOfAServer() async throws {
        let server = try await PulseServer()
        try server.pactl("set-default-source", "mic")
        let sources = try MicrophoneInventory.list(server: server.address)
        #expect(sources.map(\.name).sorted() == ["clip.monitor", "mic"])
        let microphone = try #require(sources.first { $0.name == "mic" })
        #expect(microphone.isDefault && !microphone.isMonitor && !microphone.isMuted)
        #expect(microphone.format == SoundFormat(encoding: "s16le", rate: 48_000, channels: 1))
        let monitor = try #require(sources.first { $0.name == "clip.monitor" })
        #expect(monitor.isMonitor && !monitor.isDefault && !monitor.description.isEmpty)
    }

    @Test func noServer() {
        #expect(throws: SoundServerError.self) { try MicrophoneInventory.list(server: "unix:/nonexistent/native") }
    }

    @Test func aServerThatDoesNotAnswer() async throws {
        let server = try await PulseServer()
        try server.freeze()
        let error = #expect(throws: SoundServerError.self) { try MicrophoneInventory.list(server: server.address) }
        #expect(error.map { "\($0)".contains("restart the sound server") } == true)
        try server.thaw()
    }
}
