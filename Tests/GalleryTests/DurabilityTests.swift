import Foundation
import Gallery
import Testing

@Suite struct DurabilityTests {
    /// The program of Tests/GalleryCrashWriter, which the build puts beside the test bundle's resources.
    private static let writer = Foundation.Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "gallery-crash-writer")

    @Test(arguments: [1, 7, 20])
    func `A writer that is killed leaves everything that it acknowledged`(_ acknowledgements: Int) throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        var acknowledged = 0
        // Killed twice: the second writer starts from what the first left.
        for round in 1...2 {
            let process = Process()
            process.executableURL = Self.writer
            process.arguments = [path]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            var text = Data()
            while text.count(where: { $0 == UInt8(ascii: "\n") }) < acknowledgements {
                let more = output.fileHandleForReading.availableData
                if more.isEmpty { break }
                text += more
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(process.terminationReason == .uncaughtSignal)
            text += output.fileHandleForReading.readDataToEndOfFile()
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            #expect(lines.count >= acknowledgements)
            acknowledged += lines.count

            let gallery = try Gallery(path: path)
            let list = try gallery.list()
            // One more may have reached the disk without its acknowledgement being read.
            #expect((acknowledged...acknowledged + round).contains(list.count))
            acknowledged = list.count
            for line in lines {
                let fields = line.split(separator: " ")
                let number = try #require(Int(fields[0]))
                #expect(list[number].person.id.rawValue == fields[1])
                #expect(list[number].person.name == "person \(number)")
                #expect(list[number].templateCounts == [.face: 3])
            }
            #expect(try gallery.revision() == list.count)
            #expect(try gallery.audit().findings.allSatisfy { if case .damage = $0 { false } else { true } })
        }
    }
}
