import Foundation
import LiveParts
import MediaTypes
import Publishing
import Testing

/// An independent subscriber with a session of its own gets every event once, in order, whatever dies.
@Suite struct ExactlyOnceTests {
    private let topic = "fwoc/hall/event/identity"

    /// What the subscriber got, less what the broker itself gave it a second time (DUP set, the same bytes): that happens between those
    /// two where the broker ends before it reads the subscriber's acknowledgement. What the agent sent again has another `queued_ms`.
    private func delivered(_ subscriber: ChildProcess, _ broker: LiveBroker) -> [String] {
        var redeliveries = broker.log.components(separatedBy: "Sending PUBLISH to watcher (d1").count - 1
        var lines: [String] = []
        for line in subscriber.lines {
            if redeliveries > 0, lines.suffix(20).contains(line) {
                redeliveries -= 1
            } else {
                lines.append(line)
            }
        }
        return eventIDs(lines)
    }

    private func check(_ got: [String], _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(got.count == expected.count, sourceLocation: sourceLocation)
        let missing = expected.filter { !Set(got).contains($0) }
        #expect(missing.isEmpty, "lost: \(missing)", sourceLocation: sourceLocation)
        #expect(Set(got).count == got.count, "doubled: \(Dictionary(grouping: got) { $0 }.filter { $1.count > 1 }.keys)", sourceLocation: sourceLocation)
        if missing.isEmpty { #expect(got == expected, "out of order", sourceLocation: sourceLocation) }
    }

    @Test func `Events arrive in order and leave the outbox`() async throws {
        let broker = try await LiveBroker()
        let subscriber = try await broker.subscribe(topic, format: "%p", session: "watcher")
        let publisher = try broker.publisher()
        for number in 0..<300 {
            let (json, id) = numberedEvent(number)
            try publisher.publish(event: json, id: id)
        }
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 && subscriber.lines.count >= 300 })
        check(eventIDs(subscriber.lines), (0..<300).map { "e\($0)" })
        let status = publisher.status
        #expect(status.connected && status.exactlyOnce && status.version == .version5)
        #expect(status.acknowledged == 300 && status.published == 300 && status.lastError == nil)
        #expect(status.lastPublishLatency != nil)
        publisher.stop(within: .seconds(5))
    }

    /// The broker saved its sessions before the events began; what it then knew dies with it.
    @Test func `The broker is killed and started again while events flow`() async throws {
        let broker = try await LiveBroker(["persistent"])
        let subscriber = try await broker.subscribe(topic, format: "%p", session: "watcher")
        let publisher = try broker.publisher()
        #expect(try await eventually(within: 40) { publisher.status.exactlyOnce })
        try await broker.save()
        var number = 0
        func send(_ count: Int) async throws {
            for _ in 0..<count {
                let (json, id) = numberedEvent(number)
                try publisher.publish(event: json, id: id)
                number += 1
                try await Task.sleep(for: .seconds(0.01))
            }
        }
        for _ in 0..<3 {
            try await send(60)
            broker.kill()
            try await send(20)
            try await broker.start()
            #expect(try await eventually(within: 40) { publisher.status.connected })
            // The subscriber looks again only every second; an acknowledged event that a broker loses with its memory is the broker's.
            let seen = broker.log.components(separatedBy: "as watcher").count
            _ = try await eventually(within: 5) { broker.log.components(separatedBy: "as watcher").count > seen }
        }
        try await send(30)
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 && eventIDs(subscriber.lines).count >= number })
        try await Task.sleep(for: .seconds(0.5))
        check(delivered(subscriber, broker), (0..<number).map { "e\($0)" })
        #expect(publisher.status.reconnects == 3)
        publisher.stop(within: .seconds(5))
    }

    @Test func `The broker restarts in order while events flow`() async throws {
        let broker = try await LiveBroker(["persistent"])
        let subscriber = try await broker.subscribe(topic, format: "%p", session: "watcher")
        let publisher = try broker.publisher()
        #expect(try await eventually(within: 40) { publisher.status.exactlyOnce })
        for number in 0..<200 {
            let (json, id) = numberedEvent(number)
            try publisher.publish(event: json, id: id)
            if number == 60 || number == 130 {
                try await broker.stop()
                try await broker.start()
            }
            try await Task.sleep(for: .seconds(0.005))
        }
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 && eventIDs(subscriber.lines).count >= 200 })
        try await Task.sleep(for: .seconds(0.3))
        check(delivered(subscriber, broker), (0..<200).map { "e\($0)" })
        publisher.stop(within: .seconds(5))
    }

    @Test func `The publisher is killed and started again while events flow`() async throws {
        let broker = try await LiveBroker()
        let subscriber = try await broker.subscribe("fwoc/crash/event/identity", format: "%p", session: "watcher")
        var accepted: [String] = []
        let rounds = 8
        for round in 0..<rounds {
            // Without a pause the kill falls among events on their way.
            let writer = try ChildProcess(program("publisher-crash-writer"), ["\(broker.port)", broker.file("outbox.sqlite"), "r\(round)-", round.isMultiple(of: 2) ? "0" : "3"], name: "writer\(round)", in: broker.folder)
            let isBusy = try await eventually(within: 40) { writer.lines.count >= 40 + round * 7 }
            #expect(isBusy, "\(writer.errorText)")
            writer.kill()
            accepted += writer.lines
        }
        let outbox = OutboxSettings(path: broker.file("outbox.sqlite"))
        let publisher = try Publisher(node: "crash", mqtt: broker.settings, outbox: outbox) { _ in CommandReply(ok: true, message: "") }
        try publisher.start()
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 && Set(eventIDs(subscriber.lines)).isSuperset(of: accepted) })
        try await Task.sleep(for: .seconds(0.5))
        let got = eventIDs(subscriber.lines)
        #expect(Set(got).count == got.count, "doubled: \(Dictionary(grouping: got) { $0 }.filter { $1.count > 1 }.keys)")
        // The last of a round may have reached the disk without its line being written.
        #expect((0...rounds).contains(got.count - accepted.count))
        check(got.filter { Set(accepted).contains($0) }, accepted)
        publisher.stop(within: .seconds(5))
    }
}
