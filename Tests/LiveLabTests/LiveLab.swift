import Dispatch
import Foundation

/// The agent as a service on a machine of its own, in user-mode Linux: what `Tests/LiveLab/uml/run` does and says.
enum LiveLab {
    struct Run: Sendable {
        var exitCode: Int32
        /// Names of the checks that held.
        var passed: Set<String> = []
        /// What did not hold, and why.
        var failures: [String] = []
        /// Everything that was said.
        var output: String
    }

    private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let program = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "fwoc-agent")
    /// EX_UNAVAILABLE: what the run needs is not there.
    static let unavailable: Int32 = 69
    /// What the machine said in the last run.
    static let logs = package.appending(path: ".build/live-lab").path

    /// Whether the run has what it needs. Where it has not, that is said on standard error.
    static let isAvailable: Bool = {
        guard let check = try? start(["--check"]), check.exitCode == 0 else {
            say("SKIPPED: the agent on a machine of its own: \((try? start(["--check"]))?.output ?? "Tests/LiveLab/uml/run does not start")")
            return false
        }
        return true
    }()

    /// Runs the whole scenario: four minutes of a processor, three more when the machine's file system is made.
    static func run() throws -> Run {
        var run = try start([])
        for line in run.output.split(separator: "\n") {
            if let check = line.firstMatch(of: #/^LAB: PASS ([^(]+?)(?: \(.*)?$/#) {
                run.passed.insert(String(check.1))
            } else if line.hasPrefix("LAB: FAIL ") {
                run.failures.append(String(line.dropFirst("LAB: FAIL ".count)))
            }
        }
        return run
    }

    /// The checks that a whole run consists of.
    static func checks() throws -> [String] {
        try String(contentsOf: Bundle.module.bundleURL.appending(path: "Fixtures/checks.txt"), encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    private static func start(_ arguments: [String]) throws -> Run {
        let file = FileManager.default.temporaryDirectory.appending(path: "live-lab-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = package.appending(path: "Tests/LiveLab/uml/run")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["FWOC_LAB_PROGRAM": program.path, "FWOC_LAB_KEEP": logs]) { $1 }
        process.standardInput = FileHandle.nullDevice
        // A file, not a pipe: nothing can block on a full one.
        process.standardOutput = try FileHandle(forWritingTo: file)
        let both = process.standardOutput
        process.standardError = both
        // The run limits its own time.
        try process.run()
        process.waitUntilExit()
        return Run(exitCode: process.terminationStatus, output: String(decoding: try Data(contentsOf: file), as: UTF8.self))
    }
}
