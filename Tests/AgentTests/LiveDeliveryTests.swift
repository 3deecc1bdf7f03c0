import Foundation
import Glibc
import LiveParts
import Testing

extension LiveAgentTests {
    /// Broker and agent are killed while events are made; a subscriber whose session the broker keeps misses none, and sees none twice.
    ///
    /// The broker keeps its sessions only when it is told to, hence a moment of quiet before it dies: what it had accepted and not
    /// delivered, or delivered and not noted as such, would be its own loss or repetition.
    @Test func eventsOutliveBrokerAndAgent() async throws {
        let rig = try await LiveRig(.turns, brokerOptions: ["persistent"])
        try rig.configure(["recognition": LiveRig.recognition("hold: 300ms")])
        let subscriber = try await rig.broker.subscribe("fwoc/hall/event/identity", session: "listener")
        func seen() throws -> [LiveRig.Event] { try LiveRig.events(subscriber) }
        func killBrokerInQuiet() async throws {
            try rig.camera.unplug()
            try await rig.reach("quiet") {
                try LiveRig.payloads(subscriber, "event/identity").count == rig.figure("events")
                    && rig.figure("mqtt", "queued") == 0 && LiveRig.disorder(seen(), isOver: true) == [] && rig.broker.isConfirmed(by: "listener")
            }
            try await rig.broker.save()
            rig.broker.kill()
            try rig.camera.plug()
        }
        try await rig.startReady()
        let first = try #require(rig.agent)
        try await rig.reach("events") { try seen().count >= 4 }

        // The broker alone.
        try await killBrokerInQuiet()
        let before = try rig.figure("events")
        try await rig.reach("events wait") { try rig.figure("events") >= before + 3 && rig.figure("mqtt", "queued") >= 3 }
        #expect(try rig.status()["mqtt"]?["connected"] == .bool(false))
        try await rig.broker.start()
        try await rig.reach("what waited was seen") { try seen().count >= before + 3 }
        #expect(try seen().contains { $0.queuedMs > 0 })

        // Broker and agent.
        try await killBrokerInQuiet()
        let beforeSecond = try rig.figure("events")
        try await rig.reach("events wait again") { try rig.figure("events") >= beforeSecond + 3 }
        let kept = try rig.figure("events")
        first.kill()
        let restart = ContinuousClock.now
        try rig.start()
        let second = try #require(rig.agent)
        try await rig.broker.start()
        try await rig.reach("what the first agent left, and what the second adds") { try seen().count >= kept + 3 }
        #expect(second.isRunning && rig.manager.arrivals(of: "READY=1").contains { $0 > restart })

        // The agent alone, in the midst of publishing.
        second.kill()
        try rig.start()
        let last = try #require(rig.agent)
        let beforeLast = try seen().count
        try await rig.reach("events of the third agent") { try seen().count >= beforeLast + 3 }
        last.signal(SIGTERM)
        try await rig.reach("the end", isRunning: false) { last.ended != nil }
        #expect(last.exitCode == 0, "\(last.errorText.suffix(2000))")
        try await rig.reach("its last events", isRunning: false) { try seen().last?.type == "end" }

        let events = try seen()
        #expect(Set(events.map(\.eventId)).count == events.count, "an event came twice")
        // Tracks begin at one with each agent.
        var runs: [[LiveRig.Event]] = [[]]
        for event in events {
            if event.type == "new", let newest = runs[runs.count - 1].map(\.track).max(), event.track < newest { runs.append([]) }
            runs[runs.count - 1].append(event)
        }
        let list = events.map { "\($0.ts) \($0.track) \($0.type) \($0.eventId)" }.joined(separator: "\n")
        #expect(runs.count == 3, "\(list)")
        for (index, run) in runs.enumerated() { #expect(LiveRig.disorder(run, isOver: index == runs.count - 1) == [], "agent \(index + 1)\n\(list)") }
        #expect(runs[0].count >= kept, "the first agent kept \(kept) events\n\(list)")
        try LiveRig.validate(LiveRig.messages(subscriber))
    }
}
