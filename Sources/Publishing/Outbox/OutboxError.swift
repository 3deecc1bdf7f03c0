/// Why an outbox could not be opened or could not keep an event.
public enum OutboxError: Error, Equatable, Sendable, CustomStringConvertible {
    case invalidSettings(reason: String)
    case noSuchFolder(path: String)
    case notPermitted(path: String, detail: String)
    case busy(path: String)
    case inputOutput(path: String, detail: String)
    case eventTooLarge(bytes: Int, limit: Int)

    public var description: String {
        switch self {
        case .invalidSettings(let reason):
            "outbox: \(reason)"
        case .noSuchFolder(let path):
            "\(path): its folder does not exist; create the folder first, or name another one under outbox.path"
        case .notPermitted(let path, let detail):
            "\(path): not permitted (\(detail)); the file and its folder must belong to the user that runs this"
        case .busy(let path):
            "\(path): another process uses this outbox; stop it, or give each agent its own outbox.path"
        case .inputOutput(let path, let detail):
            "\(path): \(detail); check that the disk works and has space"
        case .eventTooLarge(let bytes, let limit):
            "an event of \(bytes) bytes, at most \(limit) are kept"
        }
    }
}
