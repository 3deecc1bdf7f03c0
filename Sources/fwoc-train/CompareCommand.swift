import ArgumentParser
import Figures
import Foundation
import Reporting
import RunRecords

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Runs side by side: charts and tables by fuser and loss.",
        discussion: """
            Runs that differ only in their seed count as one, with the mean and the range of their figures. --study also writes every chart as an SVG file, \
            and the tables as Markdown (tables.md); none of them shows a person.

            EXAMPLE
              fwoc-train compare runs/* -o comparison.html --study models/study
            """)

    @Argument(help: ArgumentHelp("Folders that fwoc-train fit has filled.", valueName: "run"))
    var runs: [String]

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The page.", valueName: "report.html"))
    var output: String

    @Option(help: ArgumentHelp("Folder for charts and tables as files.", valueName: "dir"))
    var study: String?

    func run() throws {
        let comparison = RunComparison(try runs.map { try ReportedRun(RunFolder($0)) })
        for warning in comparison.warnings { Console.note(warning) }
        try PageFile.write(comparison.page.html, to: output)
        guard let study else { return }
        do { try FileManager.default.createDirectory(atPath: study, withIntermediateDirectories: true) } catch {
            throw RunRecordError(.inputOutput, "\(study): cannot be made: \(error.localizedDescription)")
        }
        for figure in comparison.figures { try PageFile.write(figure.svg.text + "\n", to: "\(study)/\(figure.name).svg") }
        try PageFile.write(comparison.markdown, to: "\(study)/tables.md")
    }
}
