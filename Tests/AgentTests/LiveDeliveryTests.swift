import Foundation
import Glibc
import LiveParts
import Testing

extension LiveAgentTests {
    /// Broker and agent are killed while events flow; a subscriber whose session the broker keeps misses none, and sees none twice.
    @Test func eventsOutliveBrokerAndAgent() async throws {
        let rig = try await LiveRig(.turns, brokerOptions: ["persistent"])
        try rig.configure(["recognition": LiveRig.recognition("hold: 300ms")])
        let subscriber = try await rig.broker.subscribe("fwoc/hall/event/identity", session: "listener")
        try await rig.broker.save()
        try await rig.startReady()
        let first = try #require(rig.agent)
        func seen() throws -> [LiveRig.Event] { try LiveRig.events(subscriber) }
        try await rig.reach("events") { try seen().count >= 4 }

        // Broker: its sessions are on disk, what was on its way is not.
        rig.broker.kill()
        let atCrash = try rig.figure("events")
        try await rig.reach("events wait") { try rig.figure("events") >= atCrash + 3 && rig.figure("mqtt", "queued") >= 3 }
        #expect(try rig.status()["mqtt"]?["connected"] == .bool(false))
        try await rig.broker.start()
        try await rig.reach("what waited was seen") { try seen().count >= atCrash + 3 }
        #expect(try seen().contains { $0.queuedMs > 0 })
        #expect(LiveRig.disorder(try seen(), isOver: false) == [])

        // Broker and agent.
        try await rig.broker.save()
        rig.broker.kill()
        let atSecondCrash = try rig.figure("events")
        try await rig.reach("events wait again") { try rig.figure("events") >= atSecondCrash + 3 }
        let kept = try rig.figure("events")
        first.kill()
        let deadline = ContinuousClock.now
        try rig.start()
        let second = try #require(rig.agent)
        try await rig.broker.start()
        try await rig.reach("what the first agent left and what the second adds") {
            try second.isRunning && seen().count >= kept + 3
        }
        let ready = rig.manager.arrivals(of: "READY=1")
        #expect(ready.contains { $0 > deadline })

        // Agent alone, in the midst of publishing.
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
        #expect(events.map(\.eventId) == events.map(\.eventId).sorted(), "out of order")
        // Tracks begin at one with each agent.
        var runs: [[LiveRig.Event]] = [[]]
        for event in events {
            if event.type == "new", let newest = runs[runs.count - 1].map(\.track).max(), event.track < newest { runs.append([]) }
            runs[runs.count - 1].append(event)
        }
        #expect(runs.count == 3)
        for (index, run) in runs.enumerated() { #expect(LiveRig.disorder(run, isOver: index == 2) == [], "agent \(index + 1)") }
        #expect(runs[0].count >= kept, "the first agent kept \(kept) events, \(runs[0].count) came")
        try LiveRig.validate(LiveRig.messages(subscriber))
    }
}
