import Foundation
import LiveParts
import MediaTypes
import Publishing
import Testing

/// Reaching a broker, and saying why not.
@Suite struct ConnectionTests {
    private func failure(_ settings: MQTTSettings) async throws -> MQTTFailure? {
        let folder = try LabFolder()
        let publisher = try Publisher(node: "hall", mqtt: settings, outbox: OutboxSettings(path: folder.path("o.sqlite"))) { _ in
            CommandReply(ok: true, message: "")
        }
        try publisher.start()
        defer { publisher.stop(within: .seconds(3)) }
        _ = try await eventually(within: 40) { publisher.status.lastError != nil || publisher.status.connected }
        let status = publisher.status
        if let failure = status.lastError { #expect(failure.description.contains(settings.broker)) }
        return status.lastError
    }

    /// A gate before a broker; see Fixtures/gate.py.
    private func gate(_ mode: String, to port: Int, in folder: URL) async throws -> (port: Int, process: ChildProcess) {
        let own = try LiveLab.freePort()
        let process = try ChildProcess(python3, [fixtures.appending(path: "gate.py").path, "\(own)", "\(port)", mode], name: "gate", in: folder)
        guard try await eventually(within: 40, { process.lines.contains("ready") }) else { throw LivePartFailure( "gate.py: \(process.errorText)") }
        return (own, process)
    }

    @Test func `TLS with a password`() async throws {
        let broker = try await LiveBroker(["tls", "password"])
        let publisher = try broker.publisher()
        #expect(try await eventually(within: 40) { publisher.status.exactlyOnce })
        #expect(publisher.status.tlsVersion?.hasPrefix("TLSv1.") == true)
        let subscriber = try await broker.subscribe("fwoc/hall/event/identity", format: "%p")
        for number in 0..<50 { try publisher.publish(event: numberedEvent(number).json, id: numberedEvent(number).id) }
        #expect(try await eventually(within: 40) { eventIDs(subscriber.lines) == (0..<50).map { "e\($0)" } })
        publisher.stop(within: .seconds(5))
    }

    @Test func `TLS with a client's certificate, and without`() async throws {
        let broker = try await LiveBroker(["tls", "client"])
        #expect(try await failure(broker.settings) == nil)
        var settings = broker.settings
        settings.tls?.certFile = nil
        settings.tls?.keyFile = nil
        let refused = try await failure(settings)
        #expect(refused?.kind == .clientCertificate, "\(refused?.description ?? "connected")")
    }

    @Test func `An authority that did not sign the broker's certificate`() async throws {
        let broker = try await LiveBroker(["tls"])
        var settings = broker.settings
        settings.tls = .init(caFile: broker.file("other-ca.crt"))
        let other = try await failure(settings)
        #expect(other?.kind == .untrustedCertificate, "\(other?.description ?? "connected")")
        // Nor did any authority of the system.
        settings.tls = .init()
        let system = try await failure(settings)
        #expect(system?.kind == .untrustedCertificate, "\(system?.description ?? "connected")")
    }

    @Test func `A certificate for another name, and one that is over`() async throws {
        let elsewhere = try await LiveBroker(["tls", "certificate=elsewhere"])
        #expect(try await failure(elsewhere.settings)?.kind == .wrongHostName)
        let expired = try await LiveBroker(["tls", "certificate=expired"])
        #expect(try await failure(expired.settings)?.kind == .certificateTime)
    }

    @Test func `The broker is asked for the certificate of its name, not of the address that the name has`() async throws {
        let folder = try LabFolder()
        let (status, output) = try ChildProcess.run(LiveLab.folder.appending(path: "broker/certificates.sh").path, [folder.url.path])
        try #require(status == 0, "\(output)")
        let port = try LiveLab.freePort()
        let server = try ChildProcess(
            "openssl",
            ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", folder.path("server.crt"), "-key", folder.path("server.key"), "-servername", "localhost",
             "-cert2", folder.path("server.crt"), "-key2", folder.path("server.key")],
            name: "server", in: folder.url)
        guard try await eventually(within: 40, { server.lines.contains { $0.hasPrefix("ACCEPT") } }) else { throw LivePartFailure( "openssl s_server: \(server.errorText)") }
        let settings = MQTTSettings(host: "localhost", port: port, tls: .init(caFile: folder.path("ca.crt")))
        let publisher = try Publisher(node: "hall", mqtt: settings, outbox: OutboxSettings(path: folder.path("o.sqlite"))) { _ in CommandReply(ok: true, message: "") }
        try publisher.start()
        #expect(try await eventually(within: 40) { server.lines.contains { $0.contains("Hostname in TLS extension: \"localhost\"") } }, "\(server.lines)")
        publisher.stop(within: .seconds(1))
    }

