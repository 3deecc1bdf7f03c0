import Foundation
import Glibc
import LiveParts
import Testing

extension LiveAgentTests {
    private func newestStatus(_ subscriber: ChildProcess) throws -> JSONValue { try JSONValue(LiveRig.payloads(subscriber, "status").last ?? "null") }

    /// A configuration that is wrong is refused with its place, one that is right is in effect at once; no frame is lost over either.
    @Test func reloadsBetweenTwoFrames() async throws {
        // So slow that the frames which wait for a busy processor do not fill the ring.
        let rig = try await LiveRig(rate: 4)
        try rig.configure(["publish": "{telemetry_interval: 1h}"])
        let everything = try await rig.broker.subscribe("fwoc/#")
        func newest() throws -> LiveRig.Event? { try LiveRig.events(everything).last }
        try await rig.startReady()
        let agent = try #require(rig.agent)
        try await rig.reach("Ann") { try newest()?.person?.name == "Ann" }
        let lost = try rig.figure("camera", "dropped_by_ring")

        // Wrong, by signal and by command.
        let ready = rig.manager.count("READY=1")
        try rig.configure(["recognition": LiveRig.recognition("treshold: 0.5")])
        agent.signal(SIGHUP)
        try await rig.reach("READY=1 after RELOADING=1") { rig.manager.count("READY=1") == ready + 1 }
        let line = try #require(try String(contentsOfFile: rig.configuration, encoding: .utf8).split(separator: "\n").firstIndex { $0.contains("treshold") }) + 1
        try await rig.reach("the log says where") { agent.errorText.contains("reload refused") }
        #expect(agent.errorText.contains("agent.yaml:\(line)") && agent.errorText.contains("threshold"), "\(agent.errorText.suffix(600))")
        let refused = try await rig.ask("reload")
        #expect(!refused.isDone && refused.message.contains("agent.yaml:\(line)") && refused.message.contains("old configuration stays"), "\(refused)")
        let frames = try rig.figure("camera", "frames")
        try await rig.reach("frames go on") { try rig.figure("camera", "frames") > frames + 5 }
        #expect(try newest()?.person?.name == "Ann")

        // Right: nobody is like Ann to this degree, and telemetry comes at once.
        #expect(LiveRig.payloads(everything, "telemetry").count <= 1)
        try rig.configure(["recognition": LiveRig.recognition("threshold: 1.5"), "publish": "{telemetry_interval: 1s}"])
        agent.signal(SIGHUP)
        try await rig.reach("Ann is unknown") { try newest().map { $0.decision != "identified" && $0.person == nil && $0.type == "update" } == true }
        try await rig.reach("telemetry") { LiveRig.payloads(everything, "telemetry").count >= 4 }
        try await rig.reach("presence") { LiveRig.payloads(everything, "presence").last?.contains("\"unknown\":1") == true }

        // Also how much is logged.
        try rig.configure(["log": "{level: error, format: plain}"])
        #expect(try await rig.ask("reload").isDone)
        let log = agent.errorText
        #expect(try await rig.ask("reload").isDone)
        #expect(agent.errorText == log && log.contains("reloaded: "))
        try rig.configure(["log": "{level: debug, format: plain}"])

        // What cannot change now is said to wait.
        try rig.configure(["recognition": LiveRig.recognition(), "camera": "{device: \(rig.camera.node), size: 640x480, rate: 3, formats: [yuyv]}"])
        let partial = try await rig.ask("reload", "{}")
        #expect(partial.isDone && partial.message.contains("camera.rate"), "\(partial)")
        try await rig.reach("Ann again") { try newest()?.person?.name == "Ann" }
        try await rig.reach("status says what waits") { try "\(newestStatus(everything))".contains("camera.rate changes with a restart") }

        #expect(try rig.figure("camera", "dropped_by_ring") == lost)
        #expect(try rig.figure("camera", "reconnects") == 0)
        #expect(rig.manager.assignments.filter { $0 == "RELOADING=1" }.count == rig.manager.count("READY=1") - ready)
        #expect(rig.manager.assignments.contains { $0.hasPrefix("MONOTONIC_USEC=") })
        #expect(LiveRig.disorder(try LiveRig.events(everything), isOver: false) == [])
        #expect(agent.isRunning)
        try LiveRig.validate(LiveRig.messages(everything))
    }

