import Biometrics
import Figures
import Foundation
import Testing

@Suite struct ReliabilityPlotTests {
    private func reliability() throws -> Reliability {
        var generator = SeededGenerator(seed: 8)
        var scores: [Float] = [], isSame: [Bool] = [], people: [SIMD2<Int32>] = []
        for a in 0..<12 {
            for b in 0..<12 {
                for _ in 0..<5 {
                    scores.append((a == b ? 0.6 : 0) + Float(generator.below(1000)) / 1000)
                    isSame.append(a == b)
                    people.append(SIMD2(Int32(a), Int32(b)))
                }
            }
        }
        return try Reliability(try ScoredTrials(scores: scores, isSame: isSame, people: people), seed: 1)
    }

    @Test func bothDrawingsBesideEachOtherAreOneDocument() throws {
        let measured = try reliability()
        let first = Plot.reliability([.init(name: "face & voice", measured.bins)]).svg()
        let second = Plot.falseAccepts([.init(name: "face & voice", measured.falseAccepts)]).svg()
        let drawing = SVG.beside([first, second], columns: 2, label: "both")
        #expect(drawing.width == first.width + second.width + 12)
        #expect(drawing.height == max(first.height, second.height))
        let document = MarkupDocument(drawing.text)
        #expect(document.isWellFormed, "\(document.complaint ?? "")")
        #expect(document.all("svg").count == 5)
        #expect(drawing.text.contains("face &amp; voice") && drawing.text.contains("fp-band"))
        #expect(!drawing.text.contains("nan") && !drawing.text.contains("inf"))
    }

    /// A bound that nobody reached has no place on a logarithmic axis; its interval has.
    @Test func nothingToShowIsDrawnAsWell() throws {
        let none = Reliability.Bin(estimated: 0.01, observed: 0, lower: 0, upper: 0.03, count: 100)
        for svg in [Plot.falseAccepts([.init(name: "", [none])]).svg(), Plot.falseAccepts([]).svg(), Plot.reliability([]).svg(), SVG.beside([], columns: 2, label: "none")] {
            #expect(MarkupDocument(svg.text).isWellFormed)
            #expect(!svg.text.contains("nan"))
        }
    }
}
