public import Foundation
import Glibc

/// A mosquitto of one test's own; see `Tests/LiveLab/broker`.
public final class LiveBroker {
    public let folder: URL
    public let port: Int
    private let options: [String]
    private var process: ChildProcess?

    /// - Parameters:
    ///   - options: of `broker.sh`.
    ///   - folder: for its files, which are left there.
    public init(_ options: [String] = [], in folder: URL) async throws {
        self.folder = folder
        self.options = options
        port = try LiveLab.freePort()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try await start()
    }

    public func start() async throws {
        let process = try ChildProcess(LiveLab.folder.appending(path: "broker/broker.sh").path, [folder.path, "\(port)"] + options, name: "broker", in: folder)
        self.process = process
        let isUp = try await eventually(within: 60) { LiveLab.accepts(port) || !process.isRunning }
        guard isUp, process.isRunning else { throw LivePartFailure("mosquitto did not start (packages mosquitto, mosquitto-clients; see make setup): \(process.errorText)\(log)") }
    }

    /// kill -9
    public func kill() { process?.kill() }

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

    /// An independent subscriber with QoS 1; what it got are its lines, each `RETAINED TOPIC PAYLOAD`.
    /// - Parameter session: a name whose session the broker keeps while nobody is there.
    public func subscribe(_ topic: String, session: String? = nil) async throws -> ChildProcess {
        let name = session ?? "subscriber-\(UUID().uuidString.prefix(8))"
        let arguments = ["-h", "127.0.0.1", "-p", "\(port)", "-V", "mqttv5", "-q", "1", "-t", topic, "-F", "%r %t %p", "-i", name]
        let before = subscriptions(name)
        let process = try ChildProcess("mosquitto_sub", arguments + (session == nil ? [] : ["-c", "-x", "3600"]), name: name, in: folder)
        guard try await eventually(within: 60, { subscriptions(name) > before }) else { throw LivePartFailure("mosquitto_sub did not subscribe: \(process.errorText)\(log.suffix(600))") }
        return process
    }

    private func subscriptions(_ client: String) -> Int { text.components(separatedBy: "Sending SUBACK to \(client)").count }

    /// - Parameter more: options of mosquitto_pub.
    public func publish(_ topic: String, _ payload: String = "", more: [String] = []) throws {
        let message = more.contains("-f") ? [] : payload.isEmpty ? ["-n"] : ["-m", payload]
        let (status, output) = try ChildProcess.run("mosquitto_pub", ["-h", "127.0.0.1", "-p", "\(port)", "-V", "mqttv5", "-q", "1", "-t", topic] + message + more)
        guard status == 0 else { throw LivePartFailure("mosquitto_pub to \(topic): \(output)") }
    }
}