    /// Pause closes the devices; malformed and huge commands are refused; who is removed from the gallery is no longer named.
    @Test func obeysCommandsAndForgetsPeople() async throws {
        let rig = try await LiveRig(hasSound: true)
        let everything = try await rig.broker.subscribe("fwoc/#")
        func newest() throws -> LiveRig.Event? { try LiveRig.events(everything).last }
        func presence() throws -> JSONValue { try JSONValue(LiveRig.payloads(everything, "presence").last ?? "null") }
        try await rig.startReady()
        let agent = try #require(rig.agent)
        try await rig.reach("Ann") { try newest()?.person?.name == "Ann" }
        #expect(rig.camera.isOpen(in: agent.identifier))

        // Paused.
        let paused = try await rig.ask("pause")
        #expect(paused.isDone, "\(paused)")
        try await rig.reach("mode paused") { try newestStatus(everything)["mode"] == .string("paused") }
        try await rig.reach("the camera is closed") { !rig.camera.isOpen(in: agent.identifier) }
        try await rig.reach("every appearance ended, and nobody is here") {
            try LiveRig.disorder(LiveRig.events(everything), isOver: true) == [] && presence()["count"] == .number(0)
        }
        let before = try (events: LiveRig.events(everything).count, samples: rig.figure("microphone", "samples"))
        #expect(try await rig.ask("pause").isDone)
        try await Task.sleep(for: .seconds(1.5))
        #expect(try LiveRig.events(everything).count == before.events)
        #expect(try rig.figure("microphone", "samples") == before.samples)
        #expect(try newestStatus(everything)["degraded"] == .array([]))
        #expect(try LiveLab.http(rig.httpPort, "/healthz").status == 200)
        #expect(try await rig.ask("resume").isDone)
        try await rig.reach("Ann again") { try LiveRig.events(everything).dropFirst(before.events).contains { $0.person?.name == "Ann" } }
        #expect(rig.camera.isOpen(in: agent.identifier))
        try await rig.reach("mode live") { try newestStatus(everything)["mode"] == .string("live") }
        let purged = try await rig.ask("purge", "{}")
        #expect(purged.isDone && purged.message.contains("0 waiting events"), "\(purged)")

        // What nobody should send.
        for (verb, payload) in [("pause", "{"), ("pause", "[1]"), ("pause", "\"now\""), ("resume", "\u{1}"), ("selfdestruct", "{}"), ("reload", "nul")] {
            let answer = try await rig.ask(verb, payload)
            #expect(!answer.isDone && !answer.message.isEmpty, "\(verb) \(payload): \(answer)")
        }
        let huge = try rig.folder.write(Data("{\"a\":\"".utf8) + Data(repeating: 0x61, count: 1 << 20) + Data("\"}".utf8), to: "huge")
        let answer = try await rig.ask("pause", more: ["-f", huge])
        #expect(!answer.isDone && answer.message.contains("at most"), "\(answer)")
        let deep = try rig.folder.write(String(repeating: "[", count: 60_000), to: "deep")
        let deepAnswer = try await rig.ask("pause", more: ["-f", deep])
        #expect(!deepAnswer.isDone, "\(deepAnswer)")
        #expect(try newestStatus(everything)["mode"] == .string("live"))
        let frames = try rig.figure("camera", "frames")
        try await rig.reach("frames go on") { try rig.figure("camera", "frames") > frames + 5 }

        // Removed while it runs: unknown within seconds, and never named again.
        let gallery = rig.folder.path("gallery.sqlite")
        let removal = try FwocAgentProgram.run(["gallery", "remove", "Ann", "--gallery", gallery])
        #expect(removal.exitCode == 0, "\(removal)")
        try await rig.reach("Ann is unknown") { try newest().map { $0.person == nil && $0.decision == "unknown" && $0.type != "end" } == true }
        try await rig.reach("nobody known is here") { try presence()["count"] == .number(0) && presence()["unknown"] == .number(1) }
        let messages = LiveRig.messages(everything).count
        try await Task.sleep(for: .seconds(2))
        #expect(!LiveRig.messages(everything).dropFirst(messages).contains { $0.payload.contains("\"Ann\"") })
        #expect(try "\(rig.status()["people"] ?? .null)".contains("Ann") == false)

        // Enrolled while it runs, under another name.
        let enrolment = try FwocAgentProgram.runWithModels(["enroll", "Anna", "--clip", TestData.clip("avspeech-3DsHHfu4_co_106_.mp4"), "--gallery", gallery])
        #expect(enrolment.exitCode == 0, "\(enrolment)")
        try await rig.reach("Anna is known") { try newest()?.person?.name == "Anna" }
        try await rig.reach("Anna is here") { LiveRig.payloads(everything, "presence").last?.contains("\"Anna\"") == true }
        // The retained level follows within half a second; a quick machine knows her before that.
        try await rig.reach("the status has the revision") {
            try newestStatus(everything)["gallery_revision"] == .number(Double(rig.figure("gallery", "revision")))
        }
        #expect(LiveRig.disorder(try LiveRig.events(everything), isOver: false) == [])
        #expect(agent.isRunning)
        try LiveRig.validate(LiveRig.messages(everything))
    }
}
