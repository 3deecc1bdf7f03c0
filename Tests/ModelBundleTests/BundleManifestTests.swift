import Foundation
import ModelBundle
import Testing

@Suite struct BundleManifestTests {
    private func error(_ yaml: String, _ location: SourceLocation = #_sourceLocation) -> BundleError? {
        bundleError({ () throws(BundleError) in _ = try BundleManifest(yaml: yaml, file: "b.yaml") }, location)
    }

    private let original = TestBundle.yaml()

    @Test(arguments: [
        ("licence:", "license:", "license", "licence", 4),
        ("score: geometric-mean", "scroe: geometric-mean", "roles.face-detector.scroe", "score", 14),
        ("face-encoder:", "face-encodr:", "roles.face-encodr", "face-encoder", 15),
        ("margin: 0.1", "margin: 0.1\n  hysterisis: 0.1", "matching.hysterisis", "hysteresis", 28),
        ("both: 0.4", "both: 0.4, fase: 1", "matching.thresholds.fase", "face", 26),
        ("margin: 0.1", "margin: 0.1\n  calibration: {bothe: {}}", "matching.calibration.bothe", "both", 28),
        ("margin: 0.1", "margin: 0.1\n  calibration:\n    face: {slope: 20, offset: -9, impostors: 7, slop: 1}", "matching.calibration.face.slop", "slope", 29),
    ])
    func `An unknown key is named with its line and the nearest known one`(
        _ old: String, _ new: String, _ key: String, _ nearest: String, _ line: Int
    ) {
        // The misspelt required key is missing before it is unknown; a copy keeps the right one too.
        let yaml = old == "licence:" ? original.replacing("licence:", with: "license: x\nlicence:") : original.replacing(old, with: new)
        let error = error(yaml)
        guard case .unknownKey("b.yaml", line, key, nearest, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains("b.yaml:\(line): unknown key ‘\(key)’; did you mean ‘\(nearest)’?") == true)
    }

