import Foundation

/// How far long work is: a bar that redraws itself on a terminal, a plain line now and then elsewhere. Thread-bound.
struct ProgressLine {
    private let label: String
    private let start = ContinuousClock.now
    private var lastShown = ContinuousClock.now
    private let isTerminal = Console.isErrorTerminal

    init(label: String) { self.label = label }

    /// - Parameters:
    ///   - done, total: of what is counted; `before` of it was done when the work began, and says nothing about the rate.
    ///   - unit: what is counted, for example `files`.
    ///   - more: what else there is to say, given the seconds that have passed.
    mutating func advance(done: Int, total: Int, before: Int, unit: String, more: (Double) -> String = { _ in "" }) {
        let now = ContinuousClock.now
        guard now - lastShown >= (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        lastShown = now
        let elapsed = max(Self.seconds(now - start), 1e-3)
        let rate = Double(done - before) / elapsed
        let share = total > 0 ? Double(done) / Double(total) : 1
        let left = rate > 0 ? Self.duration(Double(total - done) / rate) : "unknown time"
        let text = String(format: "%d/%d %@ (%.0f %%)  %.1f %@/s%@, %@ left", done, total, unit, share * 100, rate, unit, more(elapsed), left)
        guard isTerminal else { return Console.note("\(label) \(text)") }
        let filled = Int(share * 24)
        Console.status("\(label) \(String(repeating: "█", count: filled))\(String(repeating: "░", count: 24 - filled)) \(text)")
    }

    func finish() { if isTerminal { Console.status("") } }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(.up), 1e9))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
