import Foundation
import RunRecords
import Testing

@Suite struct TensorBoardWriterTests {
    /// RFC 3720, appendix B.4.
    static let vectors: [([UInt8], UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), ([UInt8](0..<32), 0x46DD_794E),
        ([UInt8]((0..<32).reversed()), 0x113F_DB5C), ([], 0),
    ]

    @Test(arguments: vectors) func checksums(bytes: [UInt8], expected: UInt32) {
        let turned = TensorBoardWriter.maskedChecksum(bytes) &- 0xA282_EAD8
        #expect(turned << 15 | turned >> 17 == expected)
    }

    /// The fixture is TensorBoard's own writing of the same events; `make_events.py` also checks what TensorBoard reads from it.
    @Test func bytesAreThoseOfTensorBoard() throws {
        let scratch = try ScratchFolder()
        let writer = try TensorBoardWriter(folder: scratch.path, now: { Date(timeIntervalSince1970: 1_700_000_000.25) })
        try writer.append([RunValue("train/loss", 2.5), RunValue("absent", nil), RunValue("loss/triplet on ‘both’", 0.1)], step: 1)
        try writer.append([RunValue("train/loss", .infinity)], step: 300)
        try writer.append([RunValue("absent", nil)], step: 301)
        try writer.append([RunValue("train/loss", -1e-30)], step: 70000)
        try writer.restart(afterStep: 300)
        try writer.append([RunValue("train/loss", 0.75)], step: 301)
        let fixture = try #require(Bundle.module.url(forResource: "events", withExtension: "tfevents", subdirectory: "Fixtures"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: writer.path)) == Data(contentsOf: fixture))
        #expect(writer.path.hasSuffix("/events.out.tfevents.1700000000.000.fwoc"))
        let second = try TensorBoardWriter(folder: scratch.path, resumedAfterStep: 300, now: { Date(timeIntervalSince1970: 1_700_000_000.25) })
        #expect(RunFolder(scratch.path).events == [writer.path, second.path])
        #expect(try Data(contentsOf: URL(fileURLWithPath: second.path)).count > 60)
    }

    @Test func aFolderThatIsNotThereIsAnError() {
        let error = #expect(throws: RunRecordError.self) { try TensorBoardWriter(folder: "/nowhere/at/all") }
        #expect(error?.category == .noInput)
    }
}
