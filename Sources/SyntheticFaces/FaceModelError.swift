/// What is wrong with a face model's file.
public enum FaceModelError: Error, Hashable, CustomStringConvertible {
    case unreadable(path: String, detail: String)
    case notAFaceModel(path: String, detail: String)
    case damaged(path: String, detail: String)

    public var description: String {
        switch self {
        case .unreadable(let path, let detail): "\(path): cannot be read: \(detail)"
        case .notAFaceModel(let path, let detail): "\(path): not a face model: \(detail); expected a file written by `fwoc-train face-model`"
        case .damaged(let path, let detail): "\(path): a damaged face model: \(detail); copy the file again or compute it with `fwoc-train face-model`"
        }
    }
}
