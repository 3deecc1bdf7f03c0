public import Figures

/// A time line of truth against events: for each person when they were there, when they spoke and what they were called, and what was lost when.
public struct ScoreTimeline {
    private static let left = 168.0, right = 24.0, top = 64.0, rowHeight = 13.0, rowGap = 3.0, laneGap = 12.0

    private let score: EventScore
    private let truth: ClipTruth
    private let width: Double

    public init(_ score: EventScore, truth: ClipTruth, width: Double = 960) {
        self.score = score
        self.truth = truth
        self.width = width
    }

    /// One bar on a row.
    private struct Bar {
        var range: TimeRange
        var style: String
        var label = ""
        var extra = ""
    }

    public func svg() -> SVG {
        var elements = [SVG.text("Who was there, who spoke, who was named: \(truth.clip)", x: 16, y: 26, style: "fp-title")]
        elements += legend()
        var y = Self.top
        var bodies: [String] = []
        for person in truth.people {
            let claims = score.claims.filter { $0.person == person.id }
            bodies += lane(
                person.name, y,
                [
                    ("in the picture", person.onScreen.map { Bar(range: $0, style: "fp-bar \(Palette.fill(6))") }),
                    ("speaks", truth.speech.filter { $0.person == person.id }.map { Bar(range: $0.range, style: "fp-bar \(Palette.fill($0.kind == .own ? 0 : 3))", label: $0.kind == .own ? "" : $0.kind.rawValue) }),
                    ("named", claims.map(bar)),
                ])
            y += 3 * (Self.rowHeight + Self.rowGap) + Self.laneGap
        }
        let stray = score.claims.filter { $0.person == nil }
        if !stray.isEmpty {
            bodies += lane("nobody", y, [("named", stray.map(bar))])
            y += Self.rowHeight + Self.rowGap + Self.laneGap
        }
        let losses: [(String, [Bar])] = [("picture", truth.lost.video), ("frozen", truth.lost.frozen), ("sound", truth.lost.sound)].filter { !$0.1.isEmpty }
            .map { ($0.0, $0.1.map { Bar(range: $0, style: "fp-bar \(Palette.fill(4))") }) }
        if !losses.isEmpty {
            bodies += lane("lost", y, losses)
            y += Double(losses.count) * (Self.rowHeight + Self.rowGap) + Self.laneGap
        }
        elements += axis(bottom: y) + bodies
        return SVG(
            width: width, height: y + 36,
            label: "Time line of \(truth.clip): for each person when in the picture, when speaking and what named; and what was lost", elements: elements)
    }

    private func bar(_ claim: EventScore.Claim) -> Bar {
        switch claim.judgement {
        case .right: Bar(range: claim.range, style: "fp-bar \(Palette.fill(2))", label: claim.name)
        case .held: Bar(range: claim.range, style: "fp-band \(Palette.fill(2))", label: claim.name)
        case .wrong: Bar(range: claim.range, style: "fp-bar \(Palette.fill(1))", label: claim.name)
        }
    }

    private func x(_ time: Double) -> Double { Self.left + (width - Self.left - Self.right) * min(max(time / truth.duration, 0), 1) }

    private func lane(_ name: String, _ y: Double, _ rows: [(String, [Bar])]) -> [String] {
        var elements = [SVG.text(SVG.fitted(name, width: 66, size: 12), x: 14, y: y + 11, style: "fp-text")]
        for (index, (label, bars)) in rows.enumerated() {
            let top = y + Double(index) * (Self.rowHeight + Self.rowGap)
            elements.append(SVG.text(label, x: Self.left - 8, y: top + 10, style: "fp-faint", anchor: .end))
            elements.append(SVG.line(Self.left, top + Self.rowHeight, width - Self.right, top + Self.rowHeight, style: "fp-cell"))
            for bar in bars {
                let (from, to) = (x(bar.range.start), x(bar.range.end))
                elements.append(SVG.rectangle(from, top, max(1, to - from), Self.rowHeight, style: bar.style, extra: " rx=\"2\""))
                let label = SVG.fitted(bar.label, width: to - from - 6, size: 11)
                if label.count > 1 { elements.append(SVG.text(label, x: from + 4, y: top + 10, style: "fp-value")) }
            }
        }
        return elements
    }

    private func axis(bottom: Double) -> [String] {
        let ticks = AxisScale.linear.ticks(0...truth.duration, about: 10)
        return ticks.flatMap { tick in
            [
                SVG.line(x(tick), Self.top - 6, x(tick), bottom, style: "fp-grid"),
                SVG.text(AxisFormat.number.text(tick) + " s", x: x(tick), y: bottom + 18, style: "fp-faint", anchor: .middle),
            ]
        }
    }

    private func legend() -> [String] {
        let entries = [("in the picture", 6, "fp-bar"), ("speaks", 0, "fp-bar"), ("silent or dubbed", 3, "fp-bar"), ("rightly named", 2, "fp-bar"), ("held", 2, "fp-band"), ("wrongly named", 1, "fp-bar"), ("lost", 4, "fp-bar")]
        var elements: [String] = [], x = 16.0
        for (name, series, style) in entries {
            elements.append(SVG.rectangle(x, 38, 12, 12, style: "\(style) \(Palette.fill(series))"))
            elements.append(SVG.text(name, x: x + 17, y: 48, style: "fp-text"))
            x += 17 + SVG.width(of: name, size: 12) + 18
        }
        return elements
    }
}
