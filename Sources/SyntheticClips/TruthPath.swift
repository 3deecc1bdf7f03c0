import Foundation

/// Where the truth of a clip is: beside it, `clip.truth.json`.
public enum TruthPath {
    public static func of(_ clip: String) -> String { (clip as NSString).deletingPathExtension + ".truth.json" }
}
