import Foundation
import Glibc
import Testing

/// A program that a test started; it ends with the instance.
final class ChildProcess {
    let process = Process()
    private let input = Pipe()
    private let errors: URL

    /// - Parameter errors: file that takes standard error.
    init(_ program: String, _ arguments: [String], environment: [String: String] = [:], errors: URL) throws {
        self.errors = errors
        try Data().write(to: errors)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
    }

    var errorText: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    /// Closes its standard input, which ends some programs in good order, and ends it at once where that did not.
    func end(patience: Double = 0) {
        try? input.fileHandleForWriting.close()
        let end = ContinuousClock.now + .seconds(patience)
        while process.isRunning, ContinuousClock.now < end { Thread.sleep(forTimeInterval: 0.01) }
        // Not SIGTERM: it is blocked in what a thread with blocked signals started.
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    deinit { end() }
}

/// A PulseAudio server of this test's own: a sink `clip`, a source `mic` that hears it, and what else the test asks for.
final class PulseServer {
    struct Failure: Error, CustomStringConvertible { var description: String }

    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "LiveLab/pulse/pulse-server.sh")

    /// Short, because the path of a socket is.
    let folder: URL
    private let modules: [String]
    private var child: ChildProcess?
    private var players: [ChildProcess] = []

    init(modules: [String] = []) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "fwoc-pulse-\(UUID().uuidString.prefix(8))")
        self.modules = modules
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try await start()
    }

    deinit {
        for player in players { player.end() }
        child?.end(patience: 10)
        try? FileManager.default.removeItem(at: folder)
    }

    var address: String { "unix:\(folder.path)/native" }
    private var environment: [String: String] { ["PULSE_SERVER": address, "HOME": folder.path, "XDG_RUNTIME_DIR": folder.path] }

    func start() async throws {
        let child = try ChildProcess("bash", [Self.script.path, folder.path] + modules, errors: folder.appending(path: "server.log"))
        self.child = child
        for _ in 0..<300 {
            if (try? pactl("info")) != nil { return }
            guard child.process.isRunning else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Failure(description: "no PulseAudio server for the tests (packages pulseaudio, pulseaudio-utils): \(child.errorText)")
    }

    private func signal(_ number: CInt) throws {
        let text = try String(contentsOf: folder.appending(path: "pid"), encoding: .utf8)
        guard let identifier = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { throw Failure(description: "no process number of the server") }
        kill(identifier, number)
    }

    /// Ends it at once, as a crash does. Players end with it.
    func crash() throws {
        try signal(SIGKILL)
        child?.end(patience: 10)
        child = nil
        for player in players { player.end() }
        players = []
    }

    func freeze() throws { try signal(SIGSTOP) }
    func thaw() throws { try signal(SIGCONT) }

    @discardableResult
    func pactl(_ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["pactl"] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = folder.appending(path: "pactl-\(UUID().uuidString)")
        try Data().write(to: output)
        let file = try FileHandle(forWritingTo: output)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = file
        process.standardError = file
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOf: output, encoding: .utf8)
        try? FileManager.default.removeItem(at: output)
        guard process.terminationStatus == 0 else { throw Failure(description: "pactl \(arguments.joined(separator: " ")): \(text)") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The module that made a source.
    func moduleNumber(of source: String) throws -> String {
        for line in try pactl("list", "short", "modules").split(separator: "\n") where line.contains("source_name=\(source) ") {
            return String(line.prefix { $0 != "\t" })
        }
        throw Failure(description: "no module makes a source '\(source)'")
    }

    /// Plays 16-bit mono samples on the sink `clip`, in the background.
    func play(_ samples: [Int16], rate: Int = 16_000, on sink: String = "clip") throws {
        let file = folder.appending(path: "play-\(players.count).s16")
        try unsafe samples.withUnsafeBytes { try unsafe Data($0).write(to: file) }
        players.append(try ChildProcess(
            "pacat", ["--playback", "--latency-msec=40", "-d", sink, "--rate=\(rate)", "--format=s16le", "--channels=1", file.path],
            environment: environment, errors: folder.appending(path: "pacat-\(players.count).log")))
    }

    func stopPlaying() {
        for player in players { player.end() }
        players = []
    }

    /// Noise of this many seconds, uniform in ±amplitude.
    static func noise(seconds: Int, amplitude: Int, rate: Int = 16_000) -> [Int16] {
        var noise = Noise(seed: 7)
        return (0..<seconds * rate).map { _ in Int16(Int(noise.uniform() * Double(2 * amplitude + 1)) - amplitude) }
    }
}

/// Asks again and again until the condition holds; fails the test after the time.
func eventually(_ what: String, within seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
        if try condition() { return }
        guard ContinuousClock.now < end else {
            Issue.record("not within \(seconds) s: \(what)", sourceLocation: sourceLocation)
            throw PulseServer.Failure(description: "not within \(seconds) s: \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
