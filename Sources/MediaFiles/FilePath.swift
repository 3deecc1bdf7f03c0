#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What the operating system says of a path before anything is read.
enum FilePath {
    /// The size in bytes of a regular file that is not empty; otherwise the error that says what it is.
    static func size(_ path: String) throws(MediaError) -> Int64 {
        var information = stat()
        guard unsafe stat(path, &information) == 0 else { throw failure(path, errno) }
        switch information.st_mode & S_IFMT {
        case S_IFDIR: throw .directory(path: path)
        case S_IFREG: break
        default: throw .notRegularFile(path: path)
        }
        guard unsafe access(path, R_OK) == 0 else { throw failure(path, errno) }
        guard information.st_size > 0 else { throw .emptyFile(path: path) }
        return Int64(information.st_size)
    }

    static func failure(_ path: String, _ code: Int32) -> MediaError {
        switch code {
        case ENOENT, ENOTDIR: .noSuchFile(path: path)
        case EACCES, EPERM: .permissionDenied(path: path)
        case EISDIR: .directory(path: path)
        default: .readFailed(path: path, detail: message(code))
        }
    }

    /// Refuses a place for a new file that is a folder or a device.
    static func checkTarget(_ path: String) throws(MediaError) {
        var information = stat()
        guard unsafe stat(path, &information) == 0 else { return }
        switch information.st_mode & S_IFMT {
        case S_IFDIR: throw .directory(path: path)
        case S_IFREG: return
        default: throw .notRegularFile(path: path)
        }
    }

    static func creationFailure(_ path: String, _ code: Int32) -> MediaError {
        code == EACCES || code == EPERM ? .permissionDenied(path: path) : .writeFailed(path: path, operation: "creating the file", detail: message(code))
    }

    static func message(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    static func replace(_ path: String, with temporary: String) -> Int32 { unsafe rename(temporary, path) == 0 ? 0 : errno }

    static func remove(_ path: String) { _ = unsafe unlink(path) }
}
