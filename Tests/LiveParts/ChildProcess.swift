public import Foundation
import Glibc
import Synchronization

/// What a live test lacks, and what to do about it.
public struct LivePartFailure: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// A program that a test started: what it writes is kept in files, and it is killed with the instance whatever happens.
///
/// Thread-safe: the process is started in `init`, and the moment of its end is behind a lock.
public final class ChildProcess: @unchecked Sendable {
    public let process = Process()
    public let output: URL
    public let errors: URL
    /// Stays open and empty: some programs end with their input.
    private let input = Pipe()
    private let end = Mutex<ContinuousClock.Instant?>(nil)

    /// - Parameters:
    ///   - program: a path, or a name that is looked for in `PATH` and in `/usr/sbin`.
    ///   - environment: is added to the one given as `base`, this process's own by default.
    ///   - folder: gets `NAME.out` and `NAME.err`, which are appended to where they are there.
    public init(
        _ program: String, _ arguments: [String], name: String, in folder: URL, environment: [String: String] = [:],
        base: [String: String] = ProcessInfo.processInfo.environment, workingDirectory: URL? = nil
    ) throws {
        output = folder.appending(path: "\(name).out")
        errors = folder.appending(path: "\(name).err")
        let sinks = try [output, errors].map { file in
            if !FileManager.default.fileExists(atPath: file.path) { try Data().write(to: file) }
            let sink = try FileHandle(forWritingTo: file)
            try sink.seekToEnd()
            return sink
        }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // Tests run on threads that block signals, and a child inherits that.
        process.arguments = ["--default-signal", program] + arguments
        process.environment = base.merging(environment) { $1 }
        process.environment?["PATH", default: "/usr/bin:/bin"] += ":/usr/sbin"
        if let workingDirectory { process.currentDirectoryURL = workingDirectory }
        process.standardInput = input
        process.standardOutput = sinks[0]
        process.standardError = sinks[1]
        process.terminationHandler = { [weak self] _ in self?.end.withLock { $0 = .now } }
        try process.run()
        for sink in sinks { try? sink.close() }
    }

    deinit { kill() }

    public var identifier: Int32 { process.processIdentifier }
    public var isRunning: Bool { process.isRunning }
    /// When it ended, whoever looked; nil while it runs.
    public var ended: ContinuousClock.Instant? { end.withLock { $0 } }
    /// `nil` while it runs, and where a signal ended it.
    public var exitCode: Int32? { ended != nil && process.terminationReason == .exit ? process.terminationStatus : nil }

    public var outputText: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
    public var errorText: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }
    /// Whole lines of standard output: one without its end is still being written.
    public var lines: [String] { outputText.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }

    public func signal(_ number: Int32) { Glibc.kill(process.processIdentifier, number) }

    /// kill -9
    public func kill() {
        guard process.isRunning else { return }
        signal(SIGKILL)
        // Not waitUntilExit: Foundation hears of the end only when everybody is gone who inherited its socket, and a killed program may
        // leave children behind.
        let deadline = ContinuousClock.now + .seconds(5)
        while process.isRunning, ContinuousClock.now < deadline { Thread.sleep(forTimeInterval: 0.005) }
    }

    /// Closes its standard input, which ends some programs in good order, and kills it where that did not.
    public func close(patience: Double) {
        try? input.fileHandleForWriting.close()
        let deadline = ContinuousClock.now + .seconds(patience)
        while process.isRunning, ContinuousClock.now < deadline { Thread.sleep(forTimeInterval: 0.01) }
        kill()
    }

    /// Runs a program to its end.
    public static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}

/// Asks again and again until the condition holds.
/// - Returns: whether it did within the time; it is asked once more after it, since others may have kept this task waiting.
public func eventually(within seconds: Double, _ condition: () throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    repeat {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(30))
    } while ContinuousClock.now < end
    return try condition()
}
