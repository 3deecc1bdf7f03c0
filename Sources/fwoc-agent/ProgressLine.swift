import Foundation

/// How far long work is: a bar that redraws itself on a terminal, a plain line now and then elsewhere.
struct ProgressLine {
    private let label: String
    private let total: Double?
    private let start = ContinuousClock.now
    private var lastShown = ContinuousClock.now
    private let isTerminal = Console.isErrorTerminal

    /// - Parameter total: seconds of media in all, where known.
    init(label: String, total: Double?) {
        self.label = label
        self.total = total
    }

    mutating func advance(to seconds: Double) {
        let now = ContinuousClock.now
        guard now - lastShown >= (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        lastShown = now
        let elapsed = Self.seconds(now - start)
        let rate = seconds / max(elapsed, 1e-3)
        var text = String(format: "%@ %.1f s, %.1f × real time", label, seconds, rate)
        if let total, total > 0 {
            let share = min(1, seconds / total)
            let filled = Int(share * 24)
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
            text = String(
                format: "%@ %@ %3.0f %%  %.1f × real time, %.0f s left", label, bar, share * 100, rate, max(0, (total - seconds) / max(rate, 1e-3)))
        }
        if isTerminal { Console.status(text) } else { Console.note(text) }
    }

    func finish() { if isTerminal { Console.status("") } }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
