import Foundation
import Glibc

/// Owner of a file's descriptor that is written at its end; closes it.
///
/// What was appended outlives the process at once, and a power cut after ``synchronise()``.
@safe struct RecordFile: ~Copyable {
    let path: String
    private let descriptor: Int32

    enum Mode { case appending, creating }

    /// - Parameter mode: `creating` refuses a file that is there.
    init(_ path: String, _ mode: Mode) throws(RunRecordError) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (mode == .creating ? O_EXCL : 0), 0o644)
        guard descriptor >= 0 else { throw Self.failure(path, "creating", errno) }
    }

    deinit { close(descriptor) }

    /// Appends all bytes or, where the disk does not take them, none.
    func append(_ bytes: [UInt8]) throws(RunRecordError) {
        var information = stat()
        guard unsafe fstat(descriptor, &information) == 0 else { throw Self.failure(path, "looking at", errno) }
        var offset = 0
        while offset < bytes.count {
            let (written, code) = unsafe bytes.withUnsafeBytes { buffer in
                let count = unsafe Glibc.write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
                return (count, errno)
            }
            if written < 0 && code == EINTR { continue }
            guard written > 0 else {
                // Half a line would make the next one unreadable.
                if offset > 0 { ftruncate(descriptor, information.st_size) }
                throw Self.failure(path, "writing \(bytes.count) bytes to", code)
            }
            offset += written
        }
    }

    /// Returns when what was appended is on the disk.
    func synchronise() throws(RunRecordError) {
        guard fsync(descriptor) == 0 else { throw Self.failure(path, "writing", errno) }
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Writes a whole file beside its place and puts it there, so that whoever reads it sees the old one or the new one.
    static func replace(_ path: String, with bytes: [UInt8]) throws(RunRecordError) {
        let temporary = path + ".partial"
        unlinkQuietly(temporary)
        do {
            let file = try RecordFile(temporary, .creating)
            try file.append(bytes)
            try file.synchronise()
        } catch {
            unlinkQuietly(temporary)
            // Of the file that was asked for, not of the one beside it.
            throw RunRecordError(error.category, error.description.replacing(temporary, with: path))
        }
        guard unsafe rename(temporary, path) == 0 else { throw failure(path, "putting a finished file in place of", errno) }
    }

    private static func unlinkQuietly(_ path: String) { _ = unsafe unlink(path) }

    /// - Returns: `nil` where there is no such file.
    static func contents(_ path: String) throws(RunRecordError) -> Data? {
        guard exists(path) else { return nil }
        do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw RunRecordError(.inputOutput, "\(path): cannot be read: \(error.localizedDescription); check the permissions of the file and of the folders above it")
        }
    }

    static func failure(_ path: String, _ operation: String, _ code: Int32) -> RunRecordError {
        let cause = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        let remedy =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: "; make room and resume the run: it goes on from its last checkpoint"
            case EACCES, EPERM, EROFS: "; check the permissions of the file and of the folders above it"
            default: ""
            }
        return RunRecordError(code == ENOENT || code == ENOTDIR ? .noInput : .inputOutput, "\(path): \(operation) it failed: \(cause)\(remedy)")
    }
}
