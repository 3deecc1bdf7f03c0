public import Foundation

/// The networks of one release, by role, with everything that must fit for them to be used: verified files, front-end
/// contracts and thresholds.
///
/// Loading checks the SHA-256 of the files; a role's graph is imported when it is asked for. Immutable and safe to share
/// between threads. A file that also imports Foundation's `Bundle` writes `ModelBundle.Bundle`.
public struct Bundle: Sendable {
    public let manifest: BundleManifest
    /// The folder of `bundle.yaml`.
    public let directory: URL
    /// The folder of the ONNX files.
    public let modelDirectory: URL
    /// `name@sha256:` and twelve hexadecimal digits over the manifest, file hashes included.
    public let fingerprint: String

    /// Loads a bundle and verifies its files.
    ///
    /// - Parameters:
    ///   - nameOrDirectory: a name that is looked for in `locations`, or a folder with a `bundle.yaml` (everything with a `/`).
    ///   - roles: the roles that will be used and must be there; `nil` for all that the bundle has.
    public static func load(
        _ nameOrDirectory: String, locations: BundleLocations, roles: Set<BundleRole>? = nil
    ) throws(BundleError) -> Bundle {
        let directory = try locations.directory(of: nameOrDirectory)
        let file = directory.appending(path: BundleLocations.manifestName).path
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: file)) } catch {
            throw .unreadable(path: file, detail: (error as NSError).localizedFailureReason ?? "\(error)")
        }
        guard let yaml = String(data: data, encoding: .utf8) else {
            throw .manifest(file: file, line: 1, key: "", problem: "not UTF-8 text")
        }
        let bundle = try Bundle(
            manifest: BundleManifest(yaml: yaml, file: file), directory: directory, referenceModels: locations.referenceModels)
        for role in roles?.sorted(by: { $0.rawValue < $1.rawValue }) ?? BundleRole.allCases.filter({ bundle.manifest.roles[$0] != nil }) {
            try bundle.verify(role)
        }
        return bundle
    }

    init(manifest: BundleManifest, directory: URL, referenceModels: URL?) throws(BundleError) {
        self.manifest = manifest
        self.directory = directory
        switch manifest.location {
        case .bundle: modelDirectory = directory
        case .referenceModels:
            guard let referenceModels else { throw .noReferenceModels(bundle: manifest.name) }
            modelDirectory = referenceModels
        }
        fingerprint = "\(manifest.name)@sha256:\(SHA256Digest.hex(of: manifest.canonicalText).prefix(12))"
    }

    /// The roles that the bundle has.
    public var roles: Set<BundleRole> { Set(manifest.roles.keys) }

    /// What the manifest says of a role.
    public func role(_ role: BundleRole) throws(BundleError) -> BundleManifest.Role {
        guard let entry = manifest.roles[role] else {
            throw .missingRole(role: role, bundle: manifest.name, present: Array(manifest.roles.keys))
        }
        return entry
    }

    /// Where a role's ONNX file lies.
    public func path(_ role: BundleRole) throws(BundleError) -> String {
        modelDirectory.appending(path: try self.role(role).file).path
    }

    /// `face-encoder@sha256:` and twelve hexadecimal digits over the file's hash and the contract: what a gallery remembers.
    public func encoderFingerprint(_ role: BundleRole) throws(BundleError) -> String {
        let entry = try self.role(role)
        let text = "fwoc.encoder/1\nrole=\(role)\nfile.sha256=\(entry.sha256)\n\(entry.contract.canonicalText)"
        return "\(role)@sha256:\(SHA256Digest.hex(of: text).prefix(12))"
    }

    /// Checks that a role's file is there and is the one that the bundle was made with.
    public func verify(_ role: BundleRole) throws(BundleError) {
        let entry = try self.role(role)
        let path = try self.path(role)
        let got: String
        do { got = try SHA256Digest.hex(ofFile: path) } catch {
            throw error.isMissing
                ? .missingFile(role: role, path: path, expectedSHA256: entry.sha256)
                : .unreadable(path: path, detail: error.message)
        }
        guard got == entry.sha256 else { throw .wrongHash(role: role, path: path, got: got, expected: entry.sha256) }
    }

    /// Refuses a role whose contract is not what the code does.
    /// - Parameter canonicalText: `FrontEndContract.fingerprint` of the preset that the contract names.
    public func requireContract(_ role: BundleRole, canonicalText: String) throws(BundleError) {
        let entry = try self.role(role)
        if let (key, got, expected) = entry.contract.disagreement(with: canonicalText) {
            throw .contractMismatch(role: role, file: entry.file, key: "contract.\(key)", got: got, expected: expected)
        }
    }

    /// Imports a role's network. The bytes that are imported are those that are verified, whatever happened to the file since
    /// loading, and the manifest's names and sizes are checked against the graph.
    public func graph(_ role: BundleRole) throws(BundleError) -> Graph {
        let entry = try self.role(role)
        let path = try self.path(role)
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw FileManager.default.fileExists(atPath: path)
                ? .unreadable(path: path, detail: (error as NSError).localizedFailureReason ?? "\(error)")
                : .missingFile(role: role, path: path, expectedSHA256: entry.sha256)
        }
        let got = SHA256Digest.hex(of: data.bytes)
        guard got == entry.sha256 else { throw .wrongHash(role: role, path: path, got: got, expected: entry.sha256) }
        let graph: Graph
        do { graph = try Graph(onnx: data) } catch { throw .graph(role: role, path: path, detail: "\(error)") }
        try entry.check(graph, role: role)
        return graph
    }
}
