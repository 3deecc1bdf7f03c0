extension ConfigurationKey {
    /// Every key, in the order in which the manual lists them.
    public static let all: [ConfigurationKey] =
        [
            ConfigurationKey(
                "node", \.node, .text("a name of letters, digits, ‘-’ and ‘_’, at most 64", pattern: "^[A-Za-z0-9_-]{1,64}$"), .restart,
                default: "the host’s name", "Name of this box: the level of the MQTT topics that is its own, and part of its client id."),
            ConfigurationKey(
                "profile", \.profile, .automatic(.text("the name of a firmware profile", pattern: "^[A-Za-z0-9._-]{1,64}$")), .restart,
                "Firmware profile with what depends on the box; auto takes the one that matches the machine."),

            ConfigurationKey("camera.enabled", \.camera.isEnabled, .flag, .restart, "Whether to look."),
            ConfigurationKey(
                "camera.device", \.camera.device,
                .text("the absolute path of a camera or usb:VVVV:PPPP[:serial]", pattern: #"^(/[^\x00-\x1F]{1,511}|usb:[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}(:.{1,128})?)$"#),
                .restart, "The camera; a path below /dev/v4l/by-id stays the same when cameras are plugged in another order."),
            ConfigurationKey(
                "camera.size", \.camera.size, .size(64...4096), .restart, isOfBox: true, "Picture size to ask for, in pixels."),
            ConfigurationKey(
                "camera.rate", \.camera.rate, .number(1...120, unit: "frames a second"), .restart, isOfBox: true, "Frame rate to ask for."),
            ConfigurationKey(
                "camera.formats", \.camera.formats, .list(of: .choice, 1...CameraEncoding.allCases.count), .restart, isOfBox: true,
                "Pixel formats in order of preference; what the camera does not offer is passed over."),
            ConfigurationKey(
                "camera.buffers", \.camera.buffers, .whole(4...16), .restart, isOfBox: true, "Buffers that are shared with the driver."),

            ConfigurationKey("microphone.enabled", \.microphone.isEnabled, .flag, .restart, "Whether to listen."),
            ConfigurationKey(
                "microphone.source", \.microphone.source, .text("the name of a source of the sound server"), .restart,
                "Source of the sound server, as `pactl list short sources` names it; default for the one that the server prefers."),
            ConfigurationKey(
                "microphone.server", \.microphone.server, .optional(.text("the address of a sound server, such as unix:/run/pulse/native")),
                .restart, "Sound server; null for the one that libpulse finds by itself."),
            ConfigurationKey(
                "microphone.latency", \.microphone.latency, .duration(.milliseconds(5) ... .milliseconds(500)), .restart, isOfBox: true,
                "How much sound the server collects before it hands it over."),

            ConfigurationKey("mqtt.enabled", \.mqtt.isEnabled, .flag, .restart, "Whether to publish; without a host nothing is published either."),
            ConfigurationKey(
                "mqtt.host", \.mqtt.host, .optional(.text("a host name or address without port, user or path", pattern: #"^[A-Za-z0-9._:-]{1,253}$"#)),
                .restart, "The MQTT broker."),
            ConfigurationKey(
                "mqtt.port", \.mqtt.givenPort, .automatic(.whole(1...65535)), .restart, "Its port; auto is 8883 with TLS and 1883 without."),
            ConfigurationKey(
                "mqtt.tls.enabled", \.mqtt.tls.isEnabled, .automatic(.flag), .restart,
                "Encrypts the connection; auto does with port 8883 or where another key of tls is given."),
            ConfigurationKey(
                "mqtt.tls.ca_file", \.mqtt.tls.caFile, .optional(.path("a PEM file of certificates")), .restart,
                "Authorities that may vouch for the broker; null for those of the system."),
            ConfigurationKey(
                "mqtt.tls.cert_file", \.mqtt.tls.certificateFile, .optional(.path("a PEM certificate")), .restart,
                "Certificate that this box shows the broker; needs key_file."),
            ConfigurationKey(
                "mqtt.tls.key_file", \.mqtt.tls.keyFile, .optional(.path("a PEM private key")), .restart, "Private key of cert_file."),
            ConfigurationKey(
                "mqtt.username", \.mqtt.username, .optional(.text("a user name", pattern: #"^[^\x00-\x1F]{1,256}$"#)), .restart,
                "User name at the broker."),
            ConfigurationKey(
                "mqtt.password_file", \.mqtt.passwordFile, .optional(.path("a file that holds the password")), .restart,
                default: "the credential mqtt-password, if systemd handed one over", "File whose first line is the password."),
            ConfigurationKey(
                "mqtt.client_id", \.mqtt.clientID, .automatic(.text("a name of letters, digits, ‘-’ and ‘_’, at most 64", pattern: "^[A-Za-z0-9_-]{1,64}$")),
                .restart, "Client id, which no other client of the broker may have; auto is made of the node and digits that stay with the outbox."),
            ConfigurationKey(
                "mqtt.keep_alive", \.mqtt.keepAlive, .duration(.seconds(5) ... .seconds(3600)), .restart,
                "After this long without a word the box and the broker count each other as gone."),
            ConfigurationKey(
                "mqtt.version", \.mqtt.version, .automatic(.choice), .restart, "MQTT version; auto is 5, and 3.1.1 where the broker does not speak it."),
            ConfigurationKey(
                "mqtt.discovery.enabled", \.mqtt.discovery.isEnabled, .flag, .restart, "Announces the box to Home Assistant."),
            ConfigurationKey(
                "mqtt.discovery.prefix", \.mqtt.discovery.prefix,
                .text("a topic without ‘+’, ‘#’ and a final ‘/’", pattern: #"^[^+#/\x00-\x20]+(/[^+#/\x00-\x20]+)*$"#), .restart,
                "Topic below which Home Assistant looks."),

            ConfigurationKey(
                "bundle", \.bundle, .text("the name or folder of a model bundle"), .restart, isOfBox: true,
                "Model bundle; a name is looked for in FWOC_MODELS, models/ and /usr/share/fwoc/models. auto is edge, or reference where FWOC_REFERENCE_MODELS names the folder of its models."),
            ConfigurationKey("gallery", \.gallery, .path("the gallery"), .restart, "SQLite file of the people who are known."),

            ConfigurationKey(
                "recognition.threshold", \.recognition.threshold, .automatic(.number(-1...2)), .reload,
                "Least score of a match, on the bundle’s scale; auto takes those that `gallery calibrate` fitted, else the bundle’s."),
            ConfigurationKey(
                "recognition.margin", \.recognition.margin, .automatic(.number(0...1)), .reload,
                "How far the best person must lie before the second; auto takes the bundle’s margin."),
            ConfigurationKey(
                "recognition.hold", \.recognition.hold, .duration(.zero ... .seconds(60)), .reload,
                "How long an identity outlives its last evidence."),
            ConfigurationKey(
                "recognition.detection_interval", \.recognition.detectionInterval, .duration(.zero ... .seconds(2)), .reload, isOfBox: true,
                "Frames closer together than this are tracked and not searched for faces."),
            ConfigurationKey(
                "recognition.settled_detection_interval", \.recognition.settledDetectionInterval, .duration(.zero ... .seconds(5)), .reload,
                isOfBox: true, "The same while every face was found again and again in its place."),
            ConfigurationKey(
                "recognition.latency_budget", \.recognition.latencyBudget, .duration(.milliseconds(10) ... .seconds(5)), .reload, isOfBox: true,
                "From a frame’s instant to the end of its recognition; above it the box reports itself degraded."),

            ConfigurationKey(
                "outbox.path", \.outbox.path, .path("the outbox"), .restart, "SQLite file of the events that could not be sent yet."),
            ConfigurationKey(
                "outbox.max_events", \.outbox.mostEvents, .whole(1...10_000_000), .restart, "Events that wait at most."),
            ConfigurationKey(
                "outbox.ttl", \.outbox.timeToLive, .duration(.seconds(1) ... .seconds(7 * 86_400)), .restart,
                "Age at which an unsent event is dropped and counted: a stale identity is worse than none."),

            ConfigurationKey("publish.unknown", \.publish.unknown, .flag, .reload, "Also appearances of nobody who is enrolled."),
            ConfigurationKey("publish.snapshots", \.publish.snapshots, .flag, .reload, "Pictures of faces. Off: no picture leaves the box."),
            ConfigurationKey("publish.speaking", \.publish.speaking, .flag, .reload, "Who starts and stops speaking."),
            ConfigurationKey(
                "publish.telemetry_interval", \.publish.telemetryInterval, .duration(.seconds(1) ... .seconds(3600)), .reload,
                "Time between two telemetry messages."),

            ConfigurationKey("http.enabled", \.http.isEnabled, .flag, .restart, "Whether to serve health and metrics."),
            ConfigurationKey(
                "http.listen", \.http.listen, .listenAddress, .restart, "Where; it asks nobody for a password, so keep it on the loopback."),
        ]
        + placement(
            "inference", "the inference thread", \.threads.inference.cpus, \.threads.inference.nice, \.threads.inference.realtime)
        + placement("camera", "the camera’s thread", \.threads.camera.cpus, \.threads.camera.nice, \.threads.camera.realtime)
        + placement(
            "microphone", "the microphone’s thread", \.threads.microphone.cpus, \.threads.microphone.nice, \.threads.microphone.realtime)
        + [
            ConfigurationKey("log.level", \.log.level, .choice, .reload, "Least important message that is written."),
            ConfigurationKey(
                "log.format", \.log.format, .choice, .restart,
                "auto writes to the journal where standard error is connected to it, and plain lines elsewhere."),
        ]

    private static func placement(
        _ thread: String, _ what: String, _ cpus: any WritableKeyPath<AgentConfiguration, [Int]?> & Sendable,
        _ nice: any WritableKeyPath<AgentConfiguration, Int?> & Sendable, _ realtime: any WritableKeyPath<AgentConfiguration, Int?> & Sendable
    ) -> [ConfigurationKey] {
        [
            ConfigurationKey(
                "threads.\(thread).cpus", cpus, .automatic(.list(of: .whole(0...63), 1...64)), .restart, isOfBox: true,
                "Processors that \(what) may run on."),
            ConfigurationKey(
                "threads.\(thread).nice", nice, .optional(.whole(-20...19)), .restart, isOfBox: true,
                "Nice value of \(what); smaller goes first. Below what LimitNICE= of the unit allows it has no effect."),
            ConfigurationKey(
                "threads.\(thread).realtime", realtime, .optional(.whole(1...99)), .restart, isOfBox: true,
                "Round-robin real-time priority of \(what). It needs LimitRTPRIO= and RestrictRealtime=no in the unit."),
        ]
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// The key of this dotted name.
    public static func named(_ name: String) -> ConfigurationKey? { byName[name] }

    /// The names right below a section, keys and sections alike; those at the top for the empty name.
    static func names(below section: String) -> [String] {
        var names: [String] = []
        for key in all where section.isEmpty || key.name.hasPrefix(section + ".") {
            let rest = key.name.dropFirst(section.isEmpty ? 0 : section.count + 1)
            let name = String(rest.prefix { $0 != "." })
            if names.last != name { names.append(name) }
        }
        return names
    }

    static func isSection(_ name: String) -> Bool { all.contains { $0.name.hasPrefix(name + ".") } }

    /// Keys that somebody may look for and that there must not be, with what to do instead.
    static let refused: [String: String] = [
        "mqtt.password":
            "a password has no place in a file that is copied and shown, nor on a command line that every user can list; put it into a file "
            + "that only root can read and name it with mqtt.password_file, or hand it over as the systemd credential mqtt-password",
        "mqtt.tls.insecure": "the broker’s certificate is always verified; name the authority that issued it with mqtt.tls.ca_file",
    ]
}
