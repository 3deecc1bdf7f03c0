import Foundation
import ModelBundle
import Testing

/// Where the public models are: `FWOC_REFERENCE_MODELS`, else `../shared/teachers` beside the package.
private enum ReferenceModels {
    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let folder: URL? = {
        let set = ProcessInfo.processInfo.environment["FWOC_REFERENCE_MODELS"].map { URL(fileURLWithPath: $0) }
        let folder = set ?? package.deletingLastPathComponent().appending(path: "shared/teachers")
        if FileManager.default.fileExists(atPath: folder.path) { return folder }
        FileHandle.standardError.write(
            Data("SKIPPED: the reference bundle's files are not checked; needs the public models at \(folder.path) (FWOC_REFERENCE_MODELS)\n".utf8))
        return nil
    }()
}

@Suite struct BundleReferenceTests {
    @Test func `The reference manifest is valid and names all roles of the pipeline`() throws {
        let file = ReferenceModels.package.appending(path: "models/reference/bundle.yaml")
        let manifest = try BundleManifest(yaml: String(contentsOf: file, encoding: .utf8), file: file.path)
        #expect(manifest.location == .referenceModels)
        #expect(
            Set(manifest.roles.keys) == [.faceDetector, .faceLandmarks, .faceEncoder, .voiceEncoder, .voiceActivity, .speakingFace])
        #expect(manifest.roles.values.allSatisfy { $0.licence != nil && $0.origin != nil })
        #expect(manifest.matching != nil)
    }

    // Needs the public models, which are not part of this project; says so on standard error where they are missing.
    @Test(.enabled(if: ReferenceModels.folder != nil, "needs the public models (FWOC_REFERENCE_MODELS)"))
    func `The public models are those that the manifest describes`() throws {
        let locations = BundleLocations(searchPaths: [ReferenceModels.package.appending(path: "models")], referenceModels: ReferenceModels.folder)
        let bundle = try ModelBundle.Bundle.load("reference", locations: locations)
        for role in bundle.roles.sorted(by: { $0.rawValue < $1.rawValue }) {
            let graph = try bundle.graph(role)
            #expect(graph.parameterCount > 1000, "\(role)")
        }
    }
}
