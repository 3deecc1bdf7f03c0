import Foundation
import Glibc
import LiveParts
import Testing

/// The program `fwoc-agent run` with real parts: a camera that libv4l2 opens, a sound server, a broker, a service manager's socket.
@Suite(.enabled(if: TestData.canRecognise, "needs the public reference models and clips"), .serialized)
struct LiveAgentTests {
    private func count(_ subscriber: ChildProcess, _ text: String, in topic: String) -> Int {
        LiveRig.payloads(subscriber, topic).count { $0.contains(text) }
    }

    // MARK: From start to stop

    @Test func readyWithTheFirstFrameWatchedAndStoppedInGoodOrder() async throws {
        let rig = try await LiveRig(hasSound: true, isPlugged: false)
        let everything = try await rig.broker.subscribe("#")
        try rig.start(environment: ["WATCHDOG_USEC": "2000000"])
        let agent = try #require(rig.agent)

        // Connected, listening, and not ready: there is no camera.
        try await rig.reach("status says what is missing") { count(everything, "camera reconnecting", in: "status") > 0 }
        try await rig.reach("sound") { LiveRig.payloads(everything, "microphone/state").last == "online" }
        #expect(LiveRig.payloads(everything, "availability").allSatisfy { $0 == "offline" })
        #expect(LiveRig.payloads(everything, "camera/state").last == "reconnecting")
        #expect(rig.manager.count("READY=1") == 0)
        let unready = try LiveLab.http(rig.httpPort, "/healthz")
        #expect(unready.status == 503 && unready.body == "no frame yet\n")
        try await rig.reach("STATUS says so") { rig.manager.assignments.contains { $0.hasPrefix("STATUS=starting;") && $0.contains("camera reconnecting") } }

        try rig.camera.plug()
        try await rig.reach("READY=1") { rig.manager.count("READY=1") == 1 }
        try await rig.reach("online") { LiveRig.payloads(everything, "availability").last == "online" }
        #expect(LiveRig.payloads(everything, "camera/state").last == "online")
        #expect(try LiveLab.http(rig.httpPort, "/healthz").body == "ok\n")

        // Ann is recognised.
        try await rig.reach("Ann is identified") { try LiveRig.events(everything).contains { $0.decision == "identified" && $0.person?.name == "Ann" } }
        #expect(try LiveRig.events(everything).first?.type == "new")
        try await rig.reach("presence") { LiveRig.payloads(everything, "presence").last?.contains("\"Ann\"") == true }
        try await rig.reach("STATUS") { rig.manager.assignments.contains { $0.hasPrefix("STATUS=live;") && $0.contains("1 known") } }
        #expect(LiveRig.payloads(everything, "event/speaking").isEmpty, "nobody asked for it")
        try await rig.reach("telemetry every second") { LiveRig.payloads(everything, "telemetry").count >= 3 }

        // A newcomer gets discovery and levels, and no event.
        let newcomer = try await rig.broker.subscribe("#")
        try await rig.reach("levels are retained") { LiveRig.messages(newcomer).count { $0.isRetained } >= 6 }
        let retained = Dictionary(LiveRig.messages(newcomer).filter(\.isRetained).map { ($0.topic, $0.payload) }) { $1 }
        #expect(retained.keys.sorted() == [
            "fwoc/hall/availability", "fwoc/hall/camera/state", "fwoc/hall/microphone/state", "fwoc/hall/presence", "fwoc/hall/status",
            "homeassistant/device/fwoc_hall/config",
        ])
        #expect(try JSONValue(retained["fwoc/hall/status"] ?? "")["mode"] == .string("live"))
        #expect(retained["homeassistant/device/fwoc_hall/config"]?.contains("fwoc/hall/presence") == true)

        // The watchdog hears of progress and of nothing else.
        let pings = rig.manager.count("WATCHDOG=1")
        #expect(pings > 0)
        try await rig.reach("WATCHDOG=1 keeps coming") { rig.manager.count("WATCHDOG=1") >= pings + 3 }
        agent.signal(SIGSTOP)
        try await Task.sleep(for: .milliseconds(300))
        let stopped = ContinuousClock.now
        try await Task.sleep(for: .milliseconds(1500))
        let continued = ContinuousClock.now
        agent.signal(SIGCONT)
        #expect(rig.manager.arrivals(of: "WATCHDOG=1").allSatisfy { $0 < stopped || $0 > continued })
        try await rig.reach("WATCHDOG=1 comes again") { rig.manager.arrivals(of: "WATCHDOG=1").contains { $0 > continued } }
        #expect(agent.isRunning)

        // And it goes within two seconds; here others want the processors, too.
        let asked = ContinuousClock.now
        agent.signal(SIGTERM)
        try await rig.reach("the end", within: 30, isRunning: false) { agent.ended != nil }
        #expect(agent.exitCode == 0, "\(agent.errorText)")
        #expect(try #require(agent.ended) - asked < .seconds(4))
        #expect(rig.manager.count("STOPPING=1") == 1)
        try await rig.reach("offline", isRunning: false) { LiveRig.payloads(everything, "availability").last == "offline" }
        let events = try LiveRig.events(everything)
        #expect(events.last?.type == "end")
        #expect(LiveRig.disorder(events, isOver: true) == [])
        #expect(try JSONValue(LiveRig.payloads(everything, "presence").last ?? "")["count"] == .number(0))
        #expect(LiveRig.payloads(everything, "camera/state").last == "offline" && LiveRig.payloads(everything, "microphone/state").last == "offline")
        let last = LiveRig.messages(everything).last
        #expect(last?.topic == "fwoc/hall/availability")
        try LiveRig.validate(LiveRig.messages(everything))
    }

    // MARK: On request

    /// Who begins and stops to speak, where the configuration asks for it.
    @Test func speakingIsPublishedOnRequest() async throws {
        let rig = try await LiveRig(rate: 25, hasSound: true)
        try rig.configure(["publish": "{telemetry_interval: 1s, speaking: true}"])
        let everything = try await rig.broker.subscribe("fwoc/#")
        try await rig.startReady()
        func changes() throws -> [JSONValue] { try LiveRig.payloads(everything, "event/speaking").map { try JSONValue($0) } }
        try await rig.reach("somebody speaks", within: 90) { try changes().contains { $0["speaking"] == .bool(true) } }
        // Who spoke when the camera went is not seen to speak any more.
        try rig.camera.unplug()
        try await rig.reach("nobody speaks") { try changes().last?["speaking"] == .bool(false) }

        let seen = try changes()
        #expect(seen.allSatisfy { $0["node"] == .string("hall") })
        // Each is a change: a track begins, stops, begins again.
        for track in Set(seen.compactMap { $0["track"]?.value }) {
            let states = seen.filter { $0["track"]?.value == track }.map { $0["speaking"] == .bool(true) }
            #expect(states.first ?? true && zip(states, states.dropFirst()).allSatisfy { $0 != $1 }, "\(states)")
        }
        let messages = LiveRig.messages(everything)
        #expect(messages.allSatisfy { $0.topic != "fwoc/hall/event/speaking" || !$0.isRetained })
        try LiveRig.validate(messages)
    }
}
