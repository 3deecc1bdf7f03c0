public import Foundation

/// Events on disk, one JSON object a line. Thread-bound.
public final class EventFile {
    private let handle: FileHandle
    private let path: String

    /// Creates the file, or empties it.
    public init(path: String) throws(AgentError) {
        self.path = path
        guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path) else {
            throw AgentError(.inputOutput, "\(path): cannot be created; check that its folder exists and is writable")
        }
        self.handle = handle
    }

    public func append(_ line: Data) throws(AgentError) {
        do { try handle.write(contentsOf: line + Data([0x0A])) } catch {
            throw AgentError(.inputOutput, "\(path): writing failed: \(error.localizedDescription)")
        }
    }

    public func finish() throws(AgentError) {
        do { try handle.close() } catch {
            throw AgentError(.inputOutput, "\(path): closing failed: \(error.localizedDescription)")
        }
    }
}
