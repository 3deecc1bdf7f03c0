public import Foundation
public import MediaTypes


/// One moment on the two clocks that an outbox needs: one that nobody sets but that starts again with the machine, and one that
/// survives a reboot but may be set.
public struct OutboxMoment: Hashable, Sendable {
    /// Tells one run of the kernel from another.
    public var boot: String
    /// CLOCK_BOOTTIME: time since the machine started, suspension included.
    public var uptime: TimeSpan
    public var wall: Date

    public init(boot: String, uptime: TimeSpan, wall: Date) {
        self.boot = boot
        self.uptime = uptime
        self.wall = wall
    }

    public static func now() -> OutboxMoment {
        OutboxMoment(boot: runningBoot, uptime: currentUptime(), wall: Date())
    }

    /// CLOCK_BOOTTIME alone.
    static func currentUptime() -> TimeSpan {
        BootClock.now()
    }

    /// Without /proc the moment the machine started stands for the kernel's own identifier, rounded to what clocks agree on.
    private static let runningBoot: String = {
        if let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8) {
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return "started-\(Int64((Date().timeIntervalSince1970 - currentUptime().seconds) / 60))"
    }()
}
