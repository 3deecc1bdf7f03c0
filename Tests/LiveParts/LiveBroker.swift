public import Foundation
import Glibc

/// A mosquitto of one test's own; see `Tests/LiveLab/broker`.
public final class LiveBroker {
    public let folder: URL
    public let port: Int
    public let options: [String]
    private let isOwnFolder: Bool
    private var process: ChildProcess?

    /// - Parameters:
    ///   - options: of `broker.sh`.
    ///   - folder: for its files, which are left there; nil for one that goes with the instance.
    ///   - isStarted: whether it runs from the start.
    public init(_ options: [String] = [], in folder: URL? = nil, isStarted: Bool = true) async throws {
        isOwnFolder = folder == nil
        self.folder = folder ?? FileManager.default.temporaryDirectory.appending(path: "fwoc-mqtt-\(UUID().uuidString)")
        self.options = options
        port = try LiveLab.freePort()
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        if isStarted { try await start() }
    }

    deinit {
        process?.kill()
        if isOwnFolder { try? FileManager.default.removeItem(at: folder) }
    }

    public func file(_ name: String) -> String { folder.appending(path: name).path }

    public func start() async throws {
        let process = try ChildProcess(LiveLab.folder.appending(path: "broker/broker.sh").path, [folder.path, "\(port)"] + options, name: "broker", in: folder)
        self.process = process
        let isUp = try await eventually(within: 60) { LiveLab.accepts(port) || !process.isRunning }
        guard isUp, process.isRunning else { throw LivePartFailure("mosquitto did not start (packages mosquitto, mosquitto-clients; see make setup): \(process.errorText)\(log)") }
    }

    /// kill -9
    public func kill() { process?.kill() }

    /// Ends it in good order.
    public func stop() async throws {
        guard let process else { return }
        process.signal(SIGTERM)
        guard try await eventually(within: 20, { !process.isRunning }) else { throw LivePartFailure("mosquitto does not end: \(log)") }
    }

    /// Holds it still, as a network does that swallows everything.
    public func freeze() { process?.signal(SIGSTOP) }
    public func thaw() { process?.signal(SIGCONT) }

    /// Writes sessions and retained messages to disk now, with option `persistent`.
    public func save() async throws {
        let file = folder.appending(path: "mosquitto.db").path
        try? FileManager.default.removeItem(atPath: file)
        process?.signal(SIGUSR1)
        guard try await eventually(within: 60, { FileManager.default.fileExists(atPath: file) }) else { throw LivePartFailure("mosquitto did not save its sessions: \(log)") }
    }

    /// Of the broker; where it ended by itself, also how.
    public var log: String { text + (process.map { $0.isRunning ? "" : "ended with \($0.exitCode.map(String.init) ?? "a signal"): \($0.errorText)" } ?? "") }

    private var text: String { (try? String(contentsOf: folder.appending(path: "mosquitto.log"), encoding: .utf8)) ?? "" }

    /// Whether a client has confirmed all that was sent to it: only then would a broker that dies now not send it again.
    public func isConfirmed(by client: String) -> Bool {
        text.components(separatedBy: "Sending PUBLISH to \(client) ").count == text.components(separatedBy: "Received PUBACK from \(client) ").count
    }

    private var login: [String] {
        var arguments = ["-h", options.contains("tls") ? "localhost" : "127.0.0.1", "-p", "\(port)"]
        if options.contains("tls") { arguments += ["--cafile", file("ca.crt")] }
        if options.contains("client") { arguments += ["--cert", file("client.crt"), "--key", file("client.key")] }
        if options.contains("password") { arguments += ["-u", "edge", "-P", "secret"] }
        return arguments
    }

    /// An independent subscriber with QoS 1; what it got are its lines, each in mosquitto_sub's `format`: `RETAINED TOPIC PAYLOAD`.
    /// - Parameter session: a name whose session the broker keeps while nobody is there.
    public func subscribe(_ topic: String, format: String = "%r %t %p", session: String? = nil, version: String = "mqttv5") async throws -> ChildProcess {
        let name = session ?? "subscriber-\(UUID().uuidString.prefix(8))"
        let kept = session == nil ? [] : ["-c"] + (version == "mqttv5" ? ["-x", "3600"] : [])
        let before = subscriptions(name)
        let process = try ChildProcess("mosquitto_sub", login + ["-V", version, "-q", "1", "-t", topic, "-F", format, "-i", name] + kept, name: name, in: folder)
        guard try await eventually(within: 60, { subscriptions(name) > before }) else { throw LivePartFailure("mosquitto_sub did not subscribe: \(process.errorText)\(log.suffix(600))") }
        return process
    }

    private func subscriptions(_ client: String) -> Int { text.components(separatedBy: "Sending SUBACK to \(client)").count }

    /// - Parameter more: options of mosquitto_pub.
    public func publish(_ topic: String, _ payload: String = "", more: [String] = []) throws {
        let message = more.contains("-f") ? [] : payload.isEmpty ? ["-n"] : ["-m", payload]
        let (status, output) = try ChildProcess.run("mosquitto_pub", login + ["-V", "mqttv5", "-q", "1", "-t", topic] + message + more)
        guard status == 0 else { throw LivePartFailure("mosquitto_pub to \(topic): \(output)") }
    }
}
