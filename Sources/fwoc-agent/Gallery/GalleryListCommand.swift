import ArgumentParser
import Foundation
import Gallery

struct GalleryListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the people in the gallery.",
        discussion: "EXAMPLE\n  fwoc-agent gallery list --gallery people.sqlite")

    @OptionGroup var gallery: GalleryOption
    @Flag(help: "Print JSON.") var json = false

    private struct Row: Encodable {
        var id: String
        var name: String
        var face: Int
        var voice: Int
        var created: Date
    }

    func run() throws {
        let store = try gallery.open(.readOnly)
        let rows = try store.list().map {
            Row(
                id: $0.person.id.rawValue, name: $0.person.name, face: $0.templateCounts[.face] ?? 0,
                voice: $0.templateCounts[.voice] ?? 0, created: $0.person.created)
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            encoder.dateEncodingStrategy = .iso8601
            Console.line(try encoder.encode(rows))
            return
        }
        guard !rows.isEmpty else {
            Console.line("nobody is enrolled in \(gallery.path)")
            return
        }
        let width = max(4, rows.map(\.name.count).max() ?? 4)
        func line(_ id: String, _ name: String, _ face: String, _ voice: String) {
            Console.line(
                id.padding(toLength: 12, withPad: " ", startingAt: 0) + name.padding(toLength: width + 2, withPad: " ", startingAt: 0)
                    + face.padding(toLength: 6, withPad: " ", startingAt: 0) + voice)
        }
        line("id", "name", "face", "voice")
        for row in rows { line(row.id, row.name, "\(row.face)", "\(row.voice)") }
        if let calibration = try store.calibrationLine() { Console.note(calibration) }
    }
}

struct GalleryShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one person and what their templates were made from.",
        discussion: "EXAMPLE\n  fwoc-agent gallery show Alice --gallery people.sqlite")

    @Argument(help: "Name or id.") var person: String
    @OptionGroup var gallery: GalleryOption

    func run() throws {
        let detail = try gallery.open(.readOnly).show(PersonReference(person))
        let dates = Date.ISO8601FormatStyle()
        Console.line("\(detail.person.name) (\(detail.person.id)), created \(detail.person.created.formatted(dates))")
        for template in detail.templates {
            Console.line(
                String(
                    format: "  %@  quality %.2f  %@  from %@", template.modality.rawValue.padding(toLength: 5, withPad: " ", startingAt: 0),
                    template.quality, template.enrolled.formatted(dates), template.origin))
        }
    }
}
