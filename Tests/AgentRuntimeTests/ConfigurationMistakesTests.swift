import AgentRuntime
import Foundation
import Testing

/// Every mistake has its place, what was given and what is expected.
@Suite struct ConfigurationMistakesTests {
    @Test(arguments: [
        ("nod: hall", "agent.yaml:1: nod: unknown key; did you mean node?"),
        ("\n\ncamera:\n  rat: 5", "agent.yaml:4: camera.rat: unknown key; did you mean camera.rate?"),
        ("camera: {frame-rate: 5}", "agent.yaml:1: camera.frame-rate: unknown key; known in camera: enabled, device, size, rate, formats, buffers"),
        ("mqtt: {prot: 1883}", "agent.yaml:1: mqtt.prot: unknown key; did you mean mqtt.port?"),
        ("mqtt:\n  tls:\n    cafile: x", "agent.yaml:3: mqtt.tls.cafile: unknown key; did you mean mqtt.tls.ca_file?"),
        ("hold: 2s", "agent.yaml:1: hold: unknown key; did you mean recognition.hold?"),
        ("threads: {inferense: {nice: 1}}", "agent.yaml:1: threads.inferense: unknown key; did you mean threads.inference?"),
        ("camera: [1]", "agent.yaml:1: camera: got a list of 1, expected keys with values: enabled, device, size, rate, formats, buffers"),
        ("recognition: 5", "agent.yaml:1: recognition: got ‘5’, expected keys with values: threshold, margin, hold, "),
        ("camera: maybe", "agent.yaml:1: camera.enabled: got ‘maybe’, expected true or false"),
        ("camera:\n  rate: fast", "agent.yaml:2: camera.rate: got ‘fast’, expected a number from 1 to 120 (frames a second)"),
        ("camera: {rate: '25'}", "agent.yaml:1: camera.rate: got the quoted text ‘25’, expected a number"),
        ("camera: {rate: 0}", "agent.yaml:1: camera.rate: got ‘0’"),
        ("camera: {rate: nan}", "agent.yaml:1: camera.rate: got ‘nan’"),
        ("camera: {rate: }", "agent.yaml:1: camera.rate: got nothing, expected a number"),
        ("camera: {buffers: 4.5}", "agent.yaml:1: camera.buffers: got ‘4.5’, expected a whole number from 4 to 16"),
        ("camera: {size: 1280*720}", "agent.yaml:1: camera.size: got ‘1280*720’, expected width×height in pixels"),
        ("camera: {size: 1280x72000}", "agent.yaml:1: camera.size: got ‘1280x72000’"),
        ("camera: {device: video0}", "agent.yaml:1: camera.device: got ‘video0’, expected the absolute path of a camera or usb:VVVV:PPPP[:serial]"),
        ("camera:\n  formats:\n    - mjpeg\n    - mpeg", "agent.yaml:4: camera.formats: got ‘mpeg’, expected one of mjpeg, yuyv, nv12, h264, yuv420"),
        ("camera: {formats: []}", "agent.yaml:1: camera.formats: got an empty list, expected a list"),
        ("camera: {formats: [nv12, nv12]}", "none twice"),
        ("recognition: {hold: 2}", "agent.yaml:1: recognition.hold: got ‘2’, expected a duration with its unit, such as 2s, from 0s to 1min"),
        ("recognition: {hold: 1.s}", "recognition.hold: got ‘1.s’"),
        ("recognition: {hold: -1s}", "recognition.hold: got ‘-1s’"),
        ("recognition: {hold: 2h}", "recognition.hold: got ‘2h’"),
        ("recognition: {threshold: 62}", "agent.yaml:1: recognition.threshold: got ‘62’, expected auto or a number from -1 to 2"),
        ("recognition: {settled_detection_interval: 10ms}", "is shorter than recognition.detection_interval"),
        ("mqtt: {port: 99999}", "agent.yaml:1: mqtt.port: got ‘99999’, expected auto or a whole number from 1 to 65535"),
        ("mqtt: {host: mqtt://user:pw@broker}", "mqtt.host: got ‘mqtt://********@broker’, expected a host name or address without port, user or path"),
        ("mqtt:\n  password: hunter", "agent.yaml:2: mqtt.password: a password has no place in a file that is copied and shown"),
        ("mqtt: {passwort: hunter}", "agent.yaml:1: mqtt.passwort: unknown key; if mqtt.password is meant: a password has no place in a file"),
        ("mqtt: {tls: {insecure: true}}", "agent.yaml:1: mqtt.tls.insecure: the broker’s certificate is always verified"),
        ("mqtt: {host: b, tls: {cert_file: /etc/hostname}}", "agent.yaml:1: mqtt.tls.cert_file: needs mqtt.tls.key_file as well"),
        ("mqtt: {host: b, tls: {enabled: false, ca_file: /etc/hostname}}", "agent.yaml:1: mqtt.tls.enabled: is false while other keys"),
        ("mqtt: {host: b, username: u, password_file: none}", "agent.yaml:1: mqtt.password_file: none: there is no such file"),
        ("mqtt: {host: b, password_file: /etc/hostname}", "there is a password and no mqtt.username"),
        ("http: {listen: 9641}", "agent.yaml:1: http.listen: got ‘9641’, expected address:port"),
        ("http: {listen: '::1:9641'}", "expected address:port"),
        ("threads: {camera: {cpus: [64]}}", "agent.yaml:1: threads.camera.cpus: got ‘64’, expected a whole number from 0 to 63"),
        ("threads: {camera: {cpus: 3}}", "agent.yaml:1: threads.camera.cpus: got ‘3’, expected auto or a list"),
        ("log: {level: loud}", "agent.yaml:1: log.level: got ‘loud’, expected one of trace, debug, info, notice, warning, error, critical"),
        ("camera: no\nmicrophone: no", "camera and microphone are both switched off"),
        ("gallery: /a/b\noutbox: {path: /a/b}", "agent.yaml:2: outbox.path: is the gallery’s file"),
        ("node: a b", "agent.yaml:1: node: got ‘a b’, expected a name of letters, digits"),
        ("profile: raspberry-pi-6", "agent.yaml:1: profile: there is no firmware profile ‘raspberry-pi-6’; did you mean raspberry-pi-"),
        ("node: a\nnode: b", "agent.yaml:1: given twice: node"),
        ("node: [a", "agent.yaml:"),
        ("camera:\n\trate: 5", "agent.yaml:2: not valid YAML"),
        ("- a\n- b", "agent.yaml:1: got a list of 2, expected keys with values"),
        ("node: {? [a] : b}", "agent.yaml:1: a key must be plain text"),
    ])
    func `A mistake is named with its place`(_ yaml: String, _ message: String) throws {
        let mistakes = try ConfigurationFixture(yaml).mistakes()
        #expect(mistakes.contains { $0.contains(message) }, "\(mistakes.joined(separator: "\n"))")
    }

