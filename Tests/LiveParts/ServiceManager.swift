public import Foundation
import Glibc
import Synchronization

/// What systemd is to a service: a datagram socket that it writes its state to.
///
/// Thread-safe: a thread of its own receives, what it got is behind a lock.
public final class ServiceManager: Sendable {
    public struct Message: Sendable {
        /// `READY=1` and the like.
        public var assignments: [String]
        public var arrival: ContinuousClock.Instant
    }

    /// `NOTIFY_SOCKET`
    public let address: String
    private let descriptor: Int32
    private let received = Mutex<[Message]>([])

    /// - Parameter folder: gets the socket; its path is at most 90 bytes.
    public init(in folder: URL) throws {
        address = folder.appending(path: "notify").path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let path = Array(address.utf8)
        guard path.count <= 90 else { throw LivePartFailure("\(address) is too long for a socket; set TMPDIR to a shorter folder") }
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path) }
        let isBound = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 }
        }
        guard isBound else { throw LivePartFailure("no socket at \(address)") }
        let thread = Thread { [weak self, descriptor] in
            var buffer = [UInt8](repeating: 0, count: 8192)
            while true {
                let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0, let self else { break }
                let text = String(decoding: buffer.prefix(count), as: UTF8.self)
                received.withLock { $0.append(Message(assignments: text.split(separator: "\n").map(String.init), arrival: .now)) }
            }
            close(descriptor)
        }
        thread.start()
    }

    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

    public var messages: [Message] { received.withLock { $0 } }
    public var assignments: [String] { messages.flatMap(\.assignments) }
    public func count(_ assignment: String) -> Int { assignments.count { $0 == assignment } }
    public func arrivals(of assignment: String) -> [ContinuousClock.Instant] { messages.filter { $0.assignments.contains(assignment) }.map(\.arrival) }
}
