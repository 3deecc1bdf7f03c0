public import Foundation

extension EventScore {
    /// Everything as text in columns. The same score gives the same text.
    public func table(events: String, truth: String) -> String {
        var lines = ["\(events) against \(truth): \(Self.seconds(duration)) s, \(people.count) \(people.count == 1 ? "person" : "people")", ""]
        func row(_ name: String, _ tally: Tally, _ extra: String) -> [String] {
            [name, Self.seconds(tally.due), Self.seconds(tally.named), Self.share(tally.recall), Self.share(tally.precision), Self.seconds(tally.wrong), Self.seconds(tally.held), extra]
        }
        let header = ["due s", "named s", "recall", "precision", "wrong s", "held s"]
        lines += Self.columns(
            [["person"] + header + ["first name s"]] + people.map { row($0.name + ($0.isStranger ? " (stranger)" : ""), $0.tally, $0.firstNamed.map(Self.seconds) ?? Self.none) }
                + [row("all", all, "")])
        lines.append("")
        lines += Self.columns(
            [["while"] + header + ["names said", "wrong"]]
                + [("all is there", complete), ("picture lost", withoutVideo), ("sound lost", withoutSound)].map { row($0.0, $0.1, "\($0.1.decisions)") + ["\($0.1.wrongDecisions)"] })
        lines.append("")
        if wrongNames.isEmpty { lines.append("wrong names: none") }
        for wrong in wrongNames {
            let whom = wrong.person.map { id in people.first { $0.id == id }?.name ?? id }
            let times = wrong.ranges.prefix(4).map { "\(Self.seconds($0.start))…\(Self.seconds($0.end))" }.joined(separator: ", ")
            lines.append("wrong name: \(wrong.name) on \(whom == wrong.name ? "\(wrong.name), who was gone" : whom ?? "nobody"), \(Self.seconds(wrong.ranges.duration)) s (\(times)\(wrong.ranges.count > 4 ? ", …" : ""))")
        }
        if let speaking {
            lines.append(
                "speaking faces: average precision \(Self.share(speaking.averagePrecision)) (\(speaking.faces) faces in frames, \(speaking.speaking) of them speaking, \(speaking.missed) more not followed)")
            if let best = speaking.bestAveragePrecision, let delay = speaking.bestDelay, delay > 0 { lines.append("                said \(Self.seconds(delay)) s later: \(Self.share(best)), the best of delays up to 1.5 s") }
        } else {
            lines.append("speaking faces: \(Self.none) (replay with --observations to have them)")
        }
        if let offset {
            func signed(_ value: Double) -> String { (value < 0 ? "−" : "+") + String(format: "%.0f", abs(value * 1000).rounded()) + " ms" }
            lines.append("sound offset: \(signed(offset.measured)) measured, \(signed(offset.truth)) true, error \(signed(offset.error))")
        } else {
            lines.append("sound offset: \(Self.none) (\(speaking == nil ? "replay with --observations --sync to have it" : "not asked for with --sync, or too little speech was seen and heard"))")
        }
        return lines.joined(separator: "\n")
    }

    /// Everything as JSON, keys in alphabetical order.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(Report(score: self))
    }

    /// With the figures that are computed from others.
    private struct Report: Encodable {
        struct Figures: Encodable {
            var due, named, right, wrong, held: Double
            var precision, recall: Double?
            var decisions, wrongDecisions: Int

            init(_ tally: Tally) {
                (due, named, right, wrong, held) = (tally.due, tally.named, tally.right, tally.wrong, tally.held)
                (precision, recall) = (tally.precision, tally.recall)
                (decisions, wrongDecisions) = (tally.decisions, tally.wrongDecisions)
            }
        }

        struct Person: Encodable {
            var id, name: String
            var isStranger: Bool
            var firstNamed: Double?
            var figures: Figures
        }

        struct Offset: Encodable { var measured, truth, error: Double }

        var duration: Double
        var all, complete, withoutVideo, withoutSound: Figures
        var people: [Person]
        var wrongNames: [WrongName]
        var speaking: SpeakingScore?
        var offset: Offset?
        var claims: [Claim]

        init(score: EventScore) {
            duration = score.duration
            (all, complete) = (Figures(score.all), Figures(score.complete))
            (withoutVideo, withoutSound) = (Figures(score.withoutVideo), Figures(score.withoutSound))
            people = score.people.map { Person(id: $0.id, name: $0.name, isStranger: $0.isStranger, firstNamed: $0.firstNamed, figures: Figures($0.tally)) }
            wrongNames = score.wrongNames
            speaking = score.speaking
            offset = score.offset.map { Offset(measured: $0.measured, truth: $0.truth, error: ($0.error * 1e6).rounded() / 1e6) }
            claims = score.claims
        }
    }

    private static let none = "–"
    private static func seconds(_ value: Double) -> String { String(format: "%.2f", value) }
    private static func share(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? none }

    /// The first column to the left, the others to the right.
    private static func columns(_ rows: [[String]]) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}
