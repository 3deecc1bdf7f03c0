import Foundation

/// The interpreter for which Debian's python3-jsonschema and python3-jinja2 are installed.
let python3 = "/usr/bin/python3"
let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
let fixtures = tests.appending(path: "PublishingTests/Fixtures")
/// A program that the build puts beside the test bundle's resources.
func program(_ name: String) -> String { Foundation.Bundle.module.bundleURL.deletingLastPathComponent().appending(path: name).path }

/// A folder of one test, removed with it.
final class LabFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "fwoc-mqtt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }
}
