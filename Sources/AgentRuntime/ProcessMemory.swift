import Foundation

/// What this process takes of the machine's memory, from `/proc/self/status`.
public enum ProcessMemory {
    /// Largest resident size so far in bytes (`VmHWM`); `nil` where the kernel does not tell.
    public static var peakBytes: Int? { field("VmHWM:") }
    /// Resident size now in bytes (`VmRSS`).
    public static var residentBytes: Int? { field("VmRSS:") }

    private static func field(_ name: String) -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
        for line in status.split(separator: "\n") where line.hasPrefix(name) {
            return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }
}
