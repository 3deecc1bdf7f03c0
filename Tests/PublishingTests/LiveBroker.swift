import Foundation
import MediaTypes
import Publishing
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What these tests need of the machine, and waiting.
enum LiveLab {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    static let broker = tests.appending(path: "LiveLab/broker/broker.sh")
    static let certificates = tests.appending(path: "LiveLab/broker/certificates.sh")
    static let fixtures = tests.appending(path: "PublishingTests/Fixtures")
    /// Programs that the build puts beside the test bundle's resources.
    static func program(_ name: String) -> URL { Foundation.Bundle.module.bundleURL.deletingLastPathComponent().appending(path: name) }
    /// The interpreter for which Debian's python3-jsonschema and python3-jinja2 are installed.
    static let python = URL(fileURLWithPath: "/usr/bin/python3")

    /// Where a program of Debian's packages is; fails with what to install.
    static func find(_ name: String) throws -> URL {
        for folder in ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"] where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
            return URL(fileURLWithPath: "\(folder)/\(name)")
        }
        throw LabError(text: "\(name) is not installed; run ‘make setup’")
    }

    /// A port that was free a moment ago.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = unsafe inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0 }
        }
        guard result else { throw LabError(text: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Waits for something that happens soon; generous, since other tests run at the same time.
    static func eventually(within seconds: Double = 40, _ condition: () throws -> Bool) rethrows -> Bool {
        let end = Date().addingTimeInterval(seconds)
        repeat {
            if try condition() { return true }
            Thread.sleep(forTimeInterval: 0.02)
        } while Date() < end
        return try condition()
    }
}

struct LabError: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
}

/// A folder of one test, removed with it.
final class LabFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "fwoc-mqtt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }
}

/// A process of one test, killed with it.
final class LabProcess {
    let process = Process()
    let output: URL
    private let errors: URL
    /// Stays open and empty: some programs end with their input.
    private let input = Pipe()

    init(_ program: URL, _ arguments: [String], log folder: LabFolder, name: String) throws {
        output = folder.url.appending(path: "\(name).out")
        errors = folder.url.appending(path: "\(name).err")
        // Appended to: a process that is started again goes on.
        for file in [output, errors] where !FileManager.default.fileExists(atPath: file.path) {
            _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        }
        process.executableURL = program
        process.arguments = arguments
        let sink = try FileHandle(forWritingTo: output)
        try sink.seekToEnd()
        process.standardOutput = sink
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = input
        try process.run()
    }

    deinit { kill() }

    var lines: [String] {
        let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
        // A line without its end is still being written.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    var errorText: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    /// kill -9
    func kill() {
        guard process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func signal(_ number: Int32) { Glibc.kill(process.processIdentifier, number) }
}

/// A mosquitto of one test's own; see Tests/LiveLab/broker.
final class LiveBroker {
    let folder: LabFolder
    let port: Int
    let options: [String]
    private var process: LabProcess?

    init(_ options: String..., starting: Bool = true) throws {
        _ = try LiveLab.find("mosquitto")
        folder = try LabFolder()
        port = try LiveLab.freePort()
        self.options = options
        if starting { try start() }
    }

    func start() throws {
        process = try LabProcess(LiveLab.broker, [folder.url.path, "\(port)"] + options, log: folder, name: "broker")
        let isUp = LiveLab.eventually { Self.accepts(port) || process?.process.isRunning == false }
        guard isUp, process?.process.isRunning == true else { throw LabError(text: "mosquitto did not start: \(process?.errorText ?? "")\(log)") }
    }

    static func accepts(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = unsafe inet_addr("127.0.0.1")
        address.sin_port = in_port_t(port).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// kill -9
    func kill() { process?.kill() }

    /// SIGTERM
    func stop() {
        process?.process.terminate()
        process?.process.waitUntilExit()
    }

    /// Holds the broker still, as a network does that swallows everything.
    func freeze() { process?.signal(SIGSTOP) }
    func thaw() { process?.signal(SIGCONT) }

    /// Writes sessions and retained messages to disk now, with option `persistent`.
    func save() throws {
        let file = folder.path("mosquitto.db")
        try? FileManager.default.removeItem(atPath: file)
        process?.signal(SIGUSR1)
        guard LiveLab.eventually({ FileManager.default.fileExists(atPath: file) }) else { throw LabError(text: "mosquitto did not save its sessions: \(log)") }
    }

    var log: String { (try? String(contentsOfFile: folder.path("mosquitto.log"), encoding: .utf8)) ?? "" }
    func file(_ name: String) -> String { folder.path(name) }

    private var loginArguments: [String] {
        var arguments = ["-h", options.contains("tls") ? "localhost" : "127.0.0.1", "-p", "\(port)"]
        if options.contains("tls") { arguments += ["--cafile", file("ca.crt")] }
        if options.contains("client") { arguments += ["--cert", file("client.crt"), "--key", file("client.key")] }
        if options.contains("password") { arguments += ["-u", "edge", "-P", "secret"] }
        return arguments
    }

    /// An independent subscriber; what it got are its lines.
    func subscribe(_ topic: String, format: String = "%p", session: String? = nil, version: String = "mqttv5", more: [String] = []) throws -> LabProcess {
        var arguments = loginArguments + ["-V", version, "-q", "1", "-t", topic, "-F", format] + more
        if let session { arguments += ["-c", "-i", session] + (version == "mqttv5" ? ["-x", "3600"] : []) }
        let name = session ?? "sub-\(UUID().uuidString.prefix(8))"
        let before = log.components(separatedBy: "New client connected").count
        let process = try LabProcess(LiveLab.find("mosquitto_sub"), arguments, log: folder, name: name)
        guard LiveLab.eventually({ log.components(separatedBy: "New client connected").count > before }) else {
            throw LabError(text: "mosquitto_sub did not connect: \(process.errorText)")
        }
        // Connected is not yet subscribed; the broker logs no subscription.
        Thread.sleep(forTimeInterval: 0.3)
        return process
    }

    func publish(_ topic: String, _ payload: String, retain: Bool = false, more: [String] = []) throws {
        let process = Process()
        process.executableURL = try LiveLab.find("mosquitto_pub")
        process.arguments = loginArguments + ["-V", "mqttv5", "-q", "1", "-t", topic, "-m", payload] + (retain ? ["-r"] : []) + more
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw LabError(text: "mosquitto_pub ended with \(process.terminationStatus)") }
    }

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
