import AgentRuntime
import ArgumentParser
import Foundation
import Gallery

struct GalleryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gallery",
        abstract: "Shows and changes who is enrolled.",
        subcommands: [
            GalleryListCommand.self, GalleryShowCommand.self, GalleryRenameCommand.self, GalleryRemoveCommand.self,
            GalleryMergeCommand.self, GalleryExportCommand.self, GalleryImportCommand.self, GalleryAuditCommand.self,
            GalleryCalibrateCommand.self,
        ])
}

extension GalleryOption {
    func open(_ access: Gallery.Access) throws -> Gallery { try Gallery(path: path, access: access) }
}
