import Figures
import Biometrics
import Foundation
import Reporting
import Testing

@Suite struct PlotTests {
    static let nasty = "a < b & \"c\" > 'd' ]]> \u{1}\u{B} é 日本 <script>"

    /// The corners of a path's line, as `M`/`L` pairs.
    private func corners(_ path: String) -> [(Double, Double)] {
        path.split { $0 == "M" || $0 == "L" || $0 == "Z" }.compactMap { pair in
            let parts = pair.split(separator: " ").compactMap { Double($0) }
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
    }

    private func line(_ points: [(Double, Double)], band: [Plot.Spread] = []) -> Plot.Mark {
        .line(name: "series", points: points.map { Plot.Point($0.0, $0.1) }, band: band)
    }

    /// The inner drawing's size and the corners of the first line in it.
    private func drawn(_ plot: Plot) throws -> (width: Double, height: Double, corners: [(Double, Double)]) {
        let document = MarkupDocument(plot.svg().text)
        #expect(document.isWellFormed, "\(document.complaint ?? "")")
        let inner = try #require(document.all("svg").last)
        let path = document.all("path", "fp-line").first?.attributes["d"] ?? ""
        return (try #require(inner.number("width")), try #require(inner.number("height")), corners(path))
    }

    @Test func linearAxesMapTheirRange() throws {
        let plot = Plot("t", x: .init("x", range: 0...10), y: .init("y", range: -1...1), marks: [line([(0, -1), (5, 0), (10, 1)])])
        let (width, height, corners) = try drawn(plot)
        let expected = [(0, height), (width / 2, height / 2), (width, 0)]
        #expect(corners.count == 3)
        for (a, b) in zip(corners, expected) { #expect(abs(a.0 - b.0) < 0.02 && abs(a.1 - b.1) < 0.02, "\(a) \(b)") }
    }

    @Test func logarithmicAxesMapDecadesEvenly() throws {
        let plot = Plot("t", x: .init("x", scale: .logarithmic, range: 0.01...100), y: .init("y", range: 0...1), marks: [line([(0.01, 0), (0.1, 0), (1, 0), (100, 0)])])
        let (width, _, corners) = try drawn(plot)
        for (corner, share) in zip(corners, [0, 0.25, 0.5, 1]) { #expect(abs(corner.0 - share * width) < 0.02) }
        #expect(corners.count == 4)
    }

    @Test func probitAxesMapTheNormalDistribution() throws {
        let plot = Plot.det([Plot.ErrorCurve(name: "a", falseAccept: [0.001, 0.02, 0.3], falseReject: [0.3, 0.02, 0.001])], range: 0.001...0.3)
        let (width, height, corners) = try drawn(plot)
        let low = Probit.value(0.001), high = Probit.value(0.3)
        let share = (Probit.value(0.02) - low) / (high - low)
        #expect(corners.count == 3)
        #expect(abs(corners[1].0 - share * width) < 0.02 && abs(corners[1].1 - (1 - share) * height) < 0.02)
        #expect(abs(corners[0].0) < 0.02 && abs(corners[2].0 - width) < 0.02)
    }

    @Test func curvesWithZeroErrorsStayOnProbitAxes() throws {
        let curve = Plot.ErrorCurve(name: "a", falseAccept: [0, 0, 0.1, 1], falseReject: [1, 0.2, 0, 0])
        let (_, _, corners) = try drawn(Plot.det([curve]))
        #expect(corners.count == 4 && corners.allSatisfy { $0.0.isFinite && $0.1.isFinite && abs($0.0) < 1e4 && abs($0.1) < 1e4 })
    }

    @Test func pointsWithoutAPlaceInterruptTheLine() throws {
        let plot = Plot("t", x: .init("x"), y: .init("y"), marks: [line([(0, 0), (1, 1), (2, .nan), (3, 1), (4, .infinity), (5, 2), (6, 3)])])
        let document = MarkupDocument(plot.svg().text)
        #expect(document.isWellFormed)
        let path = try #require(document.all("path", "fp-line").first?.attributes["d"])
        #expect(path.count { $0 == "M" } == 3 && corners(path).count == 5)
        // (3, 1) stands alone and would be invisible.
        #expect(document.all("circle").count == 1)
        #expect(!plot.svg().text.contains("nan") && !plot.svg().text.contains("inf\""))
    }

    @Test(arguments: [AxisScale.linear, .logarithmic, .probit])
    func emptyAndConstantSeries(scale: AxisScale) throws {
        for points in [[], [(0.2, 0.2)], [(0.1, 0.3), (0.2, 0.3), (0.4, 0.3)], [(0.3, 0.1), (0.3, 0.4)], [(-1.0, -1), (0, 0)], [(1e300, 1e-300), (1e-300, 1e300)]] {
            let plot = Plot("t", x: .init("x", scale: scale), y: .init("y", scale: scale), marks: [line(points)])
            let text = plot.svg().text
            let document = MarkupDocument(text)
            #expect(document.isWellFormed && !text.contains("nan") && !text.contains("\"inf"), "\(points)")
            #expect(document.texts.contains("no data") == document.all("path", "fp-line").filter { $0.attributes["d"] != nil }.isEmpty, "\(points)")
        }
        #expect(MarkupDocument(Plot("t", x: .init("x", scale: scale), y: .init("y", scale: scale)).svg().text).texts.contains("no data"))
    }

    @Test func aConstantSeriesLiesInTheMiddle() throws {
        let (_, height, corners) = try drawn(Plot("t", x: .init("x"), y: .init("y"), marks: [line([(0, 3), (1, 3)])]))
        #expect(corners.allSatisfy { abs($0.1 - height / 2) < height / 4 })
    }

    @Test func ticksAreRoundAndWithinTheirRange() {
        let plot = Plot("t", x: .init("x", range: 0...7), y: .init("y", format: .percent, range: 0...0.35), marks: [line([(0, 0)])])
        let texts = MarkupDocument(plot.svg().text).texts
        for label in ["0", "1", "7", "0 %", "10 %", "20 %", "30 %"] { #expect(texts.contains(label), "\(label) in \(texts)") }
        #expect(!texts.contains("40 %") && !texts.contains("8"))
        let wide = Plot("t", x: .init("x", scale: .logarithmic, range: 1e-9...1e7), y: .init("y", range: 0...1e9), marks: [line([(1, 1)])])
        let far = MarkupDocument(wide.svg().text).texts
        #expect(far.contains { $0.hasPrefix("10⁻") } && far.contains("10⁹"), "\(far)")
    }

    @Test func textIsEscaped() {
        let plot = Plot(
            Self.nasty, x: .init(Self.nasty), y: .init(Self.nasty),
            marks: [.line(name: Self.nasty, points: [Plot.Point(0, 0), Plot.Point(1, 1)], band: []), .guide(from: Plot.Point(0, 0), to: Plot.Point(1, 1), label: Self.nasty)], width: 1600)
        let document = MarkupDocument(plot.svg().text)
        #expect(document.isWellFormed, "\(document.complaint ?? "")")
        let expected = Self.nasty.filter { $0 != "\u{1}" && $0 != "\u{B}" }
        #expect(document.texts.count { $0 == expected } == 5, "\(document.texts)")
        #expect(document.all("svg").first?.attributes["aria-label"] == expected && document.all("script").isEmpty)
    }

    @Test func bandsAndHistograms() throws {
        let band = [Plot.Spread(0, 1, 2), Plot.Spread(1, 1.5, 2.5), Plot.Spread(2, 1, 3)]
        let document = MarkupDocument(Plot("t", x: .init("x"), y: .init("y"), marks: [line([(0, 1.5), (2, 2)], band: band)]).svg().text)
        let polygon = try #require(document.all("polygon", "fp-band").first?.attributes["points"])
        #expect(polygon.split(separator: " ").count == 6)
        let scores = Plot.scores(lower: -1, upper: 1, same: [0, 1, 3], different: [4, 0, 0])
        let histogram = MarkupDocument(scores.svg().text)
        #expect(histogram.isWellFormed && histogram.all("path", "fp-area").count == 2)
        #expect(histogram.texts.contains("one person") && histogram.texts.contains("different people"))
        #expect(MarkupDocument(Plot.scores(lower: 0, upper: 0, same: [], different: [0]).svg().text).isWellFormed)
    }

    @Test func manySeriesAreToldApart() {
        let plot = Plot("t", x: .init("x"), y: .init("y"), marks: (0..<20).map { index in .line(name: "a rather long name of series \(index)", points: [Plot.Point(0, Double(index)), Plot.Point(1, 1)], band: []) })
        let document = MarkupDocument(plot.svg().text)
        let looks = document.all("path", "fp-line").map { "\($0.classes) \($0.attributes["stroke-dasharray"] ?? "")" }
        #expect(looks.count == 20 && Set(looks).count == 20)
        // The legend stays within the drawing.
        #expect(document.all("text").allSatisfy { ($0.number("y") ?? .infinity) <= plot.svg().height })
        #expect(document.all("text").filter { $0.text.contains("rather long") }.allSatisfy { ($0.number("x") ?? 999) < 500 })
    }

    @Test func darkReadersGetDarkDrawings() {
        #expect(Plot("t", x: .init("x"), y: .init("y")).svg().text.contains("@media (prefers-color-scheme:dark)"))
    }
}
