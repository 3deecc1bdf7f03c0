import Foundation

/// How far long work is: a bar that redraws itself on a terminal, a plain line now and then elsewhere.
struct ProgressLine {
    /// What is counted.
    enum Unit {
        case mediaSeconds, files
    }

    private let label: String
    private let total: Double?
    private let unit: Unit
    private let start = ContinuousClock.now
    private var lastShown = ContinuousClock.now
    private let isTerminal = Console.isErrorTerminal

    /// - Parameter total: seconds of media or files in all, where known.
    init(label: String, total: Double?, unit: Unit = .mediaSeconds) {
        self.label = label
        self.total = total
        self.unit = unit
    }

    /// - Parameter done: of the same unit as the total.
    mutating func advance(to done: Double) {
        let now = ContinuousClock.now
        guard now - lastShown >= (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        lastShown = now
        let elapsed = Self.seconds(now - start)
        let rate = done / max(elapsed, 1e-3)
        let speed = String(format: unit == .files ? "%.1f files/s" : "%.1f × real time", rate)
        var text = String(format: unit == .files ? "%@ %.0f files, %@" : "%@ %.1f s, %@", label, done, speed)
        if let total, total > 0 {
            let share = min(1, done / total)
            let filled = Int(share * 24)
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
            text = String(
                format: "%@ %@ %3.0f %%  %@, %.0f s left", label, bar, share * 100, speed, max(0, (total - done) / max(rate, 1e-3)))
        }
        if isTerminal { Console.status(text) } else { Console.note(text) }
    }

    func finish() { if isTerminal { Console.status("") } }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
