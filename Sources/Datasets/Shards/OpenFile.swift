import Glibc

/// Owner of a descriptor of a file that is written or locked; closes it.
@safe struct OpenFile: ~Copyable {
    let path: String
    private let descriptor: Int32

    enum Mode { case readOnly, readWrite }

    init(_ path: String, _ mode: Mode, creates: Bool = false) throws(DatasetError) {
        self.path = path
        var flags = mode == .readOnly ? O_RDONLY : O_RDWR
        if creates { flags |= O_CREAT }
        descriptor = unsafe open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path, creates ? "creating" : "opening", errno) }
    }

    deinit { close(descriptor) }

    var byteCount: Int {
        get throws(DatasetError) {
            var information = stat()
            guard unsafe fstat(descriptor, &information) == 0 else { throw Self.failure(path, "looking at", errno) }
            return Int(information.st_size)
        }
    }

    var isRegular: Bool {
        var information = stat()
        return unsafe fstat(descriptor, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
    }

    /// Writes everything at the descriptor's place.
    func write(_ bytes: [UInt8]) throws(DatasetError) {
        var offset = 0
        while offset < bytes.count {
            let (written, code) = unsafe bytes.withUnsafeBytes { buffer in
                let count = unsafe Glibc.write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
                return (count, errno)
            }
            if written < 0 && code == EINTR { continue }
            guard written > 0 else { throw Self.failure(path, "writing \(bytes.count) bytes to", code) }
            offset += written
        }
    }

    /// At most `count` bytes from the descriptor's place; fewer at the end only.
    func read(_ count: Int) throws(DatasetError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let (got, code) = unsafe bytes.withUnsafeMutableBytes { buffer in
                let got = unsafe Glibc.read(descriptor, buffer.baseAddress! + filled, count - filled)
                return (got, errno)
            }
            if got < 0 && code == EINTR { continue }
            guard got >= 0 else { throw Self.failure(path, "reading", code) }
            if got == 0 { break }
            filled += got
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    func truncate(to bytes: Int) throws(DatasetError) {
        guard ftruncate(descriptor, off_t(bytes)) == 0 else { throw Self.failure(path, "shortening", errno) }
        guard lseek(descriptor, off_t(bytes), SEEK_SET) >= 0 else { throw Self.failure(path, "seeking in", errno) }
    }

    /// Returns when what was written is on the disk.
    func synchronise() throws(DatasetError) {
        guard fsync(descriptor) == 0 else { throw Self.failure(path, "writing", errno) }
    }

    /// - Returns: false where another process holds it.
    func lock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    /// Maps the whole file to be read.
    func map(_ count: Int) throws(DatasetError) -> UnsafeRawBufferPointer {
        guard let start = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), unsafe start != MAP_FAILED else {
            throw Self.failure(path, "mapping", errno)
        }
        return unsafe UnsafeRawBufferPointer(start: start, count: count)
    }

    static func rename(_ path: String, to target: String) throws(DatasetError) {
        guard unsafe Glibc.rename(path, target) == 0 else { throw failure(target, "putting a finished file in place of", errno) }
    }

    static func remove(_ path: String) { _ = unsafe unlink(path) }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Writes a whole file beside its place and puts it there, so that whoever reads it sees the old one or the new one.
    static func replace(_ path: String, with bytes: [UInt8]) throws(DatasetError) {
        let temporary = path + ".\(ShardFormat.partialExtension)"
        do {
            let file = try OpenFile(temporary, .readWrite, creates: true)
            try file.truncate(to: 0)
            try file.write(bytes)
            try file.synchronise()
        }
        try rename(temporary, to: path)
    }

    static func failure(_ path: String, _ operation: String, _ code: Int32) -> DatasetError {
        let cause = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        let category: DatasetError.Category = code == ENOENT || code == ENOTDIR ? .noInput : .inputOutput
        let remedy =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: "; make room, or take another folder, and run the same command again: it goes on where it stopped"
            case EACCES, EPERM, EROFS: "; check the permissions of the file and of the folders above it"
            default: ""
            }
        return DatasetError(category, "\(path): \(operation) it failed: \(cause)\(remedy)")
    }
}
