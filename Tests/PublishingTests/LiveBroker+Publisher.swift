import Foundation
import LiveParts
import MediaTypes
import Publishing

extension LiveBroker {
    var settings: MQTTSettings {
        var settings = MQTTSettings(host: options.contains("tls") ? "localhost" : "127.0.0.1", port: port)
        if options.contains("tls") { settings.tls = .init(caFile: file("ca.crt")) }
        if options.contains("client") {
            settings.tls?.certFile = file("client.crt")
            settings.tls?.keyFile = file("client.key")
        }
        if options.contains("password") {
            settings.username = "edge"
            settings.password = "secret"
        }
        return settings
    }

    /// A publisher of node `hall` with its outbox in this broker's folder.
    func publisher(
        _ settings: MQTTSettings? = nil, ttl: TimeSpan = .seconds(300), maxEvents: Int = 1000,
        commands: @escaping @Sendable (Command) -> CommandReply = { CommandReply(ok: true, message: "\($0.verb.rawValue) done") }
    ) throws -> Publisher {
        let publisher = try Publisher(
            node: "hall", mqtt: settings ?? self.settings, outbox: OutboxSettings(path: file("outbox.sqlite"), maxEvents: maxEvents, ttl: ttl),
            device: .init(model: "test", softwareVersion: "1.2.3"), commands: commands)
        try publisher.start()
        return publisher
    }
}

/// A small event; `number` makes its id.
func numberedEvent(_ number: Int) -> (json: Data, id: String) {
    (Data("{\"event_id\":\"e\(number)\",\"queued_ms\":0}".utf8), "e\(number)")
}

/// The ids of lines of ``numberedEvent(_:)``.
func eventIDs(_ lines: [String]) -> [String] {
    lines.compactMap { line in
        guard let start = line.range(of: "\"event_id\":\"") else { return nil }
        return String(line[start.upperBound...].prefix { $0 != "\"" })
    }
}