    @Test(arguments: [
        ("camera.rate", "-c camera.rate: expected key=value"),
        ("=5", "-c =5: expected key=value"),
        ("camera..rate=5", "a part of the key is empty"),
        ("camera.rat=5", "-c camera.rat=5: camera.rat: unknown key; did you mean camera.rate?"),
        ("camera.rate=x", "-c camera.rate=x: camera.rate: got ‘x’"),
        ("camera.formats=[a", "-c camera.formats=[a: the value is no YAML"),
        ("camera.rate.max=5", "-c camera.rate.max=5: camera.rate: got keys with values (max)"),
        ("mqtt.password=x", "nor on a command line that every user can list"),
    ])
    func `A mistake on the command line is named with the option`(_ override: String, _ message: String) throws {
        let mistakes = try ConfigurationFixture().mistakes([override])
        #expect(mistakes.contains { $0.contains(message) }, "\(mistakes.joined(separator: "\n"))")
    }

    @Test(arguments: ["mqtt.password=hunter2", "mqtt={password: hunter2}", "password=hunter2", "mqtt.host=mqtt://u:hunter2@b", "mqtt.pasword=hunter2"])
    func `A password in the wrong place is not repeated in the message`(_ override: String) throws {
        let mistakes = try ConfigurationFixture().mistakes([override])
        #expect(!mistakes.isEmpty && !mistakes.contains { $0.contains("hunter2") }, "\(mistakes)")
    }

    @Test func `All mistakes are reported at once`() throws {
        let fixture = try ConfigurationFixture("nod: x\ncamera: {rate: 0}\n")
        try fixture.scratch.write("microphone: {latency: 5}", to: "agent.d/a.yaml")
        #expect(try fixture.mistakes(["log.level=x"]).count == 4)
    }

    @Test func `A few lines cannot become gigabytes`() throws {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 { yaml += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ") + "]\n" }
        #expect(try ConfigurationFixture(yaml).mistakes().first?.contains("more than 10000 values after unfolding its aliases") == true)
    }

    @Test func `Wrong configuration ends with the exit code 78`() throws {
        let error = try #require(throws: AgentError.self) { try ConfigurationFixture("nod: x").load() }
        #expect(error.category.rawValue == 78)
    }
}
