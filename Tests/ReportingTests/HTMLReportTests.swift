import Figures
import Foundation
import Reporting
import Testing

@Suite struct HTMLReportTests {
    private var page: HTMLReport {
        let plot = Plot("curve", x: .init("x"), y: .init("y"), marks: [.line(name: "a", points: [Plot.Point(0, 0), Plot.Point(1, 1)], band: [])])
        return HTMLReport(
            title: PlotTests.nasty, subtitle: "of 1 & 2",
            sections: [
                HTMLReport.Section("Figures <1>", [
                    .text("First.\n\nSecond & <b>last</b>."),
                    .table(ReportTable(header: ["metric", PlotTests.nasty], rows: [["auc", "0.98 [0.97, 0.99]"], ["eer"]], caption: "a & b")),
                    .figure(plot.svg(), caption: "x < y"), .figures([plot.svg(), plot.svg()]),
                ]),
                HTMLReport.Section("Pictures", [
                    .pictures([HTMLReport.Picture(bytes: Data([0x89, 0x50, 0x4E, 0x47, 0xFF]), format: .png, caption: "\"quoted\"")]),
                    .details(summary: "settings", text: "{\"seed\": 1}"),
                ]),
            ])
    }

    @Test func isWellFormedAndSelfContained() throws {
        let html = page.html
        // XML knows no DOCTYPE html without a definition; the rest is XML.
        let document = MarkupDocument(html.replacingOccurrences(of: "<!DOCTYPE html>\n", with: ""))
        #expect(document.isWellFormed, "\(document.complaint ?? "")")
        #expect(html.hasPrefix("<!DOCTYPE html>"))
        #expect(document.all("script").isEmpty && document.all("link").isEmpty && document.all("b").isEmpty)
        #expect(document.all("h2").map(\.text) == ["Figures <1>", "Pictures"] && document.all("p").count == 3)
        let image = try #require(document.all("img").first)
        #expect(image.attributes["src"] == "data:image/png;base64,iVBOR/8=" && image.attributes["alt"] == "\"quoted\"")
        #expect(document.all("img").count == 1 && !html.contains("src=\"http") && !html.contains("url("))
        #expect(document.all("svg").count == 6)
        let targets = Set(document.elements.compactMap { $0.attributes["id"] })
        let links = document.all("a").compactMap { $0.attributes["href"]?.dropFirst() }.map(String.init)
        #expect(links.count == 2 && Set(links).isSubset(of: targets))
    }

    @Test func tablesPadTheirRows() {
        let document = MarkupDocument(page.html.replacingOccurrences(of: "<!DOCTYPE html>\n", with: ""))
        #expect(document.all("td").count == 4 && document.all("th").count == 2)
        #expect(document.all("td", "n").count == 2, "figures stand on the right")
        #expect(MarkupDocument(HTMLReport(title: "").html.replacingOccurrences(of: "<!DOCTYPE html>\n", with: "")).isWellFormed)
    }

    @Test func markdownTables() {
        let table = ReportTable(header: ["a|b", "n"], rows: [["<x>\ny", "1.5"], ["z"]], caption: "c")
        #expect(table.markdown == "| a\\|b | n |\n|---|---:|\n| &lt;x> y | 1.5 |\n| z |  |\n\nc\n")
        #expect(ReportTable(header: ["a"], rows: []).markdown == "| a |\n|---|\n")
    }
}
