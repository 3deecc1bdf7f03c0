import Foundation
import Testing

/// A folder of a test's own, removed with it.
final class ScratchFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "fwoc-datasets-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// - Returns: the path of a file in it, whose folder exists.
    func file(_ name: String) throws -> String {
        let file = path + "/" + name
        try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        return file
    }

    static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
    static func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    /// Names and contents of a folder's files of these kinds.
    static func contents(_ folder: String, _ suffix: String) throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(suffix) { contents[name] = try bytes(folder + "/" + name) }
        return contents
    }
}

/// Programs that tests run.
enum Programs {
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The built program, beside the test bundle's resources.
    static let train = Foundation.Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "fwoc-train").path

    static func run(_ program: String, _ arguments: [String]) throws -> Outcome {
        let scratch = try ScratchFolder()
        let (output, errors) = (try scratch.file("out"), try scratch.file("err"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        FileManager.default.createFile(atPath: output, contents: nil)
        FileManager.default.createFile(atPath: errors, contents: nil)
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8), errors: try String(contentsOfFile: errors, encoding: .utf8))
    }

    /// FFmpeg's program, which makes the media of these tests.
    static func ffmpeg(_ arguments: [String]) throws {
        let outcome = try run("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y"] + arguments)
        try #require(outcome.status == 0, "ffmpeg: \(outcome.errors)")
    }

    /// Pictures of 112×112, none like the other, in folders of `identities` people. FFmpeg's moving test pattern: no faces.
    static func alignedPictures(_ count: Int, identities: Int, in folder: ScratchFolder) throws -> String {
        let raw = try folder.file("raw/x")
        try ffmpeg(["-f", "lavfi", "-i", "testsrc2=size=112x112:rate=25", "-frames:v", "\(count)", (raw as NSString).deletingLastPathComponent + "/%05d.png"])
        for number in 1...count {
            let name = String(repeating: "0", count: 5 - "\(number)".count) + "\(number).png"
            try FileManager.default.moveItem(atPath: folder.path + "/raw/\(name)", toPath: try folder.file("people/person \(number % identities)/\(name)"))
        }
        return folder.path + "/people"
    }
}

/// Real data and the public models: where `FWOC_REFERENCE_MODELS` and `FWOC_SHARED_DATA` say, else beside the package.
enum RealData {
    private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func folder(_ variable: String, _ beside: String, _ probe: String) -> String? {
        let path = ProcessInfo.processInfo.environment[variable] ?? package.deletingLastPathComponent().appending(path: "shared/\(beside)").path
        guard FileManager.default.fileExists(atPath: path + "/" + probe) else {
            FileHandle.standardError.write(Data("SKIPPED: tests of DatasetsTests on real media need \(probe); set \(variable) to its folder\n".utf8))
            return nil
        }
        return path
    }

    static let models = folder("FWOC_REFERENCE_MODELS", "teachers", "yunet_n_dynamic.onnx")
    static let clips = folder("FWOC_SHARED_DATA", "data", "clips-wild").map { $0 + "/clips-wild" }
    static let bundle = package.appending(path: "models/reference").path
}
