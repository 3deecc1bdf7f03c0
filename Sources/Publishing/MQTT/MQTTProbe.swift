import Foundation
public import MediaTypes

/// Tries a broker once, as `fwoc-agent mqtt test` does: connects, and sends a message to itself.
public enum MQTTProbe {
    public struct Report: Hashable, Sendable {
        /// One line a step, in order, for people.
        public var lines: [String]
        /// What failed; nil: everything worked.
        public var failure: MQTTFailure?
    }

    /// Blocks until it is done, at most about `longest` after the host's name was resolved.
    public static func run(_ settings: MQTTSettings, node: String, within longest: TimeSpan = .seconds(15)) throws(TopicError) -> Report {
        let topics = try Topics(node: node)
        var report = Report(lines: [], failure: nil)
        let end = OutboxMoment.currentUptime() + longest
        let versions: [MQTTVersion] =
            switch settings.protocolPreference {
            case .automatic: [.version5, .version311]
            case .version5: [.version5]
            case .version311: [.version311]
            }
        for version in versions {
            do {
                try attempt(settings, version: version, topics: topics, end: end, report: &report)
                report.failure = nil
                return report
            } catch {
                report.lines.append("MQTT \(version.rawValue): \(error)")
                report.failure = error
                guard error.kind == .protocolVersion || error.kind == .droppedInHandshake else { return report }
            }
        }
        return report
    }

    private static func attempt(
        _ settings: MQTTSettings, version: MQTTVersion, topics: Topics, end: TimeSpan, report: inout Report
    ) throws(MQTTFailure) {
        let started = OutboxMoment.currentUptime()
        func elapsed(_ since: TimeSpan) -> String { String(format: "%.1f ms", (OutboxMoment.currentUptime() - since).milliseconds) }
        let clientID = "fwoc-test-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        let client = try MQTTClient(settings, identity: .init(clientID: clientID, sessionExpiry: 0, will: nil), version: version)
        let body = Data(clientID.utf8)
        var sent = started
        var step = "the connection"
        while OutboxMoment.currentUptime() < end {
            for event in client.turn(min(.milliseconds(200), max(.zero, end - OutboxMoment.currentUptime())), interrupt: nil) {
                switch event {
                case .connected:
                    let encryption = client.tlsVersion.map { "\($0), certificate verified" } ?? "no TLS"
                    report.lines.append("connected to \(settings.broker) in \(elapsed(started)): MQTT \(version.rawValue), \(encryption)")
                    step = "the subscription to \(topics.test)"
                    sent = OutboxMoment.currentUptime()
                    _ = client.subscribe([topics.test], qos: 1)
                case .subscribed(_, let granted):
                    guard let first = granted.first, first < 128 else {
                        throw MQTTFailure(.publishRefused, broker: settings.broker, detail: "subscribing to \(topics.test): reason \(granted.first ?? 128)")
                    }
                    report.lines.append("subscribed to \(topics.test) in \(elapsed(sent))")
                    step = "the message to \(topics.test)"
                    sent = OutboxMoment.currentUptime()
                    _ = client.publish(MQTTPublication(topic: topics.test, payload: body, expiry: 10))
                case .acknowledged(_, let reason):
                    guard reason < 128 else {
                        throw MQTTFailure(.publishRefused, broker: settings.broker, detail: "publishing to \(topics.test): reason \(reason)")
                    }
                case .message(let message):
                    guard message.payload == body else { continue }
                    report.lines.append("a message to \(topics.test) came back in \(elapsed(sent))")
                    client.leave()
                    // Writes the good-bye.
                    _ = client.turn(.milliseconds(100), interrupt: nil)
                    return
                case .closed(let failure):
                    throw failure ?? MQTTFailure(.lost, broker: settings.broker, detail: "closed during \(step)")
                }
            }
        }
        throw MQTTFailure(.timeout, broker: settings.broker, detail: "MQTT, \(step)")
    }
}
