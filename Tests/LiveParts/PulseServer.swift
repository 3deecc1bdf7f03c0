public import Foundation
import Glibc

/// A sound server of one test's own that speaks PulseAudio's protocol: a sink `clip`, a source `mic` that hears it, and what else the
/// test asks for; see `Tests/LiveLab/pulse`.
public final class PulseServer {
    public enum Program: String, Sendable, CustomStringConvertible {
        case pulseAudio = "pulse-server.sh"
        /// PipeWire, its session manager and its server of the protocol.
        case pipeWire = "pipewire-server.sh"

        public var description: String { self == .pulseAudio ? "PulseAudio" : "PipeWire" }

        /// Debian's.
        public var packages: String { self == .pulseAudio ? "pulseaudio, pulseaudio-utils" : "pipewire, pipewire-pulse, wireplumber, pulseaudio-utils" }

        /// Whether its programs are there.
        public var isInstalled: Bool {
            let names = self == .pulseAudio ? ["pulseaudio", "pactl", "pacat"] : ["pipewire", "pipewire-pulse", "wireplumber", "pactl", "pacat"]
            return names.allSatisfy { name in
                ["/usr/bin", "/usr/local/bin"].contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
            }
        }
    }

    public let program: Program
    /// Short, because the path of a socket is.
    public let folder: URL
    private let modules: [String]
    private var server: ChildProcess?
    private var players: [ChildProcess] = []
    private var starts = 0
    private var files = 0

    /// Returns when it answers.
    /// - Parameter modules: with their arguments, as `pactl load-module` takes them.
    public init(_ program: Program = .pulseAudio, modules: [String] = []) async throws {
        self.program = program
        folder = FileManager.default.temporaryDirectory.appending(path: "fwoc-pulse-\(UUID().uuidString.prefix(8))")
        self.modules = modules
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try await start()
    }

    deinit {
        stopPlaying()
        server?.close(patience: 10)
        try? FileManager.default.removeItem(at: folder)
    }

    public var address: String { "unix:\(folder.path)/native" }
    public var environment: [String: String] { ["PULSE_SERVER": address, "HOME": folder.path, "XDG_RUNTIME_DIR": folder.path] }

    public func start() async throws {
        starts += 1
        let pid = folder.appending(path: "pid").path
        try? FileManager.default.removeItem(atPath: pid)
        let script = LiveLab.folder.appending(path: "pulse/\(program.rawValue)").path
        let child = try ChildProcess("bash", [script, folder.path] + modules, name: "server-\(starts)", in: folder)
        server = child
        let isUp = try await eventually(within: 60) { !child.isRunning || FileManager.default.fileExists(atPath: pid) && (try? pactl("info")) != nil }
        guard isUp, child.isRunning else {
            throw LivePartFailure("no \(program) for the tests (packages \(program.packages); see make setup): \(child.errorText)")
        }
    }

    private func signal(_ number: CInt) throws {
        let text = try String(contentsOf: folder.appending(path: "pid"), encoding: .utf8)
        guard let identifier = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { throw LivePartFailure("no process number of the sound server") }
        kill(identifier, number)
    }

    /// Ends it at once, as a crash does. Players end with it.
    public func crash() throws {
        try signal(SIGKILL)
        server?.close(patience: 10)
        server = nil
        stopPlaying()
    }

    /// From now on it does not answer, though its socket takes connections.
    public func freeze() throws { try signal(SIGSTOP) }
    public func thaw() throws { try signal(SIGCONT) }

    /// Runs the server's control program to its end.
    @discardableResult
    public func pactl(_ arguments: String...) throws -> String {
        let (status, output) = try ChildProcess.run("pactl", arguments, environment: environment)
        guard status == 0 else { throw LivePartFailure("pactl \(arguments.joined(separator: " ")): \(output)") }
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The module that made a source.
    public func moduleNumber(of source: String) throws -> String {
        for line in try pactl("list", "short", "modules").split(separator: "\n") where line.contains("source_name=\(source) ") {
            return String(line.prefix { $0 != "\t" })
        }
        throw LivePartFailure("no module makes a source '\(source)'")
    }

    /// Plays a file of 16-bit mono samples, in the background.
    public func play(_ file: URL, rate: Int, on sink: String = "clip") throws {
        players.append(try ChildProcess(
            "pacat", ["--playback", "--latency-msec=40", "-d", sink, "--rate=\(rate)", "--format=s16le", "--channels=1", file.path],
            name: "pacat-\(starts)-\(players.count)", in: folder, environment: environment))
    }

    /// Plays samples, in the background.
    public func play(_ samples: [Int16], rate: Int = 16_000, on sink: String = "clip") throws {
        files += 1
        let file = folder.appending(path: "play-\(files).s16")
        try unsafe samples.withUnsafeBytes { try unsafe Data($0).write(to: file) }
        try play(file, rate: rate, on: sink)
    }

    public func stopPlaying() {
        for player in players { player.kill() }
        players = []
    }
}
