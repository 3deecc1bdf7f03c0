import Foundation
import MediaFiles
import MediaTypes
import Testing

@Suite struct CameraDecoderTests {
    private func jpeg(_ name: String = "picture.jpg") throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: Fixtures.path(name)))) }

    private func decode(_ bytes: [UInt8], _ instant: Instant, _ decoder: CameraDecoder) -> CameraDecoder.Outcome { decoder.decode(bytes.span, at: instant) }

    private func end(_ bytes: [UInt8]) -> Int? { JPEGExtent.end(of: bytes.span) }

    /// The same picture as from the file, again and again out of one decoder, whatever lies behind its end.
    @Test func jpegBuffers() throws {
        let decoder = try #require(CameraDecoder(.mjpeg))
        for (i, name) in ["picture.jpg", "picture-odd.jpg", "picture.jpg", "picture.jpg"].enumerated() {
            let reference = try PictureReader.read(Fixtures.path(name)).frame
            let bytes = try jpeg(name) + (i % 2 == 0 ? [] : jpeg("picture.jpg").suffix(1000))
            let instant = Instant(nanoseconds: Int64(i) * 40_000_000)
            #expect(decode(bytes, instant, decoder) == .picture(width: reference.width, height: reference.height, instant))
            let frame = VideoFrame(width: reference.width, height: reference.height)
            let isCopied = decoder.copy(into: frame)
            #expect(isCopied)
            #expect(StoredFrame(frame) == StoredFrame(reference))
            #expect(frame.colourSpace == ColourSpace(matrix: .bt601, isFullRange: true))
        }
    }

    @Test func damage() throws {
        let decoder = try #require(CameraDecoder(.mjpeg))
        let whole = try jpeg()
        #expect(decode([UInt8](), .zero, decoder) == .damaged)
        #expect(decode([UInt8](repeating: 0, count: 5000), .zero, decoder) == .damaged)
        #expect(decode(Array(whole.prefix(whole.count / 2)), .zero, decoder) == .damaged)
        #expect(!decoder.complaint.isEmpty)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var bytes = whole
            for _ in 0..<8 { bytes[Int.random(in: 2..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator) }
            if case .picture(let width, let height, _) = decode(bytes, .zero, decoder) {
                _ = decoder.copy(into: VideoFrame(width: width, height: height))
            }
        }
        guard case .picture = decode(whole, .zero, decoder) else {
            Issue.record("what is whole decodes after whatever was not: \(decoder.complaint)")
            return
        }
    }

    @Test func tooLargeAPicture() throws {
        let decoder = try #require(CameraDecoder(.mjpeg, mostPixels: 48 * 32 - 1))
        #expect(decode(try jpeg(), .zero, decoder) == .damaged)
    }

    @Test func endOfAJPEG() throws {
        let whole = try jpeg()
        #expect(end(whole) == whole.count)
        #expect(end(whole + whole) == whole.count)
        #expect(end(Array(whole.dropLast(2))) == nil)
        // A thumbnail with its own end, in an application segment, and fill bytes before a mark.
        let thumbnail: [UInt8] = [0xFF, 0xD8, 0xFF, 0xD9]
        let framed = [0xFF, 0xD8, 0xFF, 0xFF, 0xE1, 0, UInt8(thumbnail.count + 2)] + thumbnail + whole.dropFirst(2)
        #expect(end(framed) == framed.count)
        for hostile: [UInt8] in [[], [0xFF], [0xFF, 0xD8], [0xFF, 0xD8, 0xFF], [0xFF, 0xD8, 0xFF, 0xE0, 0, 0], [0xFF, 0xD8, 0, 0, 0], [0xFF, 0xD8, 0xFF, 0xDA, 0xFF, 0xFF, 0xFF, 0xFF]] {
            #expect(end(hostile) == nil)
        }
    }
}
