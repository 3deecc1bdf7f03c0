import Foundation

/// A folder of its own that is removed with the instance, and what these tests do with files.
final class Scratch: Sendable {
    let url: URL

    init() throws {
        // Short: the path of a UNIX socket has 107 bytes.
        url = URL(fileURLWithPath: NSTemporaryDirectory()).appending(path: "fwoc-\(UUID().uuidString.prefix(13))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    /// Writes a file, with its folders.
    @discardableResult
    func write(_ text: String, to name: String, mode: Int = 0o600) throws -> URL {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
        return file
    }
}

/// The package's own files.
enum Package {
    static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let profiles = folder.appending(path: "firmware-profiles")
    static let systemd = folder.appending(path: "systemd")

    static func text(_ path: String) throws -> String { try String(contentsOf: folder.appending(path: path), encoding: .utf8) }
}

/// A program of the system that a test needs.
struct Tool {
    struct Result {
        var exitCode: Int32
        /// Standard output and standard error together.
        var output: String
    }

    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    /// - Throws: ``Missing`` where the program is not there; that is a failure, not a reason to skip.
    static func run(_ program: String, _ arguments: [String], input: Data = Data(), environment: [String: String] = [:], folder: URL? = nil) throws -> Result {
        let path = program.contains("/") ? program : "/usr/bin/\(program)"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Missing(description: "\(path) is not installed; run make setup")
        }
        let scratch = try Scratch()
        let output = try scratch.write("", to: "output"), given = scratch.url.appending(path: "input")
        try input.write(to: given)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = folder
        process.standardInput = try FileHandle(forReadingFrom: given)
        // A file, not a pipe: nothing can block on a full one.
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        process.waitUntilExit()
        return Result(exitCode: process.terminationStatus, output: String(decoding: try Data(contentsOf: output), as: UTF8.self))
    }
}
