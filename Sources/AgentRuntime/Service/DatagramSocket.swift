import Glibc

/// The sending end of a UNIX datagram socket, as service manager and journal listen on. Thread-safe: the kernel keeps datagrams whole.
final class DatagramSocket: Sendable {
    /// A path, or a name of the abstract name space that begins with `@`.
    let address: String
    private let descriptor: CInt

    /// The longest path or name in bytes.
    static let longestAddress = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// - Returns: `nil` for an address that is empty or too long, and where the process has no file descriptor left.
    init?(address: String) {
        guard 1...Self.longestAddress ~= address.utf8.count else { return nil }
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        self.address = address
        // A timeval: seconds and microseconds, each a C long. The type itself belongs to a module that cannot be imported by name.
        var longest = (seconds: 1, microseconds: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &longest, socklen_t(MemoryLayout.size(ofValue: longest)))
    }

    deinit { close(descriptor) }

    /// Sends one datagram, waiting at most a second for a receiver that is behind.
    /// - Returns: 0, or why it did not go (errno).
    func send(_ bytes: [UInt8]) -> CInt {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: address.utf8) }
        let isAbstract = address.hasPrefix("@")
        if isAbstract { name.sun_path.0 = 0 }
        // An abstract name is as long as the length says, a path ends with a zero.
        let length = MemoryLayout.offset(of: \sockaddr_un.sun_path)! + address.utf8.count + (isAbstract ? 0 : 1)
        return unsafe withUnsafePointer(to: &name) { name in
            unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                unsafe sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), name, socklen_t(length)) == bytes.count ? 0 : errno
            }
        }
    }
}
