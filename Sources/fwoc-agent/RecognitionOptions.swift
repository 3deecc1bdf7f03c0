import AgentRuntime
import ArgumentParser
import Foundation
import Gallery

/// Which networks run, and against whom.
struct RecognitionOptions: ParsableArguments {
    @Option(
        help: """
            Model bundle: a name that is looked for in models/, /usr/share/fwoc/models and FWOC_MODELS, or a folder; auto is edge, or reference where the folder of \
            its models is named.
            """)
    var bundle = LoadedBundle.automatic

    @Option(
        help: ArgumentHelp("Folder of the public ONNX files that the bundle reference names (or FWOC_REFERENCE_MODELS).", valueName: "dir"))
    var referenceModels: String?

    func models() throws -> LoadedBundle {
        try LoadedBundle.load(bundle, referenceModels: referenceModels ?? ProcessInfo.processInfo.environment["FWOC_REFERENCE_MODELS"])
    }
}

/// The gallery file of a command.
struct GalleryOption: ParsableArguments {
    static let systemPath = "/var/lib/fwoc/gallery.sqlite"

    @Option(help: ArgumentHelp("Gallery file (default: FWOC_GALLERY, then \(Self.systemPath)).", valueName: "file"))
    var gallery: String?

    var path: String { gallery ?? ProcessInfo.processInfo.environment["FWOC_GALLERY"] ?? Self.systemPath }
    /// Whether somebody asked for this file, so that it has to be there.
    var isExplicit: Bool { gallery != nil || ProcessInfo.processInfo.environment["FWOC_GALLERY"] != nil }
}
