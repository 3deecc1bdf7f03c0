import Dispatch
import Glibc

/// Tells systemd how the service is doing: sd_notify(3) spoken directly on `$NOTIFY_SOCKET`, without libsystemd.
///
/// Outside of systemd there is nobody to tell, and every call does nothing. Thread-safe. Not for real-time threads: it allocates, and
/// waits up to a second for a service manager that is behind.
public final class ServiceNotifier: Sendable {
    private let socket: DatagramSocket?
    /// Within this time systemd wants to hear ``watchdog()`` again, or it restarts the service; `nil` without `WatchdogSec=`.
    public let watchdogInterval: Duration?

    /// Whether somebody listens.
    public var isConnected: Bool { socket != nil }

    /// - Parameters:
    ///   - environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///   - process: the own process id; a watchdog that is meant for another process is none.
    public init(environment: [String: String], process: Int32 = getpid()) {
        // Besides paths and abstract names systemd knows vsock:… for virtual machines, which no service gets.
        socket = environment["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? DatagramSocket(address: $0) : nil }
        let isForUs = environment["WATCHDOG_PID"].map { Int32($0) == process } ?? true
        watchdogInterval = environment["WATCHDOG_USEC"].flatMap(Int64.init).flatMap { isForUs && $0 > 0 ? .microseconds($0) : nil }
    }

    /// Start or reload is done.
    @discardableResult public func ready(status: String? = nil) -> Bool { send(["READY=1"] + Self.line(status)) }

    /// A reload begins; ``ready(status:)`` ends it. With `Type=notify-reload` systemd wants to know when.
    @discardableResult public func reloading() -> Bool {
        // Dispatch's uptime is CLOCK_MONOTONIC on Linux.
        send(["RELOADING=1", "MONOTONIC_USEC=\(DispatchTime.now().uptimeNanoseconds / 1000)"])
    }

    /// The service stops.
    @discardableResult public func stopping(status: String? = nil) -> Bool { send(["STOPPING=1"] + Self.line(status)) }

    /// One line for `systemctl status`.
    @discardableResult public func status(_ text: String) -> Bool { send(Self.line(text)) }

    /// The service is alive. ``Watchdog`` calls this, and only while there is progress.
    @discardableResult public func watchdog() -> Bool { send(["WATCHDOG=1"]) }

    /// Start or stop takes longer than the unit allows: at most this long from now.
    @discardableResult public func extendTimeout(by duration: Duration) -> Bool {
        send(["EXTEND_TIMEOUT_USEC=\(duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000)"])
    }

    private static func line(_ status: String?) -> [String] {
        // A line break would begin another assignment.
        status.map { ["STATUS=" + String($0.map { $0.isNewline ? " " : $0 })] } ?? []
    }

    /// - Returns: whether it was handed over.
    private func send(_ assignments: [String]) -> Bool { socket.map { $0.send(Array(assignments.joined(separator: "\n").utf8)) == 0 } ?? false }
}
