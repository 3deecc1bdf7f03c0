import CLinux
import Glibc

/// Where and how urgently a device's thread runs.
public struct ThreadPlacement: Hashable, Sendable {
    /// Bit n allows processor n; nil for all.
    public var processors: UInt64?
    /// −20 (most urgent) … 19; nil leaves it.
    public var nice: Int?
    /// 1…99, round-robin real-time scheduling; nil for the ordinary scheduler.
    public var realtimePriority: Int?

    public init(processors: UInt64? = nil, nice: Int? = nil, realtimePriority: Int? = nil) {
        self.processors = processors
        self.nice = nice
        self.realtimePriority = realtimePriority
    }

    /// Names the calling thread, and applies the placement to it.
    /// - Parameter name: at most 15 bytes are kept.
    /// - Returns: what the system refused, and why; the thread runs on without that.
    public func apply(name: String) -> [String] {
        _ = unsafe fwoc_name_thread(name)
        return apply()
    }

    /// Applies it to the calling thread.
    /// - Returns: what the system refused, and why; the thread runs on without that.
    func apply() -> [String] {
        var refusals: [String] = []
        func check(_ what: String, _ result: CInt) {
            guard result != 0 else { return }
            let remedy = result == EPERM ? "; grant CAP_SYS_NICE (systemd: AmbientCapabilities=, LimitRTPRIO=) or leave it out" : ""
            refusals.append("\(what): \(ErrorNumber(result))\(remedy)")
        }
        if let processors { check("processor mask 0x\(String(processors, radix: 16))", fwoc_pin_thread(processors)) }
        if let nice { check("nice value \(nice)", fwoc_nice_thread(CInt(clamping: nice))) }
        if let realtimePriority { check("real-time priority \(realtimePriority)", fwoc_realtime_thread(CInt(clamping: realtimePriority))) }
        return refusals
    }
}
