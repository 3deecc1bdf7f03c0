import AgentRuntime
import Foundation
import Testing

@Suite struct ConfigurationLoaderTests {
    @Test func `Without any file everything has its careful default, and a warning says so`() throws {
        let fixture = try ConfigurationFixture()
        let loaded = try fixture.load()
        let configuration = loaded.configuration
        #expect(configuration.node == "box")
        #expect(!configuration.publish.snapshots && !configuration.publish.speaking && configuration.publish.unknown)
        #expect(configuration.http.listen == ListenAddress(host: "127.0.0.1", port: 9641))
        #expect(configuration.outbox.timeToLive == .seconds(300) && configuration.outbox.mostEvents == 100_000)
        #expect(configuration.mqtt.isUsed == false)
        #expect(loaded.origins["microphone.source"] == .builtIn)
        #expect(loaded.warnings.contains { $0.contains("no configuration was found") && $0.contains("agent.yaml") })
        #expect(loaded.warnings.contains { $0.contains("mqtt.host") && $0.contains("nothing will be published") })
    }

    @Test func `Drop-ins come in name order after the file, options after them, profiles before`() throws {
        let fixture = try ConfigurationFixture("profile: raspberry-pi-4\ncamera:\n  rate: 5\n  buffers: 6\nrecognition: {hold: 1s}\n")
        try fixture.scratch.write("recognition: {hold: 4s}\ncamera: {rate: 7}\n", to: "agent.d/20-b.yaml")
        try fixture.scratch.write("recognition: {hold: 3s}\nnode: first\n", to: "agent.d/10-a.yaml")
        try fixture.scratch.write("this: is: no: yaml", to: "agent.d/ignored.yaml.bak")
        try fixture.scratch.write("node: hidden", to: "agent.d/.hidden.yaml")
        let loaded = try fixture.load(["camera.rate=9", "camera.rate=12.5"])
        let configuration = loaded.configuration
        #expect(configuration.node == "first")
        #expect(configuration.recognition.hold == .seconds(4))
        #expect(configuration.camera.rate == 12.5)
        #expect(configuration.camera.buffers == 6)
        // Of the profile, and of the one that it extends.
        #expect(configuration.camera.size == PictureSize(width: 640, height: 480))
        #expect(configuration.threads.inference.cpus == [3])
        #expect(configuration.threads.inference.cpuMask == 0b1000)

        #expect(fixture.origin("node", in: loaded) == "agent.d/10-a.yaml:2")
        #expect(fixture.origin("recognition.hold", in: loaded) == "agent.d/20-b.yaml:1")
        #expect(fixture.origin("camera.rate", in: loaded) == "-c camera.rate=12.5")
        #expect(fixture.origin("camera.buffers", in: loaded) == "agent.yaml:4")
        #expect(fixture.origin("camera.size", in: loaded).hasPrefix("profile raspberry-pi-4 ("))
        #expect(fixture.origin("threads.inference.cpus", in: loaded).hasPrefix("profile raspberry-pi-5 ("))
        #expect(fixture.origin("camera.device", in: loaded) == "default")
    }

    @Test func `An instance reads the shared files, then its own`() throws {
        var fixture = try ConfigurationFixture("camera: {rate: 5}\nmqtt: {host: broker.lan}\n")
        try fixture.scratch.write("camera: {rate: 6}", to: "agent.d/a.yaml")
        try fixture.scratch.write("camera: {device: /dev/video2}", to: "agent-door.yaml")
        try fixture.scratch.write("http: {listen: \"[::1]:9700\"}", to: "agent-door.d/a.yaml")
        fixture.environment = ["FWOC_INSTANCE": "door", "STATE_DIRECTORY": "/state/fwoc:/state/fwoc/door"]
        let configuration = try fixture.load().configuration
        #expect(configuration.node == "box-door")
        #expect(configuration.camera.rate == 6 && configuration.camera.device == "/dev/video2")
        #expect(configuration.mqtt.host == "broker.lan")
        #expect(configuration.http.listen == ListenAddress(host: "::1", port: 9700))
        #expect(configuration.gallery == "/state/fwoc/gallery.sqlite")
        #expect(configuration.outbox.path == "/state/fwoc/door/outbox.sqlite")

        fixture.environment["FWOC_INSTANCE"] = "gate"
        #expect(try fixture.mistakes() == ["agent-gate.yaml: there is no such file; write it, or name another with --config"])
    }