    @Test func `A wrong password`() async throws {
        let broker = try await LiveBroker(["password"])
        var settings = broker.settings
        settings.password = "guess"
        #expect(try await failure(settings)?.kind == .credentials)
        settings.protocolPreference = .version311
        #expect(try await failure(settings)?.kind == .credentials)
        settings.username = nil
        settings.password = nil
        #expect(try await failure(settings)?.kind == .credentials)
    }

    @Test func `No broker, no such host, no TLS where it is asked for, and the other way round`() async throws {
        #expect(try await failure(MQTTSettings(host: "127.0.0.1", port: LiveLab.freePort()))?.kind == .refused)
        #expect(try await failure(MQTTSettings(host: "no-such-host.invalid"))?.kind == .nameResolution)
        let plain = try await LiveBroker()
        var settings = plain.settings
        settings.tls = .init()
        let noTLS = try await failure(settings)
        #expect([.tls, .droppedInHandshake, .timeout].contains(noTLS?.kind), "\(noTLS?.description ?? "")")
        let encrypted = try await LiveBroker(["tls"])
        #expect(try await failure(MQTTSettings(host: "127.0.0.1", port: encrypted.port))?.kind == .droppedInHandshake)
    }

    @Test func `A broker that hangs up, and one that never answers`() async throws {
        let folder = try LabFolder()
        let dropping = try await gate("drop", to: 1, in: folder.url)
        #expect(try await failure(MQTTSettings(host: "127.0.0.1", port: dropping.port))?.kind == .droppedInHandshake)
        let other = try LabFolder()
        let silent = try await gate("silent", to: 1, in: other.url)
        #expect(try await failure(MQTTSettings(host: "127.0.0.1", port: silent.port))?.kind == .timeout)
    }

    @Test(arguments: ["v311", "hangup5"])
    func `A broker that knows only 3.1.1`(_ mode: String) async throws {
        let broker = try await LiveBroker()
        let gate = try await gate(mode, to: broker.port, in: broker.folder)
        var settings = broker.settings
        settings.port = gate.port
        let subscriber = try await broker.subscribe("fwoc/hall/event/identity", format: "%p", version: "mqttv311")
        let publisher = try broker.publisher(settings)
        try publisher.publish(event: numberedEvent(1).json, id: "e1")
        #expect(try await eventually(within: 40) { publisher.status.exactlyOnce && publisher.status.queued == 0 })
        #expect(publisher.status.version == .version311)
        #expect(try await eventually(within: 40) { eventIDs(subscriber.lines) == ["e1"] })
        publisher.stop(within: .seconds(5))
    }

    /// Delivered, but its acknowledgement and its echo are lost with the connection.
    @Test(arguments: [MQTTSettings.ProtocolPreference.version5, .version311])
    func `An event whose acknowledgement was lost is recognised, not sent again`(_ version: MQTTSettings.ProtocolPreference) async throws {
        let broker = try await LiveBroker()
        let gate = try await gate("cutack", to: broker.port, in: broker.folder)
        let subscriber = try await broker.subscribe("fwoc/hall/event/identity", format: "%p")
        var settings = broker.settings
        settings.port = gate.port
        settings.protocolPreference = version
        let publisher = try broker.publisher(settings)
        for number in 0..<5 { try publisher.publish(event: numberedEvent(number).json, id: "e\(number)") }
        #expect(try await eventually(within: 40) { publisher.status.reconnects >= 1 && publisher.status.queued == 0 })
        try await Task.sleep(for: .seconds(0.3))
        #expect(eventIDs(subscriber.lines) == (0..<5).map { "e\($0)" })
        #expect(gate.process.lines.contains("cut"))
        #expect(publisher.status.recognised >= 1)
        publisher.stop(within: .seconds(5))
    }

