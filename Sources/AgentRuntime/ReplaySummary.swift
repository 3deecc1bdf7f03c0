import Foundation

/// What a replay cost and what was lost on the way.
public struct ReplaySummary: Sendable, Encodable {
    public struct StageCost: Sendable, Encodable {
        public var label: String
        public var seconds: Double
        public var count: Int
    }

    public var mediaSeconds: Double
    public var wallSeconds: Double
    public var frames: Int
    public var searchedFrames: Int
    public var droppedFrames: Int
    public var samples: Int
    public var droppedSamples: Int
    public var droppedDetections: Int
    /// Faces and unseen voices followed, those too small to be compared included.
    public var appearances: Int
    public var creditedSeconds: Double
    public var offScreenSeconds: Double
    public var contestedSeconds: Double
    /// Sound later than picture, ms; `nil` where it was not measured or too little speech was seen and heard.
    public var soundOffsetMs: Double?
    public var damageCount: Int
    public var damage: [String]
    public var stages: [StageCost]
    public var peakMemoryBytes: Int?
    public var events: Int
    /// No event came of it.
    public var isWithoutAnybody: Bool { events == 0 }
    public var isWithoutSpeech: Bool { creditedSeconds + offScreenSeconds + contestedSeconds == 0 }

    public var realTimeFactor: Double { mediaSeconds / max(wallSeconds, 1e-9) }

    /// A table for people.
    public var table: String {
        func padded(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
        func number(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }
        var lines = ["stage                    calls    ms/call   total ms   share"]
        var rest = wallSeconds
        for stage in stages {
            rest -= stage.seconds
            lines.append(
                stage.label.padding(toLength: 20, withPad: " ", startingAt: 0) + padded("\(stage.count)", 10)
                    + padded(number(stage.seconds * 1000 / Double(max(1, stage.count)), 3), 11)
                    + padded(number(stage.seconds * 1000, 0), 11) + padded(number(100 * stage.seconds / wallSeconds, 1), 7) + " %")
        }
        lines.append(
            "rest".padding(toLength: 20, withPad: " ", startingAt: 0) + padded("", 21) + padded(number(rest * 1000, 0), 11)
                + padded(number(100 * rest / wallSeconds, 1), 7) + " %")
        lines.append("")
        lines.append(
            "\(number(mediaSeconds, 2)) s of media in \(number(wallSeconds, 2)) s: \(number(realTimeFactor, 2)) × real time"
                + (peakMemoryBytes.map { ", peak memory \(number(Double($0) / 1_048_576, 0)) MiB" } ?? ""))
        lines.append(
            "frames \(frames) (searched \(searchedFrames), dropped \(droppedFrames)), samples \(samples) (dropped \(droppedSamples)), "
                + "detections dropped \(droppedDetections)")
        lines.append("followed \(appearances) appearance\(appearances == 1 ? "" : "s")")
        lines.append(
            "speech: \(number(creditedSeconds, 1)) s credited to a face, \(number(offScreenSeconds, 1)) s off screen, "
                + "\(number(contestedSeconds, 1)) s contested")
        if let soundOffsetMs { lines.append("sound \(number(abs(soundOffsetMs), 0)) ms \(soundOffsetMs < 0 ? "earlier" : "later") than the picture, to about 40 ms") }
        if damageCount > 0 {
            lines.append("damage: \(damageCount) place\(damageCount == 1 ? "" : "s") in the file could not be read")
            for entry in damage.prefix(5) { lines.append("  \(entry)") }
            if damageCount > 5 { lines.append("  … and \(damageCount - min(5, damage.count)) more") }
        }
        return lines.joined(separator: "\n")
    }
}
