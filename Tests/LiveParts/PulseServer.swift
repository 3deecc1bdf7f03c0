public import Foundation
import Glibc

/// A PulseAudio server of one test's own: a sink `clip` and a source `mic` that hears it; see `Tests/LiveLab/pulse`.
public final class PulseServer {
    /// Short, because the path of a socket is.
    public let folder: URL
    private var server: ChildProcess?
    private var players: [ChildProcess] = []
    private var starts = 0

    public init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "fwoc-pulse-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try await start()
    }

    deinit {
        for player in players { player.kill() }
        server?.close(patience: 10)
        try? FileManager.default.removeItem(at: folder)
    }

    public var address: String { "unix:\(folder.path)/native" }
    public var environment: [String: String] { ["PULSE_SERVER": address, "HOME": folder.path, "XDG_RUNTIME_DIR": folder.path] }

    public func start() async throws {
        starts += 1
        let script = LiveLab.folder.appending(path: "pulse/pulse-server.sh").path
        let child = try ChildProcess("bash", [script, folder.path], name: "server-\(starts)", in: folder)
        server = child
        let isUp = try await eventually(within: 60) {
            try !child.isRunning || ChildProcess.run("pactl", ["info"], environment: environment).status == 0
        }
        guard isUp, child.isRunning else {
            throw LivePartFailure("no PulseAudio server for the tests (packages pulseaudio, pulseaudio-utils; see make setup): \(child.errorText)")
        }
    }

    /// Ends it at once, as a crash does. Players end with it.
    public func crash() throws {
        let text = try String(contentsOf: folder.appending(path: "pid"), encoding: .utf8)
        guard let identifier = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { throw LivePartFailure("no process number of the sound server") }
        kill(identifier, SIGKILL)
        server?.close(patience: 10)
        server = nil
        for player in players { player.kill() }
        players = []
    }

    /// Plays a file of 16-bit mono samples on the sink `clip`, in the background.
    public func play(_ file: URL, rate: Int) throws {
        players.append(try ChildProcess(
            "pacat", ["--playback", "--latency-msec=40", "-d", "clip", "--rate=\(rate)", "--format=s16le", "--channels=1", file.path],
            name: "pacat-\(starts)-\(players.count)", in: folder, environment: environment))
    }
}
