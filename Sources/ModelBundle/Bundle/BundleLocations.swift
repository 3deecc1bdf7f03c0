public import Foundation

/// Where bundles and the public reference models are looked for.
public struct BundleLocations: Sendable, Hashable {
    static let manifestName = "bundle.yaml"

    /// Folders that hold bundles, in the order in which they are searched.
    public var searchPaths: [URL]
    /// The folder of the public models, for bundles that take their files from there.
    public var referenceModels: URL?

    public init(searchPaths: [URL], referenceModels: URL? = nil) {
        self.searchPaths = searchPaths
        self.referenceModels = referenceModels
    }

    /// The locations of a command: the folders of `FWOC_MODELS` (separated by colons), then `models` in the working directory,
    /// then `/usr/share/fwoc/models`. What somebody set for this process goes before what happens to be installed.
    ///
    /// - Parameters:
    ///   - referenceModels: the value of `--reference-models`, which goes before `FWOC_REFERENCE_MODELS`.
    public init(environment: [String: String], workingDirectory: URL, referenceModels: String? = nil) {
        func folder(_ path: String) -> URL {
            (path.hasPrefix("/") ? URL(fileURLWithPath: path) : workingDirectory.appending(path: path)).standardizedFileURL
        }
        let set = (environment["FWOC_MODELS"] ?? "").split(separator: ":").map { folder(String($0)) }
        searchPaths = set + [folder("models"), folder("/usr/share/fwoc/models")]
        let models = referenceModels ?? environment["FWOC_REFERENCE_MODELS"]
        self.referenceModels = models.flatMap { $0.isEmpty ? nil : folder($0) }
    }

    /// Names of all bundles in the search paths, each where it is found first.
    public func bundles() -> [(name: String, directory: URL)] {
        var found: [(name: String, directory: URL)] = []
        for path in searchPaths {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
            for name in names.sorted() where !found.contains(where: { $0.name == name }) {
                let directory = path.appending(path: name)
                if Self.hasManifest(directory) { found.append((name, directory)) }
            }
        }
        return found
    }

    func directory(of nameOrDirectory: String) throws(BundleError) -> URL {
        if nameOrDirectory.contains("/") || nameOrDirectory == "." || nameOrDirectory == ".." {
            let directory = URL(fileURLWithPath: nameOrDirectory, isDirectory: true)
            guard Self.hasManifest(directory) else { throw .notFound(name: nameOrDirectory, searched: [directory.path]) }
            return directory
        }
        for path in searchPaths {
            let directory = path.appending(path: nameOrDirectory)
            if !nameOrDirectory.isEmpty, Self.hasManifest(directory) { return directory }
        }
        throw .notFound(name: nameOrDirectory, searched: searchPaths.map(\.path))
    }

    private static func hasManifest(_ directory: URL) -> Bool {
        FileManager.default.fileExists(atPath: directory.appending(path: manifestName).path)
    }
}
