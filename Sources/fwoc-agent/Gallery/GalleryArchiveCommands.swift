import ArgumentParser
import Foundation
import Gallery

struct GalleryExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes people and their templates to a JSON file.",
        discussion: """
            The file holds biometric templates: keep it as you keep a password.

            EXAMPLE
              fwoc-agent gallery export --to backup.json --gallery people.sqlite
            """)

    @Option(help: ArgumentHelp("File to write; it must not exist.", valueName: "file")) var to: String
    @Option(help: "Only this person (name or id).") var person: String?
    @OptionGroup var gallery: GalleryOption

    func run() throws {
        let archive = try gallery.open(.readOnly).export(person.map { PersonReference($0) })
        try archive.write(to: to)
        Console.line("exported \(archive.people.count) people to \(to)")
    }
}

struct GalleryImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Adds the people of an exported file; all of them, or none where one is refused.",
        discussion: "EXAMPLE\n  fwoc-agent gallery import backup.json --gallery people.sqlite")

    @Argument(help: "File that `gallery export` wrote.") var file: String
    @Flag(help: "Say what would be added and store nothing.") var dryRun = false
    @OptionGroup var gallery: GalleryOption

    func run() throws {
        let archive = try GalleryArchive(contentsOf: file)
        let report = try gallery.open(.readWrite).importArchive(archive, path: file, dryRun: dryRun)
        for entry in report.entries {
            let renamed = entry.archivedName.map { " ('\($0)' in the file)" } ?? ""
            Console.line(
                "\(entry.isNew ? "new" : "known") \(entry.person.name)\(renamed): \(entry.added) templates added, \(entry.present) there already, \(entry.dropped) beyond what is kept")
        }
        Console.line("\(dryRun ? "nothing stored; would be " : "")gallery revision \(report.revision)")
    }
}

struct GalleryAuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Looks for doubles, for templates that disagree and for people who are enrolled too thinly.",
        discussion: "EXAMPLE\n  fwoc-agent gallery audit --gallery people.sqlite")

    @OptionGroup var gallery: GalleryOption

    func run() throws {
        let store = try gallery.open(.readOnly)
        let report = try store.audit()
        for finding in report.findings { Console.line("\(finding)") }
        Console.line(
            "\(report.findings.count) finding\(report.findings.count == 1 ? "" : "s") among \(report.people) people and \(report.templates) templates, revision \(report.revision)")
        if let calibration = try store.calibrationLine() { Console.line(calibration) }
    }
}