    @Test func `A broker that falls silent is given up, and nothing is lost or doubled`() async throws {
        let broker = try await LiveBroker()
        let subscriber = try await broker.subscribe("fwoc/hall/event/identity", format: "%p", session: "watcher")
        var settings = broker.settings
        settings.keepAlive = 5
        let publisher = try broker.publisher(settings)
        #expect(try await eventually(within: 40) { publisher.status.exactlyOnce })
        broker.freeze()
        for number in 0..<20 { try publisher.publish(event: numberedEvent(number).json, id: "e\(number)") }
        #expect(try await eventually(within: 40) { publisher.status.lastError != nil })
        broker.thaw()
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 && eventIDs(subscriber.lines).count >= 20 })
        try await Task.sleep(for: .seconds(0.3))
        #expect(eventIDs(subscriber.lines) == (0..<20).map { "e\($0)" })
        publisher.stop(within: .seconds(5))
    }

    @Test func `A broker that was away: events wait, late ones say so, old ones are dropped`() async throws {
        let broker = try await LiveBroker(isStarted: false)
        let publisher = try broker.publisher(ttl: .seconds(6), maxEvents: 10)
        try publisher.publish(event: numberedEvent(0).json, id: "e0")
        publisher.speaking(Data("{}".utf8))
        try await Task.sleep(for: .seconds(6.2))
        for number in 1..<13 { try publisher.publish(event: numberedEvent(number).json, id: "e\(number)") }
        #expect(try await eventually(within: 40) { publisher.status.droppedByAge == 1 })
        let status = publisher.status
        #expect(status.queued == 10 && status.droppedByCount == 2 && status.droppedTransient == 1)
        #expect(status.lastError?.kind == .refused)
        try await broker.start()
        let subscriber = try await broker.subscribe("fwoc/hall/event/identity", format: "%p")
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 })
        let end = publisher.status
        // The subscriber may have come too late for some; none came twice, and what was sent is what was not dropped.
        #expect(end.acknowledged + end.droppedByAge + end.droppedByCount == 13)
        for line in subscriber.lines {
            let waited = Int(line.components(separatedBy: "\"queued_ms\":").last?.prefix { $0.isNumber } ?? "")
            #expect((51...6000).contains(waited ?? -1), "\(line)")
        }
        publisher.stop(within: .seconds(5))
    }

    @Test func `Back within five seconds of the broker`() async throws {
        let broker = try await LiveBroker()
        let publisher = try broker.publisher()
        #expect(try await eventually(within: 40) { publisher.status.connected })
        broker.kill()
        // Long enough for the longest pauses between tries.
        try await Task.sleep(for: .seconds(8))
        try await broker.start()
        let began = Date()
        #expect(try await eventually(within: 40) { publisher.status.connected })
        // The promise is five; the rest is for a machine that is busy with other tests.
        #expect(Date().timeIntervalSince(began) < 10)
        publisher.stop(within: .seconds(5))
    }

    @Test func `A broker without rights for the own events: sent all the same, and said`() async throws {
        let broker = try await LiveBroker(["readonly=fwoc/hall/session/#"])
        let publisher = try broker.publisher()
        try publisher.publish(event: numberedEvent(1).json, id: "e1")
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 })
        #expect(try await eventually(within: 40) { !publisher.status.exactlyOnce && publisher.status.lastError?.kind == .publishRefused }, "\(publisher.status)")
        publisher.stop(within: .seconds(5))
    }

    @Test func `The probe tells what it did, and what failed`() async throws {
        let broker = try await LiveBroker(["tls", "password"])
        let good = try MQTTProbe.run(broker.settings, node: "hall")
        #expect(good.failure == nil && good.lines.count == 3, "\(good.lines)")
        #expect(good.lines.first?.contains("MQTT 5, TLSv1.") == true)
        var settings = broker.settings
        settings.password = "guess"
        #expect(try MQTTProbe.run(settings, node: "hall").failure?.kind == .credentials)
        let plain = try await LiveBroker()
        let gate = try await gate("v311", to: plain.port, in: plain.folder)
        let old = try MQTTProbe.run(MQTTSettings(host: "127.0.0.1", port: gate.port), node: "hall")
        #expect(old.failure == nil && old.lines.contains { $0.contains("MQTT 3.1.1, no TLS") }, "\(old.lines)")
    }

    @Test func `Settings that cannot work are refused at once`() throws {
        func start(_ change: (inout MQTTSettings) -> Void) throws {
            var settings = MQTTSettings(host: "localhost")
            change(&settings)
            let folder = try LabFolder()
            let publisher = try Publisher(node: "hall", mqtt: settings, outbox: OutboxSettings(path: folder.path("o.sqlite"))) { _ in
                CommandReply(ok: true, message: "")
            }
            try publisher.start()
            publisher.stop(within: .seconds(1))
        }
        #expect(throws: MQTTFailure.self) { try start { $0.host = "" } }
        #expect(throws: MQTTFailure.self) { try start { $0.port = 0 } }
        #expect(throws: MQTTFailure.self) { try start { $0.password = "alone" } }
        #expect(throws: MQTTFailure.self) { try start { $0.username = "a\0b" } }
        #expect(throws: MQTTFailure.self) { try start { $0.tls = .init(certFile: "x") } }
        let error = #expect(throws: MQTTFailure.self) { try start { $0.tls = .init(caFile: "/nowhere/ca.crt") } }
        #expect(error?.description.contains("/nowhere/ca.crt") == true)
        #expect(throws: TopicError.self) { try Publisher(node: "a/b", mqtt: nil, outbox: OutboxSettings(path: "x")) { _ in CommandReply(ok: true, message: "") } }
    }
}
