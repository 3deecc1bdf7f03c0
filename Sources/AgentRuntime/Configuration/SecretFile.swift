import Foundation
import Glibc

/// A file that holds a secret, with what its permissions give away.
struct SecretFile {
    let path: String
    /// A password is a line, not a document.
    static let longest = 4096

    /// The first line of the file.
    func read() throws(AgentError) -> Secret {
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch { throw unreadable() }
        guard data.count <= Self.longest else { throw AgentError(.configuration, "\(path): longer than \(Self.longest) bytes; expected one line with the password") }
        guard let text = String(data: data, encoding: .utf8) else { throw AgentError(.configuration, "\(path): is no UTF-8 text; expected one line with the password") }
        let line = text.prefix { !$0.isNewline }
        guard !line.isEmpty else { throw AgentError(.configuration, "\(path): its first line is empty; expected the password") }
        return Secret(String(line))
    }

    /// Checks that a file can be read, without reading it.
    func check() throws(AgentError) {
        guard unsafe access(path, R_OK) == 0 else { throw unreadable() }
    }

    /// What is wrong with its permissions, if anything.
    var exposure: String? {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & 0o006 != 0 else { return nil }
        let mode = String(status.st_mode & 0o777, radix: 8)
        return "\(path) can be \(status.st_mode & 0o002 != 0 ? "changed" : "read") by every user (mode \(mode)); run chmod 600 \(path)"
    }

    private func unreadable() -> AgentError {
        // Whichever call failed has just set it; asked again, because Foundation calls others in between.
        let isThere = unsafe access(path, F_OK) == 0 || errno == EACCES
        return isThere
            ? AgentError(
                .noPermission,
                "\(path): the agent’s user must not read it; give it to that user, or hand a password over as the systemd credential mqtt-password")
            : AgentError(.noInput, "\(path): there is no such file")
    }
}
