import Figures
import Foundation
import Reporting
import Testing

@Suite struct BarChartTests {
    private func chart(_ groups: [BarChart.Group], range: ClosedRange<Double>? = nil) -> MarkupDocument {
        let svg = BarChart("Fusers", label: "AUC", series: ["linear", "EmbraceNet"], groups: groups, range: range).svg()
        #expect(!svg.text.contains("nan") && !svg.text.contains("inf\""))
        return MarkupDocument(svg.text)
    }

    @Test func heightsAreProportional() throws {
        let document = chart([BarChart.Group("triplet", [BarChart.Bar(0.5, lower: 0.25, upper: 0.75), BarChart.Bar(1)])], range: 0...1)
        let bars = document.all("rect", "fp-bar")
        #expect(bars.count == 2)
        let heights = try bars.map { try #require($0.number("height")) }
        #expect(abs(heights[0] * 2 - heights[1]) < 0.05)
        let error = try #require(document.all("line", "fp-error").first)
        let length = abs((error.number("y1") ?? 0) - (error.number("y2") ?? 0))
        #expect(abs(length - heights[0]) < 0.05 && document.all("line", "fp-error").count == 3)
        #expect(document.texts.contains("0.500") && document.texts.contains("linear") && document.texts.contains("EmbraceNet") && document.texts.contains("triplet"))
    }

    @Test func negativeBarsHangDown() throws {
        let document = chart([BarChart.Group("a", [BarChart.Bar(-2), BarChart.Bar(4)])])
        let bars = document.all("rect", "fp-bar")
        let down = try #require(bars.first), up = try #require(bars.last)
        let base = (up.number("y") ?? 0) + (up.number("height") ?? 0)
        #expect(abs((down.number("y") ?? 0) - base) < 0.02 && abs((down.number("height") ?? 0) * 2 - (up.number("height") ?? 0)) < 0.05)
    }

    @Test func missingFiguresAreDashes() {
        let document = chart([BarChart.Group("a", [BarChart.Bar(nil), BarChart.Bar(.nan)]), BarChart.Group("b", [BarChart.Bar(0), BarChart.Bar(0)])])
        #expect(document.isWellFormed && document.texts.count { $0 == "–" } == 2)
        #expect(chart([]).texts.contains("no data"))
        #expect(chart([BarChart.Group(PlotTests.nasty, [])]).isWellFormed)
    }

    @Test func confusionTables() {
        let table = ConfusionTable("Who for whom", names: ["Ann", "Bob <&>", "a name that is far too long to be written beside a table"], counts: [[5, 1, 0], [0, 0, 0], [2, 0, 7]])
        let document = MarkupDocument(table.svg().text)
        #expect(document.isWellFormed)
        #expect(document.texts.contains("5") && document.texts.contains("Bob <&>") && document.texts.contains { $0.hasSuffix("…") })
        #expect(document.all("rect", "fp-cell").count == 9)
        #expect(MarkupDocument(ConfusionTable("none", names: [], counts: []).svg().text).texts.contains("no data"))
    }
}
