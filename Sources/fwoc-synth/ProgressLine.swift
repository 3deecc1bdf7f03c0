import Foundation

/// How far long work is: a bar that redraws itself on a terminal, a plain line now and then elsewhere. Thread-bound.
struct ProgressLine {
    private let label: String
    private let start = ContinuousClock.now
    private var lastShown = ContinuousClock.now
    private let isTerminal = Console.isErrorTerminal

    init(label: String) { self.label = label }

    /// - Parameters:
    ///   - text: what is done of what.
    ///   - share: of all work, 0…1; `before` of it was done when the work began.
    mutating func advance(_ text: (_ seconds: Double) -> String, share: Double, before: Double = 0) {
        let now = ContinuousClock.now
        guard now - lastShown >= (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        lastShown = now
        let elapsed = max(Self.seconds(now - start), 1e-3)
        let left = share > before ? Self.duration(elapsed * (1 - share) / (share - before)) : "unknown time"
        let line = text(elapsed) + String(format: " (%.0f %%), %@ left", share * 100, left)
        guard isTerminal else { return Console.note("\(label) \(line)") }
        let filled = Int(max(0, min(1, share)) * 24)
        Console.status("\(label) \(String(repeating: "█", count: filled))\(String(repeating: "░", count: 24 - filled)) \(line)")
    }

    var elapsed: Double { Self.seconds(ContinuousClock.now - start) }

    func finish() { if isTerminal { Console.status("") } }

    static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(.up), 1e9))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    private static func seconds(_ duration: Duration) -> Double { Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18 }
}
