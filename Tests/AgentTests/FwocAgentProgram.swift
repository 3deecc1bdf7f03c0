import Dispatch
import Foundation
import LiveParts

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The program that the build put beside these tests, run as a shell runs it.
enum FwocAgentProgram {
    struct Run: Sendable, CustomStringConvertible {
        var arguments: [String]
        /// `nil` where a signal ended it.
        var exitCode: Int32?
        /// It did not end by itself and was killed.
        var isTimedOut: Bool
        var output: String
        var errors: String

        /// Standard output, line by line.
        var lines: [String] { output.split(separator: "\n").map(String.init) }

        var description: String {
            let ending = isTimedOut ? "killed after \(FwocAgentProgram.longestRun) s" : exitCode.map { "exit code \($0)" } ?? "ended by a signal"
            return "fwoc-agent \(arguments.joined(separator: " ")): \(ending)\n\(output)\(errors)"
        }
    }

    static let url = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "fwoc-agent")
    /// Seconds after which a run counts as hung.
    static let longestRun = 120
    /// What would make a run depend on who runs the tests.
    private static let ownVariables = ["FWOC_GALLERY", "FWOC_INSTANCE", "FWOC_MODELS", "FWOC_PROFILES", "FWOC_REFERENCE_MODELS", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"]

    /// Runs the program in the package's folder, where the reference bundle is found.
    /// - Parameter environment: is added to this process's own without the `FWOC_` variables.
    static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Run {
        let folder = try ScratchFolder()
        // Files, not pipes: nothing can block on a full one.
        let outputFile = folder.url.appending(path: "output"), errorFile = folder.url.appending(path: "errors")
        for file in [outputFile, errorFile] { try Data().write(to: file) }

        let process = Process()
        process.executableURL = url
        process.arguments = arguments
        process.currentDirectoryURL = TestData.package
        process.environment = baseEnvironment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        let isTimedOut = ended.wait(timeout: .now() + .seconds(longestRun)) == .timedOut
        if isTimedOut {
            kill(process.processIdentifier, SIGKILL)
            ended.wait()
        }
        return Run(
            arguments: arguments, exitCode: process.terminationReason == .exit ? process.terminationStatus : nil, isTimedOut: isTimedOut,
            output: String(decoding: try Data(contentsOf: outputFile), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errorFile), as: UTF8.self))
    }

    private static var baseEnvironment: [String: String] { ProcessInfo.processInfo.environment.filter { !ownVariables.contains($0.key) } }

    /// Starts the program, which runs until it is told to end or the process is released.
    static func start(_ arguments: [String], name: String, in folder: URL, environment: [String: String]) throws -> ChildProcess {
        try ChildProcess(
            url.path, arguments, name: name, in: folder, environment: environment, base: baseEnvironment, workingDirectory: TestData.package)
    }

    /// Runs the program with the public reference models.
    static func runWithModels(_ arguments: [String]) throws -> Run {
        try run(arguments, environment: ["FWOC_REFERENCE_MODELS": TestData.referenceModels ?? ""])
    }
}

/// A folder of its own that is removed with the instance.
final class ScratchFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    /// Writes a file and says where it is.
    func write(_ bytes: Data, to name: String) throws -> String {
        try bytes.write(to: url.appending(path: name))
        return path(name)
    }

    func write(_ text: String, to name: String) throws -> String { try write(Data(text.utf8), to: name) }
}
