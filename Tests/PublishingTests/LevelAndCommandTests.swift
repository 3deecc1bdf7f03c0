import Foundation
import LiveParts
import MediaTypes
import Publishing
import Synchronization
import Testing

/// States that stay at the broker, commands, Home Assistant, and the schemas of everything that is sent.
@Suite struct LevelAndCommandTests {
    private let time = Date(timeIntervalSince1970: 1_800_000_000.5)
    private static let schemas = tests.deletingLastPathComponent().appending(path: "Sources/Publishing/Schemas")

    /// The newest payload of each topic, as a subscriber with `%r %t %p` got them.
    private func newest(_ lines: [String]) -> [String: String] {
        var result: [String: String] = [:]
        for line in lines {
            let fields = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            if fields.count == 3 { result[String(fields[1])] = String(fields[2]) }
        }
        return result
    }

    private func python(_ script: String, _ arguments: [String] = [], input: Data) throws -> (status: Int32, output: Data, errors: String) {
        let folder = try LabFolder()
        try input.write(to: folder.url.appending(path: "in"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python3)
        process.arguments = [fixtures.appending(path: script).path] + arguments
        process.standardInput = try FileHandle(forReadingFrom: folder.url.appending(path: "in"))
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, data, text)
    }

    /// Every payload against its schema, by topic.
    private func validate(_ messages: [(topic: String, payload: String)]) throws {
        var lines = Data()
        for (topic, payload) in messages {
            let schema: String? =
                switch topic.split(separator: "/").dropFirst(2).joined(separator: "/") {
                case "availability": "fwoc.availability/1"
                case "camera/state", "microphone/state": "fwoc.device_state/1"
                case "status": "fwoc.status/1"
                case "presence": "fwoc.presence/1"
                case "telemetry": "fwoc.telemetry/1"
                case "event/speaking": "fwoc.speaking/1"
                case "event/identity": "fwoc.identity/1"
                case let other where other.hasSuffix("/reply") || other == "answer": "fwoc.reply/1"
                default: nil
                }
            guard let schema else { continue }
            let isText = schema.contains("availability") || schema.contains("device_state")
            lines += Data("{\"schema\":\"\(schema)\",\"payload\":\(isText ? "\"\(payload)\"" : payload)}\n".utf8)
        }
        let result = try python("validate.py", [Self.schemas.path], input: lines)
        #expect(result.status == 0, "\(String(decoding: result.output, as: UTF8.self))\(result.errors)")
    }

    private func setAll(_ publisher: Publisher) {
        publisher.setLevel(.status, StatusPayload(
            node: "hall", time: time, version: "1.2.3", bundle: "edge@sha256:ab12", galleryRevision: 31, mode: .live, degraded: ["camera: no signal"]).json())
        publisher.setLevel(.camera, DeviceState.noSignal.payload)
        publisher.setLevel(.microphone, DeviceState.online.payload)
        publisher.setLevel(.presence, PresencePayload(
            node: "hall", time: time,
            people: [
                .init(id: "p_7f3", name: "Alice", since: time, score: 0.81234, modality: "both"), .init(id: "p_2a1", name: "B \"q\" ob", since: time),
            ], unknown: 1).json())
    }

    @Test func `Levels are retained, sent again after a reconnect and for Home Assistant, and offline at the end`() async throws {
        let broker = try await LiveBroker()
        // An earlier run's.
        try broker.publish("fwoc/hall/presence", "{\"count\":7}", more: ["-r"])
        let publisher = try broker.publisher()
        #expect(try await eventually(within: 40) { publisher.status.connected })
        let start = try await broker.subscribe("fwoc/#", format: "%r %t %p")
        #expect(try await eventually(within: 40) { newest(start.lines).count >= 4 })
        #expect(newest(start.lines)["fwoc/hall/presence"]?.contains("\"count\":0") == true)
        #expect(newest(start.lines)["fwoc/hall/availability"] == "offline")
        #expect(newest(start.lines)["fwoc/hall/camera/state"] == "offline")

        setAll(publisher)
        publisher.announceOnline()
        func isComplete(_ lines: [String]) -> Bool {
            let values = newest(lines)
            return values["fwoc/hall/availability"] == "online" && values["fwoc/hall/camera/state"] == "no_signal" && values["fwoc/hall/microphone/state"] == "online"
                && values["fwoc/hall/presence"]?.contains("Alice") == true && values["fwoc/hall/status"]?.contains("camera: no signal") == true
        }
        #expect(try await eventually(within: 40) { isComplete(start.lines) })
        // A newcomer gets all of it as retained.
        let newcomer = try await broker.subscribe("#", format: "%r %t %p")
        #expect(try await eventually(within: 40) { isComplete(newcomer.lines) && newest(newcomer.lines)["homeassistant/device/fwoc_hall/config"] != nil })
        #expect(newcomer.lines.allSatisfy { $0.hasPrefix("1 ") })

        let before = newcomer.lines.count
        try broker.publish("homeassistant/status", "online")
        #expect(try await eventually(within: 40) { newcomer.lines.dropFirst(before).filter { $0.contains("homeassistant/device/") }.count == 1 })
        #expect(try await eventually(within: 40) { isComplete(Array(newcomer.lines.dropFirst(before))) })

        // The broker forgets everything.
        broker.kill()
        try await broker.start()
        #expect(try await eventually(within: 40) { publisher.status.connected && publisher.status.reconnects == 1 })
        let later = try await broker.subscribe("#", format: "%r %t %p")
        #expect(try await eventually(within: 40) { isComplete(later.lines) && newest(later.lines)["homeassistant/device/fwoc_hall/config"] != nil })
        publisher.stop(within: .seconds(5))
        #expect(try await eventually(within: 40) { newest(later.lines)["fwoc/hall/availability"] == "offline" })
        #expect(!broker.log.contains("Client fwoc-hall") || !broker.log.contains("exceeded timeout"))
    }

    @Test func `An agent that dies is offline by its last will`() async throws {
        let broker = try await LiveBroker()
        let watcher = try await broker.subscribe("fwoc/crash/availability", format: "%r %p")
        let writer = try ChildProcess(program("publisher-crash-writer"), ["\(broker.port)", broker.file("o.sqlite"), "x", "5"], name: "w", in: broker.folder)
        #expect(try await eventually(within: 40) { watcher.lines.count == 1 })
        #expect(try await eventually(within: 40) { writer.lines.count > 3 })
        writer.kill()
        #expect(try await eventually(within: 40) { watcher.lines.count == 2 })
        #expect(watcher.lines.allSatisfy { $0.hasSuffix("offline") })
    }

    @Test func `Home Assistant understands the discovery and every payload`() async throws {
        let broker = try await LiveBroker()
        let publisher = try broker.publisher()
        let watcher = try await broker.subscribe("#", format: "%r %t %p")
        #expect(try await eventually(within: 40) { publisher.status.exactlyOnce })
        setAll(publisher)
        publisher.announceOnline()
        publisher.telemetry(TelemetryPayload(
            node: "hall", time: time, uptime: .seconds(61), fps: 24.98765, latencyP50: .milliseconds(60), latencyP95: .milliseconds(88), cpuPercent: 143.21,
            memoryMiB: 312.5, droppedVideo: 3, queued: 2).json())
        publisher.speaking(SpeakingPayload(node: "hall", time: time, track: 17, person: .init(id: "p_7f3", name: "Alice"), speaking: true, confidence: 0.93).json())
        publisher.speaking(SpeakingPayload(node: "hall", time: time, track: 18, person: nil, speaking: false, confidence: .nan).json())
        func event(_ type: String, _ decision: String, _ person: String, _ number: Int) throws {
            let id = "01ARYZ6S41000000000000000\(number)"
            let text = """
                {"decision":"\(decision)","event_id":"\(id)","gallery_revision":31,"latency_ms":{"evidence_to_event":74},"model":"edge@sha256:ab12","node":"hall",\
                "person":\(person),"queued_ms":0,"replay":false,"schema":"fwoc.identity/1","score":0.81,"threshold":0.62,"track":17,\
                "ts":"2026-11-21T00:40:47.123Z","type":"\(type)"}
                """
            try publisher.publish(event: Data(text.utf8), id: id)
        }
        try event("new", "identified", #"{"id":"p_7f3","name":"Alice"}"#, 1)
        try event("update", "unknown", "null", 2)
        #expect(try await eventually(within: 40) { publisher.status.queued == 0 && newest(watcher.lines)["fwoc/hall/event/identity"]?.contains("unknown") == true })
        #expect(try await eventually(within: 40) { newest(watcher.lines)["fwoc/hall/presence"]?.contains("Alice") == true && watcher.lines.count(where: { $0.contains("event/speaking") }) == 2 })
        publisher.stop(within: .seconds(5))

        let messages = watcher.lines.compactMap { line -> (topic: String, payload: String)? in
            let fields = line.split(separator: " ", maxSplits: 2).map(String.init)
            return fields.count == 3 ? (fields[1], fields[2]) : nil
        }
        try validate(messages)
        let discovery = try #require(newest(watcher.lines)["homeassistant/device/fwoc_hall/config"])
        // Up to the clean end, which makes everything unavailable.
        let list = messages.dropLast().filter { $0.topic.hasPrefix("fwoc/") }.map { ["topic": $0.topic, "payload": $0.payload] }
        let parsed = try JSONSerialization.jsonObject(with: Data(discovery.utf8))
        let result = try python("home_assistant.py", input: JSONSerialization.data(withJSONObject: ["discovery": parsed, "messages": list]))
        try #require(result.status == 0, "\(result.errors)")
        let states = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: [String: Any]])
        func state(_ key: String) -> String? { states[key]?["state"] as? String }
        #expect(state("presence") == "Alice, B \"q\" ob")
        #expect(state("presence_count") == "2")
        #expect((states["presence"]?["attributes"] as? [String: Any])?["unknown"] as? Int == 1)
        #expect(state("occupancy") == "ON")
        #expect(state("last_identified") == "Alice")
        #expect(state("identity") == "unknown")
        #expect(state("camera_connected") == "ON" && state("camera_state") == "no_signal" && state("microphone_state") == "online")
        #expect(state("fps") == "24.988" && state("latency") == "88" && state("cpu") == "143.21" && state("memory") == "312.5" && state("queued") == "2")
        #expect(state("problem") == "ON" && state("mode") == "live")
        #expect(states["presence"]?["available"] as? Bool == true)
        for verb in ["pause", "resume", "reload", "purge"] {
            #expect(states[verb]?["topic"] as? String == "fwoc/hall/command/\(verb)" && states[verb]?["payload"] as? String == "{}")
        }
    }

    @Test func `Commands are answered where they ask for it, and refused with a reason`() async throws {
        let broker = try await LiveBroker()
        try broker.publish("fwoc/hall/command/pause", "{}", more: ["-r"])
        let taken = Mutex<[Command]>([])
        let publisher = try broker.publisher(commands: { command in
            taken.withLock { $0.append(command) }
            return CommandReply(ok: true, message: "\(command.verb.rawValue) done")
        })
        #expect(try await eventually(within: 40) { publisher.status.commandsRefused == 1 })
        #expect(taken.withLock { $0.isEmpty })

        let answers = try await broker.subscribe("fwoc/+/answer", format: "%D %p")
        let replies = try await broker.subscribe("fwoc/hall/command/+/reply", format: "%r %t %p")
        try broker.publish("fwoc/hall/command/resume", "", more: ["-D", "publish", "response-topic", "fwoc/desk/answer", "-D", "publish", "correlation-data", "c42"])
        #expect(try await eventually(within: 40) { answers.lines.count == 1 })
        #expect(answers.lines.first?.contains("c42") == true && answers.lines.first?.contains("\"ok\":true") == true, "\(answers.lines)")
        try broker.publish("fwoc/hall/command/purge", "{\"person\":\"p_1\"}")
        #expect(try await eventually(within: 40) { replies.lines.count == 1 })
        #expect(taken.withLock { $0.map(\.verb) } == [.resume, .purge])
        #expect(taken.withLock { $0.last?.parameters } == Data("{\"person\":\"p_1\"}".utf8))

        let refusals: [(topic: String, payload: String, reason: String)] = [
            ("pause", "{\"a\":", "no JSON"), ("pause", "[1]", "no object"), ("explode", "{}", "unknown command"),
            ("pause", String(repeating: "[", count: 60_000), "no JSON"),
        ]
        for (index, refusal) in refusals.enumerated() {
            try broker.publish("fwoc/hall/command/\(refusal.topic)", refusal.payload)
            #expect(try await eventually(within: 40) { replies.lines.count == index + 2 })
            #expect(replies.lines.last?.contains(refusal.reason) == true && replies.lines.last?.contains("\"ok\":false") == true, "\(replies.lines.last ?? "")")
        }
        let big = broker.folder.appending(path: "big.json")
        try Data(repeating: UInt8(ascii: "x"), count: 1 << 20).write(to: big)
        try broker.publish("fwoc/hall/command/reload", more: ["-f", big.path])
        #expect(try await eventually(within: 40) { replies.lines.last?.contains("1048576 bytes") == true }, "\(replies.lines.last ?? "")")
        #expect(taken.withLock { $0.count } == 2)
        // Nobody writes the agent's own topics through it.
        try broker.publish("fwoc/hall/command/reload", "", more: ["-D", "publish", "response-topic", "fwoc/hall/event/identity"])
        #expect(try await eventually(within: 40) { taken.withLock { $0.count } == 3 })
        try broker.publish("fwoc/hall/command/pause", "")
        #expect(try await eventually(within: 40) { replies.lines.last?.contains("pause done") == true })
        #expect(replies.lines.allSatisfy { $0.hasPrefix("0 ") })
        #expect(publisher.status.connected && publisher.status.queued == 0)
        try validate(replies.lines.map { line in
            let fields = line.split(separator: " ", maxSplits: 2).map(String.init)
            return (fields[1], fields[2])
        })
        publisher.stop(within: .seconds(5))
    }

    @Test func `Without a broker everything is dropped quietly`() throws {
        let publisher = try Publisher(node: "hall", mqtt: nil, outbox: OutboxSettings(path: "/nowhere/x")) { _ in CommandReply(ok: true, message: "") }
        try publisher.start()
        try publisher.publish(event: numberedEvent(1).json, id: "e1")
        publisher.announceOnline()
        publisher.stop(within: .seconds(1))
        #expect(publisher.status == PublisherStatus())
    }

    @Test func `Nodes with unusual names stay apart in Home Assistant`() throws {
        #expect(try Topics(node: "hall").discovery == "homeassistant/device/fwoc_hall/config")
        let a = try Topics(node: "größe").identifier
        let b = try Topics(node: "gräße").identifier
        #expect(a != b && a.allSatisfy { $0.isASCII })
        #expect(throws: TopicError.self) { try Topics(node: "a b") }
        #expect(throws: TopicError.self) { try Topics(node: "") }
        #expect(throws: TopicError.self) { try Topics(node: "a+") }
    }
}
