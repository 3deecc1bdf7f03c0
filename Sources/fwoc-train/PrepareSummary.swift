import Datasets
import Foundation

/// What a preparation took and refused, for people.
enum PrepareSummary {
    static func text(_ manifest: PrepareManifest, folder: String) -> String {
        let taken = manifest.taken
        var lines: [String] = []
        let givers = manifest.files.count { $0.taken.rows > 0 }
        lines.append(
            "\(givers) of \(manifest.files.count) files of \(manifest.identities) \(manifest.identities == 1 ? "identity" : "identities") gave "
                + "\(taken.rows) rows: \(taken.faces) faces, \(taken.mouths) mouths, "
                + String(format: "%.1f s of sound, of it %.1f s of speech", taken.soundSeconds, taken.speechSeconds))
        if manifest.refusedFiles.isEmpty == false { lines.append("refused files: " + list(manifest.refusedFiles)) }
        if manifest.refusedWithin.isEmpty == false { lines.append("left out of the others: " + list(manifest.refusedWithin)) }
        for file in manifest.files {
            for refusal in file.refused where refusal.what == .file && [.damaged, .unreadable, .notMedia].contains(refusal.reason) {
                guard lines.count < 24 else { continue }
                lines.append("  \(file.file): \(refusal.reason.rawValue)\(refusal.detail.map { ": \($0)" } ?? "")")
            }
        }
        let bytes = manifest.shards.reduce(0) { $0 + $1.bytes }
        lines.append(String(format: "%@: %d shards, %.1f MiB", folder, manifest.shards.count, Double(bytes) / 1_048_576))
        return lines.joined(separator: "\n")
    }

    private static func list(_ counts: [String: Int]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}
