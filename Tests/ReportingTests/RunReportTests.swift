import Figures
import Biometrics
import Evaluation
import Foundation
import Reporting
import RunRecords
import Testing

/// Pages of made-up runs, written by what writes real ones and read as XML.
final class RunReportTests {
    private let runs: MadeUpRuns

    init() throws { runs = try MadeUpRuns() }
    deinit { runs.remove() }

    static func parsed(_ page: HTMLReport) -> MarkupDocument {
        let html = page.html
        let document = MarkupDocument(html.replacingOccurrences(of: "<!DOCTYPE html>\n", with: ""))
        #expect(document.isWellFormed, "\(document.complaint ?? "")")
        #expect(document.all("script").isEmpty && document.all("link").isEmpty)
        // Nothing outside the page: links within it, pictures in it.
        for element in document.elements {
            for name in ["href", "src"] {
                if let target = element.attributes[name] { #expect(target.hasPrefix("#") || target.hasPrefix("data:"), "\(element.name) \(name)=\(target)") }
            }
        }
        #expect(!html.contains("url(") && !html.contains("@import") && !html.contains("\"nan\"") && !html.contains("=\"inf"))
        return document
    }

    /// Cells of the row that begins with this one.
    private func row(_ document: MarkupDocument, _ first: String) throws -> [String] {
        let cells = document.elements.filter { ["td", "tr", "th"].contains($0.name) }
        let start = try #require(cells.firstIndex { $0.name == "td" && $0.text == first }, "no row \(first)")
        return cells[(start + 1)...].prefix { $0.name == "td" }.map(\.text)
    }

    @Test func figuresAreTheRecords() throws {
        let folder = try runs.make("one <&> \"run\"", in: "one", .init())
        let run = try ReportedRun(folder)
        let document = Self.parsed(RunReport([run]).page)
        #expect(document.all("h1").map(\.text) == ["one <&> \"run\""])
        #expect(try row(document, "status") == ["finished"])
        #expect(try row(document, "modalities") == ["face: mobilefacenet, 256-d; voice: depthwise, 256-d, frozen"])
        #expect(try row(document, "fuser") == ["linear, 256-d, tolerates a missing modality"])
        #expect(try row(document, "losses") == ["0.75 × triplet on fused"])
        #expect(try row(document, "training data") == ["80 people, 12\u{202F}345 rows"] && row(document, "validation data") == ["20 people, 678 rows"])
        #expect(try row(document, "seed") == ["1"] && row(document, "epochs") == ["6"] && row(document, "steps") == ["120"])
        #expect(try row(document, "best epoch") == ["3, fused auc 0.9876"] && row(document, "time") == ["1 h 12 min"] && row(document, "most memory") == ["988 MiB"])
        #expect(try row(document, "began") == ["2023-11-14T22:13:20Z"] && row(document, "ended") == ["2023-11-14T23:25:21Z"])
        #expect(try row(document, "samples a second") == ["123.5"] || row(document, "samples a second") == ["123.4"])

        // Every measure of every section with its interval.
        let cells = document.all("td").map(\.text)
        let evaluation = try #require(try folder.load().evaluation)
        var measures = 0
        for section in evaluation.sections {
            #expect(document.all("h2").contains { $0.text == section.title })
            for metric in section.metrics {
                let value = try #require(metric.value)
                let text = String(format: "%.4f", value), interval = metric.interval.map { String(format: "%.4f … %.4f", $0.lower, $0.upper) } ?? ""
                let place = cells.indices.contains { cells[$0...].starts(with: [metric.name, text, interval]) }
                #expect(place, "\(section.title) \(metric.name) \(text) \(interval)")
                measures += 1
            }
            for confusion in section.confusions {
                #expect(cells.indices.contains { cells[$0...].starts(with: [confusion.actual, confusion.answered, "\(confusion.count)"]) })
            }
        }
        #expect(measures == 66)
        #expect(cells.contains("no face <in> it") && cells.contains("not <an> operator that runs in eight bits"))
        #expect(try row(document, "embedding") == ["27.4", "0.99876", "0.98765"])
        #expect(try row(document, "conv<14>") == ["Conv", "22.5", "38.0", "0.012 %"])
        #expect(document.all("p").contains { $0.text.contains("15 layers in eight bits (mse, 48 samples), 1 left float; 4\u{202F}194\u{202F}304 bytes of weights became 1\u{202F}123\u{202F}456 (3.73 times smaller)") })
        let costs = document.elements.filter { $0.name == "td" }.map(\.text)
        for line in [
            ["face: mobilefacenet", "1\u{202F}012\u{202F}345", "221\u{202F}000\u{202F}123", "7.25"], ["voice: depthwise", "543\u{202F}210", "33\u{202F}000\u{202F}000", "1.50"],
            ["fuser: linear", "131\u{202F}328", "131\u{202F}072", "0.03"], ["all together", "1\u{202F}686\u{202F}883", "254\u{202F}131\u{202F}195", "8.78"],
        ] { #expect(costs.indices.contains { costs[$0...].starts(with: line) }, "\(line)") }
        let titles = document.all("text", "fp-title").map(\.text)
        for title in ["Loss of each step", "Term triplet", "Term distillation", "Learning rate", "Gradient norm", "Throughput", "Mean loss of each epoch", "Validation: fused auc", "Validation: fused eer", "ROC", "DET", "Noise layer by layer"] {
            #expect(titles.contains(title), "\(title) in \(titles)")
        }
        #expect(titles.count { $0 == "Scores" } == 3)
        #expect(document.all("pre").contains { $0.text.contains("epochs: 6") })
        #expect(document.all("img").isEmpty)
    }

    @Test func whatIsMissingIsSaid() throws {
        var options = MadeUpRuns.Options()
        options.epochs = 0
        options.isEvaluated = false
        options.isQuantized = false
        let folder = try runs.make("begun", options)
        try FileManager.default.removeItem(atPath: folder.epochs)
        let run = try ReportedRun(folder)
        let document = Self.parsed(RunReport([run]).page)
        let texts = document.all("p").map(\.text)
        #expect(texts.contains("Without a step so far: begun.") && texts.contains("Not evaluated: \(folder.path) holds no evaluation.json."))
        #expect(texts.contains("Not quantized: \(folder.path) holds no quantization.json."))
        #expect(try row(document, "best epoch") == ["–"] && row(document, "epochs") == ["0"])
        #expect(document.all("svg").isEmpty)
        let comparison = RunComparison([run])
        let compared = Self.parsed(comparison.page).all("p").map(\.text)
        #expect(compared.contains("No run has been evaluated: none of the folders holds an evaluation.json.") && compared.contains("No run has finished an epoch."))
        #expect(comparison.figures.isEmpty && comparison.warnings == ["Not evaluated: begun."])
    }

    @Test func aLostLossIsShown() throws {
        var options = MadeUpRuns.Options()
        options.lostStep = 33
        options.isEvaluated = false
        let folder = try runs.make("lost", options)
        let recorder = try RunRecorder(resuming: folder, afterStep: 40, tensorBoard: false)
        try recorder.append(StepRow(
            epoch: 3, batch: 1, step: 41, seconds: 0, loss: .infinity, learningRate: .nan, gradientNorm: 0, samplesPerSecond: -.infinity, terms: [RunValue("triplet", .nan), RunValue("distillation", nil)]))
        try recorder.update { record in
            record.bestValue = .nan
            record.end(.failed, reason: "the loss of batch 13 <of epoch 2> is not a number")
        }
        let document = Self.parsed(RunReport([try ReportedRun(folder)]).page)
        #expect(document.all("p").contains { $0.text == "lost: the loss of step 33 (epoch 2, batch 13) is nan." })
        #expect(try row(document, "status") == ["failed: the loss of batch 13 <of epoch 2> is not a number"] && row(document, "best epoch") == ["3, fused auc nan"])
        #expect(RunComparison([try ReportedRun(folder)]).warnings == ["Not evaluated: lost.", "Not at their end: lost (failed)."])
    }

    @Test func longRunsAreDrawnWithFewPoints() throws {
        var options = MadeUpRuns.Options()
        options.stepsPerEpoch = 1001
        options.epochs = 2
        options.isEvaluated = false
        let document = Self.parsed(RunReport([try ReportedRun(try runs.make("long", options))]).page)
        let paths = document.all("path", "fp-line").compactMap { $0.attributes["d"] }
        #expect((paths.map { $0.count { $0 == "L" } }.max() ?? 0) == 299)
        #expect(!document.all("polygon", "fp-band").isEmpty)
    }

    @Test func twelveRunsOnOnePage() throws {
        var all: [ReportedRun] = []
        for number in 0..<12 {
            var options = MadeUpRuns.Options()
            options.epochs = 2
            options.people = 4
            options.seed = UInt64(number)
            options.isQuantized = number == 0
            // Two of one name are told apart by their folders.
            all.append(try ReportedRun(try runs.make(number < 2 ? "twin" : "run \(number)", in: "folder\(number)", options)))
        }
        let document = Self.parsed(RunReport(all).page)
        let labels = ["twin (folder0)", "twin (folder1)"] + (2..<12).map { "run \($0)" }
        #expect(Array(document.all("th").map(\.text).prefix(13)) == [""] + labels)
        #expect(try row(document, "seed") == (0..<12).map { "\($0)" })
        #expect(document.all("h2").count { $0.text.hasSuffix("both · fused") } == 12)
        #expect(document.all("text", "fp-text").filter { $0.text == "twin (folder1)" }.count >= 6)
    }

    @Test func aRunHasOneColourInAllPlots() throws {
        var options = MadeUpRuns.Options()
        options.isEvaluated = false
        let first = try ReportedRun(try runs.make("a", options))
        options.loss = "other"
        let second = try ReportedRun(try runs.make("b", options))
        let document = Self.parsed(RunReport([first, second]).page)
        let start = try #require(document.elements.firstIndex { $0.text == "Term other" })
        // Only the second run has this term.
        let line = try #require(document.elements[start...].first { $0.name == "path" })
        #expect(line.classes.contains("fp-s1"))
        let end = try #require(document.elements[start...].firstIndex { $0.text == "Learning rate" })
        let names = document.elements[start..<end].map(\.text)
        #expect(names.contains("b") && !names.contains("a"))
    }

    @Test func picturesOnlyWhereTheyAreGiven() throws {
        var options = MadeUpRuns.Options()
        options.noise = 4
        var run = try ReportedRun(try runs.make("blurry", options))
        let people = try #require(run.evaluation?.confusedIdentities)
        #expect(people.count >= 2 && people == people.sorted())
        #expect(Self.parsed(RunReport([run]).page).all("img").isEmpty)
        let confusion = try #require(run.evaluation?.report.sections[0].confusions.first)
        for person in [confusion.actual, confusion.answered] {
            run.evaluation?.pictures[person] = HTMLReport.Picture(bytes: Data(person.utf8), format: .png, caption: "")
        }
        let document = Self.parsed(RunReport([run]).page)
        let images = document.all("img")
        #expect(images.count >= 2 && images[0].attributes["alt"] == "1: \(confusion.actual)" && images[1].attributes["alt"] == "1: taken for \(confusion.answered), \(confusion.count)×")
        #expect(images[0].attributes["src"] == "data:image/png;base64," + Data(confusion.actual.utf8).base64EncodedString())
        #expect(!RunComparison([run]).page.html.contains("<img"))
    }

    @Test func damagedFilesAreErrors() throws {
        let folder = try runs.make("damaged", .init())
        try Data("{\"method\": 3}".utf8).write(to: URL(fileURLWithPath: folder.quantization))
        let error = #expect(throws: RunRecordError.self) { try ReportedRun(folder) }
        #expect(error?.category == .badData && error?.description.contains("quantization.json: at ") == true)
        try FileManager.default.removeItem(atPath: folder.quantization)
        try Data("{\"model\": \"m\",,".utf8).write(to: URL(fileURLWithPath: folder.evaluation))
        let other = #expect(throws: RunRecordError.self) { try ReportedRun(folder) }
        #expect(other?.description.contains("evaluation.json: not JSON, byte 14 of 15") == true, "\(other?.description ?? "")")
        #expect(throws: RunRecordError.self) { try ReportedRun(RunFolder("/nowhere")) }
    }
}