    @Test func `A file that was named has to be there`() throws {
        let fixture = try ConfigurationFixture()
        var loader = fixture.loader()
        loader.paths = ConfigurationPaths(file: fixture.scratch.url.appending(path: "other.yaml"))
        let error = #expect(throws: AgentError.self) { try loader.load() }
        #expect(error?.category == .noInput)
    }

    @Test func `Every kind of value is read in every way of writing it`() throws {
        let fixture = try ConfigurationFixture(
            """
            node: 5
            camera: off            # short for {enabled: false}
            microphone: {source: 'true', server: unix:/run/pulse/native, latency: 0.04s}
            mqtt:
              host: broker.lan
              port: 8883
              discovery: no
              version: 5
              username: ~
            recognition: {threshold: 0.62, margin: auto, hold: 0.5min}
            publish:
              # all of it commented out
            outbox: {ttl: 1d}
            threads: {inference: {cpus: [2, 3], nice: -3}}
            log: {level: debug}
            """)
        let configuration = try fixture.load(["camera.formats=[yuyv, nv12]", "publish.telemetry_interval=250000ms", "microphone.server="]).configuration
        #expect(configuration.node == "5")
        #expect(!configuration.camera.isEnabled)
        #expect(configuration.microphone.source == "true")
        #expect(configuration.microphone.server == nil)
        #expect(configuration.microphone.latency == .milliseconds(40))
        #expect(configuration.mqtt.usesTLS && configuration.mqtt.port == 8883)
        #expect(!configuration.mqtt.discovery.isEnabled)
        #expect(configuration.mqtt.version == .five)
        #expect(configuration.recognition.threshold == 0.62)
        #expect(configuration.recognition.margin == nil)
        #expect(configuration.recognition.hold == .seconds(30))
        #expect(configuration.outbox.timeToLive == .seconds(86_400))
        #expect(configuration.camera.formats == [.yuyv, .nv12])
        #expect(configuration.publish.telemetryInterval == .seconds(250))
        #expect(configuration.threads.inference.cpuMask == 0b1100 && configuration.threads.inference.nice == -3)
        #expect(configuration.log.level == .debug)
    }

    @Test func `A relative path counts from the file that names it`() throws {
        let fixture = try ConfigurationFixture("gallery: people/g.sqlite\n")
        #expect(try fixture.load().configuration.gallery == fixture.scratch.path("people/g.sqlite"))
        let here = FileManager.default.currentDirectoryPath
        #expect(try fixture.load(["gallery=g.sqlite"]).configuration.gallery == here + (here == "/" ? "" : "/") + "g.sqlite")
    }

    @Test func `TLS and port follow from each other`() throws {
        func mqtt(_ overrides: [String]) throws -> AgentConfiguration.MQTT { try ConfigurationFixture().load(["mqtt.host=b"] + overrides).configuration.mqtt }
        #expect(try mqtt([]).port == 1883)
        #expect(try mqtt([]).usesTLS == false)
        #expect(try mqtt(["mqtt.tls.enabled=true"]).port == 8883)
        #expect(try mqtt(["mqtt.tls.ca_file=/etc/hostname"]).port == 8883)
        #expect(try mqtt(["mqtt.tls.ca_file=/etc/hostname", "mqtt.port=9999"]).usesTLS)
        #expect(try mqtt(["mqtt.port=8883", "mqtt.tls.enabled=false"]).usesTLS == false)
    }

