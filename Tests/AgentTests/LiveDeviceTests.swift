import Foundation
import Glibc
import LiveParts
import Testing

extension LiveAgentTests {
    /// Devices that go and come back, while the agent stays.
    @Test func devicesGoAndComeBack() async throws {
        let rig = try await LiveRig(hasSound: true)
        let sound = try #require(rig.sound)
        let everything = try await rig.broker.subscribe("fwoc/#")
        func states(_ device: String) -> [String] { LiveRig.payloads(everything, "\(device)/state") }
        func identified() throws -> Int { try LiveRig.events(everything).count { $0.person?.name == "Ann" && $0.type != "end" } }
        func ended() throws -> Int { try LiveRig.events(everything).count { $0.type == "end" } }
        try await rig.startReady()
        let agent = try #require(rig.agent)
        try await rig.reach("Ann") { try identified() > 0 }
        try await rig.reach("both devices online") { states("camera").last == "online" && states("microphone").last == "online" }

        // Away for a moment: whoever was there goes on being there, or goes and comes; nobody stays behind.
        try rig.camera.unplug()
        try await rig.reach("camera reconnecting") { states("camera").last == "reconnecting" }
        try await rig.reach("status says so") { LiveRig.payloads(everything, "status").last?.contains("camera reconnecting") == true }
        try rig.camera.plug()
        try await rig.reach("camera online") { states("camera").last == "online" }
        try await rig.reach("all is well") { try JSONValue(LiveRig.payloads(everything, "status").last ?? "")["degraded"] == .array([]) }

        // No frames, and only a voice is left; then errors of the driver, after which it is opened anew.
        let reconnects = try rig.figure("camera", "reconnects")
        for (fault, state) in [("stall", "no_signal"), ("eio", "reconnecting")] {
            let before = states("camera").count
            try rig.camera.fail(fault)
            try await rig.reach("\(fault) is \(state)") { states("camera").dropFirst(before).contains(state) }
            try rig.camera.fail(nil)
            try await rig.reach("online after \(fault)") { states("camera").last == "online" }
        }
        try await rig.reach("opened again") { try rig.figure("camera", "reconnects") > reconnects }

        // Really away: who was seen is no longer here.
        let before = (ends: try ended(), identified: try identified())
        try rig.camera.unplug()
        try sound.crash()
        try await rig.reach("microphone reconnecting") { states("microphone").last == "reconnecting" }
        try await rig.reach("nobody is here") { try ended() > before.ends && JSONValue(LiveRig.payloads(everything, "presence").last ?? "")["count"] == .number(0) }
        #expect(LiveRig.disorder(try LiveRig.events(everything), isOver: true) == [])
        try await rig.reach("no face is in view") { try rig.figure("recognition", "faces") == 0 && rig.status()["recognition"]?["video"] == .string("lost") }
        #expect(try LiveLab.http(rig.httpPort, "/healthz").status == 200)
        try await sound.start()
        try rig.playSound()
        try await rig.reach("microphone online") { states("microphone").last == "online" }
        let samples = try rig.figure("microphone", "samples")
        try await rig.reach("sound again") { try rig.figure("microphone", "samples") > samples + 16_000 }
        try rig.camera.plug()
        try await rig.reach("Ann again") { try identified() > before.identified }
        #expect(try rig.figure("process", "pid") == Int(agent.identifier) && agent.isRunning)
        #expect(rig.manager.count("READY=1") == 1)

        agent.signal(SIGTERM)
        try await rig.reach("the end", isRunning: false) { agent.ended != nil && LiveRig.payloads(everything, "availability").last == "offline" }
        #expect(agent.exitCode == 0)
        #expect(LiveRig.disorder(try LiveRig.events(everything), isOver: true) == [])
        try LiveRig.validate(LiveRig.messages(everything))
    }
}
