import AgentRuntime
import Foundation
import Testing
import Yams

/// The schemas through python3-jsonschema, as an editor would use them.
@Suite struct ConfigurationSchemaTests {
    /// What jsonschema says about documents, a list of complaints each.
    static func complaints(_ schema: JSONTree, _ documents: [String]) throws -> [[String]] {
        // From YAML to JSON by YAML's own rules for what is a number.
        let instances = try documents.map { try Yams.load(yaml: $0) ?? [String: Any]() }
        let input = try JSONSerialization.data(withJSONObject: [try JSONSerialization.jsonObject(with: Data(schema.document.utf8)), instances])
        let script = """
            import json, sys
            from jsonschema import Draft202012Validator
            schema, instances = json.load(sys.stdin)
            Draft202012Validator.check_schema(schema)
            validator = Draft202012Validator(schema)
            print(json.dumps([[e.json_path + ": " + e.message for e in validator.iter_errors(i)] for i in instances]))
            """
        let result = try Tool.run("python3", ["-c", script], input: input)
        try #require(result.exitCode == 0, "python3 with jsonschema (make setup installs it): \(result.output)")
        return try JSONDecoder().decode([[String]].self, from: Data(result.output.utf8))
    }

    /// As the documentation shows it.
    private static let documented = """
        node: hall
        profile: generic-x86_64
        camera:     {device: /dev/v4l/by-id/usb-cam-video-index0, size: 1280x720, rate: 25}
        microphone: {source: default}
        mqtt:       {host: broker.lan, port: 8883, tls: {ca_file: /etc/hostname, cert_file: /etc/hostname, key_file: /etc/hostname}, username: fwoc, password_file: /etc/hostname}
        bundle: edge
        gallery: /var/lib/fwoc/gallery.sqlite
        recognition: {threshold: auto, margin: 0.05, hold: 2s}
        outbox: {path: /var/lib/fwoc/outbox.sqlite, max_events: 100000, ttl: 5min}
        publish: {unknown: true, snapshots: false, speaking: false}
        http: {listen: 127.0.0.1:9641}
        """

    @Test func `Every documented example is valid, for editors and for the loader`() throws {
        let example = try Package.text("systemd/agent.example.yaml")
        let all = try ConfigurationFixture().load().shown
        #expect(try Self.complaints(ConfigurationSchema.agent, [Self.documented, example, all, "camera: false", "# nothing"]) == [[], [], [], [], []])
        for yaml in [Self.documented, example] { _ = try ConfigurationFixture(yaml).load() }
    }

    /// The examples of the manual's YAML blocks.
    @Test func `The manual's YAML is valid`() throws {
        let blocks = try Package.text("systemd/README.md").components(separatedBy: "```yaml\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
        #expect(!blocks.isEmpty)
        let complaints = try Self.complaints(ConfigurationSchema.agent, Array(blocks))
        #expect(complaints.flatMap { $0 } == [])
    }

    @Test func `Mistakes are seen by editors too`() throws {
        let mistakes = [
            "nod: hall", "camera: {rat: 5}", "camera: {rate: fast}", "camera: {rate: 0}", "camera: {size: 1280*720}", "camera: {formats: [mpeg]}",
            "recognition: {hold: 2}", "mqtt: {port: 99999}", "mqtt: {password: x}", "http: {listen: 9641}", "camera: [1]", "log: {level: loud}",
            "threads: {inference: {cpus: [64]}}", "recognition: maybe",
        ]
        for (mistake, complaints) in zip(mistakes, try Self.complaints(ConfigurationSchema.agent, mistakes)) {
            #expect(!complaints.isEmpty, "\(mistake)")
        }
    }

    @Test func `Each key is in the schema and in the manual's tables`() throws {
        let schema = ConfigurationSchema.agent.document
        for key in ConfigurationKey.all {
            #expect(schema.contains(key.summary))
            #expect(ConfigurationReference.markdown.contains("| `\(key.name)` |"))
            #expect(ConfigurationReference.roff.contains(".B \(key.name.replacingOccurrences(of: "-", with: "\\-"))\n"))
        }
        #expect(Set(ConfigurationKey.all.map(\.name)).count == ConfigurationKey.all.count)
    }

    @Test func `The schema of profiles is the one that is written beside them`() throws {
        #expect(
            try Package.text("firmware-profiles/profile.schema.json") == ConfigurationSchema.profile.document,
            "run fwoc-agent config schema --profile > firmware-profiles/profile.schema.json")
    }
}