    @Test func `What is shown says where each value comes from, and can be given again`() throws {
        let fixture = try ConfigurationFixture("node: hall\nprofile: intel-n100\nmqtt: {host: broker.lan}\nmicrophone: {source: 'on'}\n")
        let loaded = try fixture.load(["log.level=warning"])
        #expect(loaded.shown.contains("node: hall"))
        #expect(loaded.shown.split(separator: "\n").contains { $0.contains("level: warning") && $0.hasSuffix("# -c log.level=warning") })
        #expect(loaded.shown.split(separator: "\n").contains { $0.contains("rate: 25") && $0.contains("# profile generic-x86_64 (") })
        let again = try ConfigurationFixture(loaded.shown)
        #expect(try again.load().configuration == loaded.configuration)
        for key in ConfigurationKey.all { #expect(again.origin(key.name, in: try again.load()).hasPrefix("agent.yaml:"), "\(key.name)") }
        #expect(loaded.json.text.contains(#""camera.rate": {"value": 25, "origin": "profile generic-x86_64"#))
    }

    // MARK: - Secrets

    @Test func `The password comes from its file and is nowhere to be seen`() throws {
        let fixture = try ConfigurationFixture("mqtt: {host: b, username: fwoc, password_file: secret, tls: {enabled: true}}\n")
        try fixture.scratch.write("hunter2 \nsecond line\n", to: "secret")
        let loaded = try fixture.load()
        #expect(loaded.configuration.mqtt.password?.revealed() == "hunter2 ")
        var dumped = ""
        dump(loaded.configuration, to: &dumped)
        for text in [loaded.shown, loaded.json.text, dumped, "\(loaded)", String(reflecting: loaded)] { #expect(!text.contains("hunter2")) }
        #expect(loaded.shown.contains(Secret.mask))
        #expect(!loaded.warnings.contains { $0.contains("secret") })
    }

    @Test func `A secret that everybody can read is warned about`() throws {
        let fixture = try ConfigurationFixture("mqtt: {host: b, username: fwoc, password_file: secret}\n")
        try fixture.scratch.write("hunter2", to: "secret", mode: 0o644)
        let warnings = try fixture.load().warnings
        #expect(warnings.contains { $0.contains("agent.yaml:1: mqtt.password_file") && $0.contains("mode 644") && $0.contains("chmod 600") })
        #expect(warnings.contains { $0.contains("unencrypted") })
    }

    @Test func `systemd's credential is used where no file is named`() throws {
        var fixture = try ConfigurationFixture("mqtt: {host: b, username: fwoc}\n")
        try fixture.scratch.write("from systemd", to: "credentials/mqtt-password", mode: 0o444)
        fixture.environment["CREDENTIALS_DIRECTORY"] = fixture.scratch.path("credentials")
        let loaded = try fixture.load()
        #expect(loaded.configuration.mqtt.password?.revealed() == "from systemd")
        #expect(fixture.origin("mqtt.password_file", in: loaded) == "credential mqtt-password")
        #expect(!loaded.warnings.contains { $0.contains("mode") })

        try fixture.scratch.write("from the file", to: "secret")
        #expect(try fixture.load(["mqtt.password_file=" + fixture.scratch.path("secret")]).configuration.mqtt.password?.revealed() == "from the file")
    }

    @Test func `A check of another box's configuration does without its secrets`() throws {
        let fixture = try ConfigurationFixture("mqtt: {host: b, username: fwoc, password_file: /nowhere/secret, tls: {ca_file: /nowhere/ca.pem}}\n")
        var loader = fixture.loader()
        #expect(try fixture.mistakes().count == 2)
        loader.readsSecrets = false
        let warnings = try loader.load().warnings
        #expect(warnings.contains { $0.contains("/nowhere/secret: there is no such file") } && warnings.contains { $0.contains("/nowhere/ca.pem") })
    }
}
