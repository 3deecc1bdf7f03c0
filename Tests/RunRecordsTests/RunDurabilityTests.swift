import Foundation
import RunRecords
import Testing

/// Another process records, and comes to grief.
@Suite struct RunDurabilityTests {
    private static let writer = Foundation.Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "run-crash-writer").path

    private func start(_ script: String, _ folder: RunFolder, errors: String? = nil) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script + "; exec \"$@\"", "sh", Self.writer, folder.path]
        if let errors {
            _ = FileManager.default.createFile(atPath: errors, contents: nil)
            process.standardError = FileHandle(forWritingAtPath: errors)
        }
        try process.run()
        return process
    }

    @Test func aKilledRunCanBeReadAndResumed() throws {
        let scratch = try ScratchFolder()
        for attempt in 0..<3 {
            let folder = scratch.run("\(attempt)")
            let process = try start(":", folder)
            // Killed wherever it is once it has come some way; read meanwhile.
            var seen = 0
            while process.isRunning, seen < 50 + 37 * attempt {
                guard folder.holdsRun else { continue }
                let contents = try folder.load()
                #expect(contents.steps.count >= seen)
                seen = contents.steps.count
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let contents = try folder.load()
            #expect(contents.record.status == .running && contents.steps.count >= seen && seen > 0)
            #expect(contents.steps.map(\.step) == Array(1...contents.steps.count) && contents.steps.count / 10 - contents.epochs.count <= 1)
            let checkpoint = contents.steps.count / 2
            _ = try RunRecorder(resuming: folder, afterStep: checkpoint)
            #expect(try folder.load().steps.map(\.step) == Array(1...checkpoint))
        }
    }

    @Test func aFullDiskIsAnErrorAndLeavesWholeRows() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.run(), errors = scratch.path + "/errors"
        // Files of at most 16 blocks of 512 bytes, as a disk without room; the signal that comes with it is ignored, as fwoc-train does.
        let process = try start("trap '' XFSZ; ulimit -f 16", folder, errors: errors)
        process.waitUntilExit()
        let said = try ScratchFolder.text(errors)
        #expect(process.terminationStatus == 1 && said.contains("steps.csv: writing") && said.contains("make room and resume the run"), "\(said)")
        let contents = try folder.load()
        #expect(contents.steps.count > 50 && contents.steps.map(\.step) == Array(1...contents.steps.count))
        #expect(try ScratchFolder.text(folder.steps).hasSuffix("\n"))
    }
}
