/// Why a bundle is refused. `description` says what was wrong, where, what was expected and what to do.
public enum BundleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No bundle of that name; the folders that were looked in.
    case notFound(name: String, searched: [String])
    case unreadable(path: String, detail: String)
    /// A file that somebody named is not there; what it should be.
    case noFile(path: String, expected: String)
    /// `bundle.yaml` is not what it should be; `key` is the dotted path, line counts from 1.
    case manifest(file: String, line: Int, key: String, problem: String)
    case unknownKey(file: String, line: Int, key: String, nearest: String?, known: [String])
    case noReferenceModels(bundle: String)
    case missingFile(role: BundleRole, path: String, expectedSHA256: String)
    case wrongHash(role: BundleRole, path: String, got: String, expected: String)
    case missingRole(role: BundleRole, bundle: String, present: [BundleRole])
    /// The contract is not what the code does, or not what the network takes.
    case contractMismatch(role: BundleRole, file: String, key: String, got: String, expected: String)
    /// The ONNX file cannot be imported.
    case graph(role: BundleRole, path: String, detail: String)

    /// What kind of failure it is, for the exit code of a command.
    public enum Category: Sendable, Equatable { case configuration, noInput, inputOutput }

    public var category: Category {
        switch self {
        case .notFound, .noFile, .noReferenceModels, .missingFile: .noInput
        case .unreadable: .inputOutput
        case .manifest, .unknownKey, .wrongHash, .missingRole, .contractMismatch, .graph: .configuration
        }
    }

    public var description: String {
        switch self {
        case .notFound(let name, let searched):
            "no bundle ‘\(name)’: looked in \(searched.isEmpty ? "no folder" : searched.joined(separator: ", ")); name a folder that holds a bundle.yaml, or set FWOC_MODELS to where bundles are"
        case .unreadable(let path, let detail):
            "\(path): cannot be read: \(detail)"
        case .noFile(let path, let expected):
            "\(path): no such file; expected \(expected)"
        case .manifest(let file, let line, let key, let problem):
            "\(file):\(line): \(key.isEmpty ? "" : "\(key): ")\(problem)"
        case .unknownKey(let file, let line, let key, let nearest, let known):
            "\(file):\(line): unknown key ‘\(key)’; \(nearest.map { "did you mean ‘\($0)’?" } ?? "known here: \(known.joined(separator: ", "))")"
        case .noReferenceModels(let bundle):
            "bundle \(bundle): its ONNX files are public models that are not part of it; say where they are with --reference-models DIR or FWOC_REFERENCE_MODELS"
        case .missingFile(let role, let path, let sha256):
            "\(role): no file \(path); expected the file with SHA-256 \(sha256)"
        case .wrongHash(let role, let path, let got, let expected):
            "\(role): \(path) is not the file that the bundle was made with: SHA-256 \(got), expected \(expected); fetch it again, or use the bundle that belongs to it"
        case .missingRole(let role, let bundle, let present):
            "bundle \(bundle) has no role \(role), only \(present.map(\.rawValue).sorted().joined(separator: ", ")); choose another bundle with --bundle"
        case .contractMismatch(let role, let file, let key, let got, let expected):
            "\(role): the contract of \(file) does not fit: \(key) is \(got), expected \(expected); the bundle was made for another version of this program or for another network"
        case .graph(let role, let path, let detail):
            "\(role): \(path): \(detail)"
        }
    }
}
