import ArgumentParser
import Foundation
import Gallery

struct GalleryRenameCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Gives a person another name; the id stays.",
        discussion: "EXAMPLE\n  fwoc-agent gallery rename Alise Alice --gallery people.sqlite")

    @Argument(help: "Name or id.") var person: String
    @Argument(help: "New name.") var newName: String
    @OptionGroup var gallery: GalleryOption

    func run() throws {
        let renamed = try gallery.open(.readWrite).rename(PersonReference(person), to: newName)
        Console.line("\(renamed.id) is \(renamed.name) now")
    }
}

struct GalleryRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Erases a person and every template of theirs.",
        discussion: """
            Nothing of the person is left in the gallery's files afterwards. Copies made with `gallery export` are not known here.

            EXAMPLE
              fwoc-agent gallery remove Alice --gallery people.sqlite
            """)

    @Argument(help: "Name or id.") var person: String
    @OptionGroup var gallery: GalleryOption

    func run() throws {
        let removed = try gallery.open(.readWrite).remove(PersonReference(person))
        Console.line("erased \(removed.name) (\(removed.id))")
    }
}

struct GalleryMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Makes two entries of one person one.",
        discussion: "EXAMPLE\n  fwoc-agent gallery merge p_7f3a Alice --gallery people.sqlite")

    @Argument(help: "Name or id of the entry that goes.") var person: String
    @Argument(help: "Name or id of the entry that stays.") var into: String
    @OptionGroup var gallery: GalleryOption

    func run() throws {
        let report = try gallery.open(.readWrite).merge(PersonReference(person), into: PersonReference(into))
        Console.line(
            "merged \(report.merged.name) into \(report.person.name) (\(report.person.id)): \(report.moved) templates moved, \(report.dropped) left out")
        for (modality, similarity) in report.similarity.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            Console.note(String(format: "their %@ templates agreed %.2f on average", modality.rawValue, similarity))
        }
    }
}
