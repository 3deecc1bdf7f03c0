import Foundation
import MediaTypes

/// What the process takes of the machine. A value that remembers the last look, for rates.
struct ProcessLoad {
    private var lastCPU: Double
    private var lastLook: Instant
    private(set) var cpuPercent: Double?

    init() {
        lastCPU = Self.cpuSeconds
        lastLook = LiveClock.now()
    }

    /// Looks again; rates are since the last look.
    mutating func look() {
        let cpu = Self.cpuSeconds, now = LiveClock.now()
        let wall = (now - lastLook).seconds
        guard wall > 0.2 else { return }
        cpuPercent = 100 * (cpu - lastCPU) / wall
        lastCPU = cpu
        lastLook = now
    }

    static var cpuSeconds: Double {
        ProcessorClock.now().seconds
    }

    static var threads: Int? { entries("/proc/self/task") }
    static var files: Int? { entries("/proc/self/fd").map { $0 - 1 } }
    /// Degrees Celsius of the hottest thermal zone; `nil` where the kernel tells of none.
    static var temperature: Double? {
        guard let zones = try? FileManager.default.contentsOfDirectory(atPath: "/sys/class/thermal") else { return nil }
        return zones.filter { $0.hasPrefix("thermal_zone") }.compactMap { zone in
            (try? String(contentsOfFile: "/sys/class/thermal/\(zone)/temp", encoding: .utf8))
                .flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }.map { $0 / 1000 }
        }.max()
    }

    private static func entries(_ path: String) -> Int? { (try? FileManager.default.contentsOfDirectory(atPath: path))?.count }
}
