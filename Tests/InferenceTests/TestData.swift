import Foundation

/// Where tests find what is not in the repository, and how they say that it is missing.
enum TestData {
    static let fixtures = Bundle.module.resourceURL!.appendingPathComponent("Fixtures")

    /// The folder of the public reference models: `FWOC_REFERENCE_MODELS`, else `../shared/teachers` beside the package.
    static let referenceModels: URL? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = ProcessInfo.processInfo.environment["FWOC_REFERENCE_MODELS"].map { URL(fileURLWithPath: $0) }
            ?? root.appendingPathComponent("../shared/teachers").standardizedFileURL
        if FileManager.default.fileExists(atPath: folder.path) { return folder }
        say("SKIPPED: comparison with onnxruntime needs the public reference models; set FWOC_REFERENCE_MODELS (looked in \(folder.path))")
        return nil
    }()

    static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
