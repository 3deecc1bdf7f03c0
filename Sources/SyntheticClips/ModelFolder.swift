public import Articulation
import Foundation
public import SyntheticFaces
import SyntheticVoices

/// Where the models for making people are: `models/synthesis` of the repository, or of an installation.
public enum ModelFolder {
    public static let variable = "FWOC_SYNTHESIS_MODELS"

    /// The folder that was named, else that of the environment, else the first one there is.
    public static func find(_ named: String?, environment: [String: String] = ProcessInfo.processInfo.environment) throws -> String {
        if let folder = named ?? environment[variable] { return folder }
        let candidates = ["models/synthesis", "/usr/share/fwoc/models/synthesis"]
        for folder in candidates where FileManager.default.fileExists(atPath: folder + "/" + faces) { return folder }
        throw ClipError(.noInput, "no models to make people with: looked in \(candidates.joined(separator: ", ")); name their folder with --models or \(variable)")
    }

    public static let faces = "face-model.fwocface"
    public static let mouths = "mouth-model.fwoc"
}

extension SynthesisParts {
    /// Reads the models of a folder and starts the synthesizer.
    public init(folder: String) throws {
        self.init(
            face: try FaceModel(contentsOf: folder + "/" + ModelFolder.faces), mouth: try MouthModel(contentsOf: folder + "/" + ModelFolder.mouths), speech: try SpeechSynthesizer())
    }
}