    @Test(arguments: [
        ("name: small", "", "name", "missing"),
        ("name: small", "name: a/b", "name", "may only hold"),
        ("schema: fwoc.bundle/1", "schema: fwoc.bundle/2", "schema", "expected fwoc.bundle/1"),
        ("files: bundle", "files: elsewhere", "files", "not one of bundle, reference-models"),
        ("file: encoder.onnx", "file: ../encoder.onnx", "roles.face-encoder.file", "plain file name"),
        ("file: encoder.onnx", "file: /etc/passwd", "roles.face-encoder.file", "plain file name"),
        ("dimension: 512", "dimension: 0", "roles.face-encoder.dimension", "from 1 to 4096"),
        ("dimension: 512", "", "roles.face-encoder.dimension", "missing"),
        ("score: geometric-mean", "dimension: 4", "roles.face-detector.dimension", "only encoders"),
        ("score: cosine", "score: fine", "roles.face-encoder.score", "not one of"),
        ("inputs: {image: input.1}", "inputs: {}", "roles.face-encoder.inputs", "names nothing"),
        ("preset: yunet", "preset: yunets", "roles.face-detector.contract.preset", "did you mean ‘yunet’"),
        ("margin: 0.1", "margin: much", "matching.margin", "no number from 0.0 to 1.0"),
        ("margin: 0.1", "margin: nan", "matching.margin", "no number"),
        ("weight: 9", "weight: 0", "matching.fusion.voice.weight", "larger than 0"),
        ("genuine: 0.5", "genuine: 0.05", "matching.fusion.voice.genuine", "larger than impostor"),
        ("roles:", "roles: {}\nmore:", "roles", "names no role"),
        ("contract: {preset: yunet, picture: {colour: bgr}}", "contract: yunet", "roles.face-detector.contract", "keys with values"),
    ])
    func `A wrong value is named with file, line and key`(_ old: String, _ new: String, _ key: String, _ reason: String) {
        let error = error(original.replacing(old, with: new))
        guard case .manifest("b.yaml", let line, key, let problem) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(problem.contains(reason))
        if !new.isEmpty {
            let expected = original.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains(old) }! + 1
            #expect(line == expected)
        }
    }

    @Test(arguments: [
        ("{offset: -9, impostors: 7}", "slope", "missing"), ("{slope: 20, impostors: 7}", "offset", "missing"),
        ("{slope: 20, offset: -9}", "impostors", "missing"), ("{slope: 0, offset: -9, impostors: 7}", "slope", "larger than 0"),
        ("{slope: nan, offset: -9, impostors: 7}", "slope", "no number"), ("{slope: 20, offset: -9, impostors: 0}", "impostors", "from 1 to"),
        ("{slope: 20, offset: -9, impostors: 7, seen: {0.3: 2}}", "seen.0.3", "from 0.0 to 1.0"),
        ("{slope: 20, offset: -9, impostors: 7, seen: {0.3: 0}}", "seen.0.3", "larger than 0"),
        ("{slope: 20, offset: -9, impostors: 7, seen: {high: 0.1}}", "seen.high", "no score"),
        ("twenty", "", "keys with values"),
    ])
    func `A calibration must be whole`(_ given: String, _ key: String, _ reason: String) {
        let error = error(original.replacing("margin: 0.1", with: "margin: 0.1\n  calibration: {voice: \(given)}"))
        guard case .manifest("b.yaml", 28, "matching.calibration.voice\(key.isEmpty ? "" : ".\(key)")", let problem) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(problem.contains(reason))
    }

    @Test func `A calibration is read, and is part of what the bundle decides`() throws {
        let plain = try BundleManifest(yaml: original, file: "b.yaml")
        #expect(plain.matching?.faceCalibration == nil && !plain.canonicalText.contains("calibration"))
        let yaml = original.replacing("margin: 0.1", with: "margin: 0.1\n  calibration: {face: {slope: 20.5, offset: -9.25, impostors: 4000, seen: {0.5: 0.001, 0.25: 0.01}}}")
        let manifest = try BundleManifest(yaml: yaml, file: "b.yaml")
        #expect(manifest.matching?.faceCalibration == BundleManifest.Matching.Calibration(slope: 20.5, offset: -9.25, impostors: 4000, seen: [SIMD2(0.25, 0.01), SIMD2(0.5, 0.001)]))
        #expect(manifest.matching?.voiceCalibration == nil && manifest.matching?.bothCalibration == nil)
        #expect(manifest.canonicalText == plain.canonicalText + "calibration.face=20.5,-9.25,4000,0.25:0.01,0.5:0.001\n")
    }

    @Test func `A hash must be a hash`() {
        let error = error(original.replacing(TestBundle.encoderHash, with: TestBundle.encoderHash.uppercased()))
        guard case .manifest("b.yaml", 17, "roles.face-encoder.sha256", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `A preset under a role that it does not serve is a contract that does not fit`() {
        let error = error(original.replacing("preset: faceMBF512", with: "preset: silero"))
        guard case .contractMismatch(.faceEncoder, "encoder.onnx", "contract.preset", let got, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(got.contains("voice-activity"))
    }

    @Test func `Broken YAML is named with its line`() {
        let unclosed = error("schema: fwoc.bundle/1\nname: [a\nversion: 1\n")
        guard case .manifest("b.yaml", let line, _, let problem) = unclosed else {
            Issue.record("\(String(describing: unclosed))")
            return
        }
        #expect((2...4).contains(line))
        #expect(problem.contains("YAML"))
        guard case .manifest("b.yaml", _, let key, let reason) = error(original + "margin: 1\nmargin: 2\n") else {
            Issue.record("no error")
            return
        }
        #expect(key == "margin" && reason == "given twice")
        for text in ["", "- a\n- b\n", "just text", "\u{0}", "a: b: c", String(repeating: "[", count: 5000), "? [a]\n: b\n"] {
            guard case .manifest("b.yaml", _, _, _) = error(text) else {
                Issue.record("accepted \(text.prefix(20))")
                continue
            }
        }
    }

    @Test func `Aliases are refused before they unfold`() {
        var yaml = original + "notes: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...40 { yaml += "? &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1), *a\(level - 1)]\n: x\n" }
        let line = original.split(separator: "\n").count + 2
        guard case .manifest("b.yaml", line, "", let problem) = error(yaml) else {
            Issue.record("not refused")
            return
        }
        #expect(problem.contains("alias ‘*a0’"))
    }

    @Test func `Text that only looks like an alias is text`() throws {
        let manifest = try BundleManifest(yaml: original + "notes: R&D *really* likes it & so on\n", file: "b.yaml")
        #expect(manifest.notes == "R&D *really* likes it & so on")
    }

    @Test func `A manifest has a bounded length`() {
        let yaml = original + "notes: " + String(repeating: "x", count: BundleManifest.longestFile)
        guard case .manifest("b.yaml", 1, "", _) = error(yaml) else {
            Issue.record("not refused")
            return
        }
    }
}
