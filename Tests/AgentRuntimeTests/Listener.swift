import Foundation
import Glibc

/// A UNIX datagram socket that something is sent to, as systemd and its journal have.
final class Listener: Sendable {
    /// As `NOTIFY_SOCKET` writes it: a path, or an abstract name behind `@`.
    let address: String
    private let descriptor: Int32

    init(address: String) throws {
        self.address = address
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: address.utf8) }
        if address.hasPrefix("@") { name.sun_path.0 = 0 }
        let length = socklen_t(2 + address.utf8.count + (address.hasPrefix("@") ? 0 : 1))
        let result = unsafe withUnsafePointer(to: &name) { unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) } }
        guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// The next datagram, `nil` where none comes in time.
    func next(within seconds: Double = 20) -> [UInt8]? {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&request, 1, Int32(seconds * 1000)) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
        return count >= 0 ? Array(bytes[..<count]) : nil
    }

    func nextText(within seconds: Double = 20) -> String? { next(within: seconds).map { String(decoding: $0, as: UTF8.self) } }

    /// Throws away what has come.
    func drain() { while next(within: 0) != nil {} }
}

/// Waits until something is so, generously: the machine may be busy.
func eventually(_ isSo: () -> Bool) async -> Bool {
    for _ in 0..<2000 {
        if isSo() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}
