import Foundation

/// Where tests find what is not in the repository, and how they say that it is missing.
enum TestData {
    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let bundleManifest = package.appending(path: "models/reference/bundle.yaml")

    /// The folder of the public reference models: `FWOC_REFERENCE_MODELS`, else `../shared/teachers` beside the package.
    static let referenceModels: String? = {
        let path = found("FWOC_REFERENCE_MODELS", else: "teachers").path
        if FileManager.default.fileExists(atPath: path + "/face_mbf_512.onnx") { return path }
        say("SKIPPED: running the program on clips needs the public reference models; set FWOC_REFERENCE_MODELS (looked in \(path))")
        return nil
    }()

    /// The folder of the real clips, below `FWOC_SHARED_DATA`, else below `../shared/data` beside the package.
    static let clips: String? = {
        let path = found("FWOC_SHARED_DATA", else: "data").path + "/clips-wild"
        if FileManager.default.fileExists(atPath: path) { return path }
        say("SKIPPED: recognition of real people needs \(path); set FWOC_SHARED_DATA")
        return nil
    }()

    static let canRecognise = referenceModels != nil && clips != nil

    /// Whether the program `ffmpeg` is there, which takes clips apart without touching their content.
    static let hasFFmpeg: Bool = {
        if (try? ffmpeg(["-version"])) == true { return true }
        say("SKIPPED: clips without sound, without picture and cut in their middle need the program ffmpeg")
        return false
    }()

    static func clip(_ name: String) -> String { (clips ?? "") + "/" + name }

    /// - Returns: whether it did its work.
    static func ffmpeg(_ arguments: [String]) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["ffmpeg", "-nostdin", "-v", "error"] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    private static func found(_ variable: String, else folder: String) -> URL {
        ProcessInfo.processInfo.environment[variable].map { URL(fileURLWithPath: $0) }
            ?? package.deletingLastPathComponent().appending(path: "shared").appending(path: folder)
    }

    private static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
