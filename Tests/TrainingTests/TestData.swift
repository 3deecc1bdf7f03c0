import Foundation
import Tensors
import Training

/// Where tests find what is not in the repository, and how they say that it is missing.
enum TestData {
    /// The folder of the public reference models: `FWOC_REFERENCE_MODELS`, else `../shared/teachers` beside the package.
    static let referenceModels: URL? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = ProcessInfo.processInfo.environment["FWOC_REFERENCE_MODELS"].map { URL(fileURLWithPath: $0) }
            ?? root.appendingPathComponent("../shared/teachers").standardizedFileURL
        if FileManager.default.fileExists(atPath: folder.path) { return folder }
        say("SKIPPED: reference models on libtorch; set FWOC_REFERENCE_MODELS (looked in \(folder.path))")
        return nil
    }()

    static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

    /// Numbers in −1 … 1 that are the same everywhere.
    static func noise(_ shape: [Int], seed: UInt64, scale: Float = 1) -> Tensor {
        var generator = SplitMix64(seed: seed)
        return Tensor(shape: shape, values: (0..<Tensor.elementCount(shape)).map { _ in (2 * generator.unit() - 1) * scale })
    }
}

/// Largest difference in units of the largest expected value.
func relativeError(_ got: [Double], _ expected: [Double]) -> Double {
    guard got.count == expected.count else { return .infinity }
    var error = 0.0, scale = 1e-6
    for (a, b) in zip(got, expected) {
        if a.isNaN != b.isNaN { return .infinity }
        if a == b || a.isNaN { continue }
        error = max(error, abs(a - b))
        scale = max(scale, abs(b))
    }
    return error / scale
}
