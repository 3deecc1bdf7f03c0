import Foundation
import LiveParts
import Testing

extension LiveAgentTests {
    /// What is wrong with a text in Prometheus' format, version 0.0.4.
    private func metricComplaints(_ text: String) -> [String] {
        var complaints: [String] = []
        var kinds: [Substring: Substring] = [:], described: Set<Substring> = [], finished: Set<Substring> = [], samples: Set<String> = []
        var family: Substring?
        let sample = /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"(?:,(?!\})|(?=\})))*\})? ([0-9.eE+-]+|NaN|[+-]Inf)/
        if !text.hasSuffix("\n") { complaints.append("no line break at the end") }
        for line in text.split(separator: "\n") {
            if let match = line.wholeMatch(of: /# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*/) {
                if !described.insert(match.1).inserted { complaints.append("described twice: \(line)") }
            } else if let match = line.wholeMatch(of: /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|summary)/) {
                if kinds.updateValue(match.2, forKey: match.1) != nil { complaints.append("typed twice: \(line)") }
                if match.2 == "counter" && !match.1.hasSuffix("_total") { complaints.append("a counter's name ends in _total: \(line)") }
            } else if let match = line.wholeMatch(of: sample) {
                if kinds[match.1] == nil || !described.contains(match.1) { complaints.append("neither typed nor described: \(line)") }
                if Double(match.3) == nil && match.3 != "NaN" { complaints.append("no number: \(line)") }
                if kinds[match.1] == "counter", (Double(match.3) ?? -1) < 0 { complaints.append("a counter below 0: \(line)") }
                if !samples.insert("\(match.1)\(match.2 ?? "")").inserted { complaints.append("twice: \(line)") }
                if family != match.1 {
                    if let family { finished.insert(family) }
                    if finished.contains(match.1) { complaints.append("apart from its family: \(line)") }
                    family = match.1
                }
            } else {
                complaints.append("neither comment nor sample: \(line)")
            }
        }
        if samples.isEmpty { complaints.append("no samples") }
        return complaints
    }

    /// What people and machines see of a running agent.
    @Test func saysHowItIs() async throws {
        let rig = try await LiveRig(hasSound: true)
        // Without an agent there is nothing to see, and that is said.
        let absent = try rig.command("status", "--once")
        #expect(absent.exitCode == 69 && absent.errors.contains("127.0.0.1:\(rig.httpPort)"), "\(absent)")
        try await rig.startReady()
        try await rig.reach("Ann is here") { try rig.figure("events") > 0 && "\(rig.status()["people"] ?? .null)".contains("Ann") }
        try await rig.reach("rates are measured") { try (rig.status()["camera"]?["fps"]?.value ?? 0) > 1 }

        let metrics = try LiveLab.http(rig.httpPort, "/metrics")
        #expect(metrics.status == 200 && metrics.head.contains("text/plain; version=0.0.4"))
        #expect(metricComplaints(metrics.body) == [])
        for name in ["fwoc_video_frames_total", "fwoc_events_total", "fwoc_mqtt_connected", "fwoc_event_latency_seconds", "fwoc_device_online", "fwoc_inference_load"] {
            #expect(metrics.body.contains("\n\(name){"), "\(name)")
        }
        #expect(metrics.body.contains("fwoc_device_online{node=\"hall\",device=\"camera\"} 1"))
        #expect(!metrics.body.contains("Ann"), "names of people are not for metrics")
        #expect(try LiveLab.http(rig.httpPort, "/healthz").body == "ok\n")
        #expect(try LiveLab.http(rig.httpPort, "/nothing").status == 404)
        #expect(try LiveLab.http(rig.httpPort, "/status", method: "POST").status >= 400)

        let status = try rig.status()
        #expect(status["schema"] == .string("fwoc.agent-status/1") && status["mode"] == .string("live") && status["node"] == .string("hall"))
        #expect(status["camera"]?["state"] == .string("online") && status["camera"]?["width"] == .number(640))
        #expect(status["degraded"] == .array([]), "\(status)")

        let once = try rig.command("status", "--once")
        #expect(once.exitCode == 0, "\(once)")
        for word in ["live", "hall", "Ann", "640x480", "online", "127.0.0.1:\(rig.broker.port)"] { #expect(once.output.contains(word), "\(word): \(once)") }
        #expect(!once.output.contains("\u{1B}"), "no colours where nobody sees them")
        let json = try rig.command("status", "--json")
        #expect(json.exitCode == 0, "\(json)")
        #expect(try JSONValue(json.output)["process"]?["pid"] == .number(Double(rig.agent?.identifier ?? 0)))

        let devices = try FwocAgentProgram.run(["devices", "--server", rig.sound?.address ?? ""])
        #expect(devices.exitCode == 0 && devices.output.contains("mic ") && devices.output.contains("cameras:"), "\(devices)")
    }

    /// Commands that look at everything that the agent needs, before it runs.
    @Test func doctorConfigurationAndBroker() async throws {
        let rig = try await LiveRig(hasSound: true)
        let healthy = try rig.command("doctor")
        #expect(healthy.exitCode == 0 && !healthy.output.contains("BAD"), "\(healthy)")
        for word in ["640x480", "1 people", "mic", "came back"] { #expect(healthy.output.contains(word), "\(word): \(healthy)") }

        try rig.camera.unplug()
        rig.broker.kill()
        let ill = try rig.command("doctor")
        #expect(ill.exitCode == 69, "\(ill)")
        let lines = ill.lines
        let camera = try #require(lines.firstIndex { $0.hasPrefix("BAD") && $0.contains("camera") }, "\(ill)")
        #expect(lines[camera].contains(rig.camera.node) && lines[camera + 1].contains("→") && lines[camera + 1].contains("fwoc-agent devices"), "\(ill)")
        #expect(lines.contains { $0.hasPrefix("BAD") && $0.contains("broker") }, "\(ill)")
        #expect(lines.contains { $0.hasPrefix("ok") && $0.contains("microphone") }, "\(ill)")
        #expect(lines.count { $0.hasPrefix("BAD") } == 2 && ill.errors.contains("2 of these"), "\(ill)")

        let shown = try rig.command("config", "show", "-c", "camera.rate=15")
        #expect(shown.exitCode == 0, "\(shown)")
        #expect(shown.lines.contains { $0.contains("rate: 15") && $0.contains("-c") }, "each value with its origin: \(shown)")
        #expect(shown.lines.contains { $0.contains("node: hall") && $0.contains("agent.yaml") }, "\(shown)")
        #expect(try rig.command("config", "check").exitCode == 0)
        try rig.configure(["camera": "{rate: fast}", "colour": "blue"])
        let wrong = try rig.command("config", "check")
        #expect(wrong.exitCode == 78, "\(wrong)")
        #expect(wrong.errors.contains("agent.yaml:") && wrong.errors.contains("camera.rate") && wrong.errors.contains("colour"), "\(wrong)")
        let run = try rig.command("run")
        #expect(run.exitCode == 78, "\(run)")
        let schema = try FwocAgentProgram.run(["config", "schema"])
        #expect(schema.exitCode == 0, "\(schema)")
        #expect(try JSONValue(schema.output)["properties"]?["camera"] != nil)
    }

    /// `mqtt test` says what is wrong with a broker.
    @Test func triesTheBroker() async throws {
        let folder = try ScratchFolder()
        let broker = try await LiveBroker(["password"], in: folder.url.appending(path: "broker"))
        let good = try folder.write("secret\n", to: "good"), bad = try folder.write("wrong\n", to: "bad")
        for file in [good, bad] { try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file) }
        let configuration = try folder.write("mqtt: {host: 127.0.0.1, port: \(broker.port), username: edge}\n", to: "agent.yaml")
        func test(_ more: String...) throws -> FwocAgentProgram.Run { try FwocAgentProgram.run(["mqtt", "test", "--config", configuration] + more) }

        let right = try test("-c", "mqtt.password_file=\(good)")
        #expect(right.exitCode == 0 && right.output.contains("came back"), "\(right)")
        let wrong = try test("-c", "mqtt.password_file=\(bad)")
        #expect(wrong.exitCode == 69 && wrong.errors.contains("password"), "\(wrong)")
        #expect(!"\(right)\(wrong)".contains("secret") && !"\(right)\(wrong)".contains("wrong\n"), "passwords are not shown")
        broker.kill()
        let gone = try test("-c", "mqtt.password_file=\(good)")
        #expect(gone.exitCode == 69 && gone.errors.contains("refused"), "\(gone)")
        let nowhere = try test("-c", "mqtt.host=null")
        #expect(nowhere.exitCode == 78 && nowhere.errors.contains("mqtt.host"), "\(nowhere)")
    }
}
