import AgentRuntime
import ArgumentParser
import Biometrics
import Figures
import Foundation
import Gallery
import Recognition

struct GalleryCalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate", abstract: "Fits the thresholds to the people who are enrolled on this box.",
        discussion: """
            Every template is compared with everybody else's, and with the rest of its own person's, as the agent compares what it sees and hears. From that come, \
            by face, by voice and by both, the threshold at which a stranger is taken for somebody no more often than --false-accept says, and the \
            estimate that events carry as false_accept_estimate. Run and replay use them where recognition.threshold is auto. A threshold is never set more \
            than \(ThresholdFit.mostLowering) below the bundle's.

            Rates that so few comparisons cannot show are refused (exit code 65): what is missing is said, and nothing changes. Missed people are counted on \
            templates of the same days and recordings, and will be more in life.

            EXAMPLE
              fwoc-agent gallery calibrate --gallery people.sqlite --dry-run
              fwoc-agent gallery calibrate --gallery people.sqlite --false-accept 0.01 --svg reliability.svg
              fwoc-agent gallery calibrate --gallery people.sqlite --reset
            """)

    @OptionGroup var recognition: RecognitionOptions
    @OptionGroup var gallery: GalleryOption

    @Option(help: ArgumentHelp("How probably a stranger may be taken for one of the people, between 0 and 1.", valueName: "rate"))
    var falseAccept = 0.001

    @Flag(help: "Say what would be set and store nothing.") var dryRun = false
    @Flag(help: "Go back to the bundle's thresholds.") var reset = false
    @Flag(help: "Print JSON.") var json = false

    @Option(help: ArgumentHelp("Draw what was estimated against what is true of people whom the fit did not see.", valueName: "file.svg"))
    var svg: String?

    func validate() throws {
        guard falseAccept > 0, falseAccept < 1 else { throw ValidationError("--false-accept \(falseAccept): expected a probability between 0 and 1, for example 0.001") }
        guard !reset || (!dryRun && svg == nil && !json) else { throw ValidationError("--reset takes neither --dry-run, --json nor --svg") }
    }

    func run() throws {
        // Read first: a gallery that is not there must not be made.
        let store = try gallery.open(.readOnly)
        if reset {
            let wasThere = try gallery.open(.readWrite).removeCalibration()
            Console.line(wasThere ? "the bundle's thresholds are in use again" : "nothing to go back from: \(gallery.path) has no calibration")
            return
        }
        let bundle = try recognition.models()
        let snapshot = try store.snapshot(encoders: try bundle.encoders)
        for finding in try store.audit().findings {
            if case .duplicates = finding { Console.note("\(finding)") }
        }
        let fit = CalibrationFit(snapshot, bundle: bundle.matchSettings, settings: ThresholdFit.Settings(falseAccept: falseAccept))
        if let svg { try draw(fit, to: svg) }

        var report = CalibrationReport(fit, people: snapshot.people.count, falseAccept: falseAccept, revision: snapshot.revision)
        if let calibration = fit.calibration, !dryRun {
            report.galleryRevision = try gallery.open(.readWrite).setCalibration(calibration, fittedTo: snapshot.revision)
            report.isStored = true
        }
        if json { Console.line(try report.json()) } else { Console.line(report.table) }
        guard fit.calibration != nil else {
            throw AgentError(.badData, "\(gallery.path): no threshold could be fitted for \(FigureText.quantity(falseAccept)) false accepts per stranger; nothing was changed" + advice(fit))
        }
        if !json { Console.line(report.isStored ? "stored; gallery revision \(report.galleryRevision)" : "nothing stored") }
    }

    /// The rate that this gallery could be calibrated for, where there is one.
    private func advice(_ fit: CalibrationFit) -> String {
        let able = fit.sets.filter { $0.leastFalseAccept > falseAccept && $0.leastFalseAccept <= 0.5 && $0.comparison.people >= $0.settings.leastPeople }
        guard let least = able.map(\.leastFalseAccept).min() else { return "" }
        // Two digits, rounded up, with a little room: what is advised must not be refused.
        let power = pow(10, (log10(least)).rounded(.down) - 1)
        let rate = FigureText.quantity((least * 1.0001 / power).rounded(.up) * power)
        return "; so few comparisons can show \(rate) at best: --false-accept \(rate)"
    }

    private func draw(_ fit: CalibrationFit, to path: String) throws {
        var said: [Plot.ReliabilityCurve] = [], bounds: [Plot.ReliabilityCurve] = []
        for set in fit.sets {
            do {
                let reliability = try Reliability(try set.comparison.trials(), seed: 1)
                let name = "\(set.comparison.modality.label), Cllr \(FigureText.number(reliability.cllr, digits: 3))"
                said.append(Plot.ReliabilityCurve(name: name, reliability.bins))
                bounds.append(Plot.ReliabilityCurve(name: name, reliability.falseAccepts))
            } catch {
                Console.note("\(set.comparison.modality.label) is not in \(path): \(error)")
            }
        }
        let drawing = SVG.beside([Plot.reliability(said).svg(), Plot.falseAccepts(bounds).svg()], columns: 2, label: "Reliability of \(URL(fileURLWithPath: gallery.path).lastPathComponent)")
        do { try Data(drawing.text.utf8).write(to: URL(fileURLWithPath: path)) } catch {
            throw AgentError(.inputOutput, "\(path): writing failed: \(error.localizedDescription); check that the folder exists and is writable")
        }
    }
}
