import Foundation
import MediaFiles
import MediaTypes
import Testing

/// The pictures have four quadrants: red, green, blue and white.
@Suite struct PictureReaderTests {
    private enum Quadrant: CaseIterable { case red, green, blue, white }

    /// BT.601 full range, as in JFIF: Y = 0.299 R + 0.587 G + 0.114 B, and so on.
    private func colour(_ quadrant: Quadrant) -> [Double] {
        switch quadrant {
        case .red: [76, 85, 255]
        case .green: [150, 44, 21]
        case .blue: [29, 255, 107]
        case .white: [255, 128, 128]
        }
    }

    private func sample(_ frame: VideoFrame, _ x: Double, _ y: Double) -> [Double] {
        let stored = StoredFrame(frame)
        let column = Int(x * Double(frame.width)), row = Int(y * Double(frame.height))
        let chroma = row / 2 * frame.chromaWidth + column / 2
        return [Double(stored.luma[row * frame.width + column]), Double(stored.cb[chroma]), Double(stored.cr[chroma])]
    }

    /// The quadrants of the picture: top left, top right, bottom left, bottom right.
    private func quadrants(_ frame: VideoFrame) -> [Quadrant?] {
        [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)].map { x, y in
            let seen = sample(frame, x, y)
            return Quadrant.allCases.first { zip(seen, colour($0)).allSatisfy { abs($0 - $1) <= 6 } }
        }
    }

    @Test(arguments: ["picture.png", "picture.jpg", "picture-alpha.png"]) func colours(name: String) throws {
        let picture = try PictureReader.read(Fixtures.path(name))
        #expect(picture.frame.width == 48 && picture.frame.height == 32)
        #expect(picture.frame.colourSpace == ColourSpace(matrix: .bt601, isFullRange: true))
        #expect(quadrants(picture.frame) == [.red, .green, .blue, .white])
        #expect(picture.damage.isEmpty)
    }

    /// Lossy WebP is BT.601 limited range.
    @Test func webP() throws {
        let picture = try PictureReader.read(Fixtures.path("picture.webp"))
        #expect(picture.codec == "webp")
        #expect(picture.frame.colourSpace == ColourSpace(matrix: .bt601, isFullRange: false))
        #expect(abs(sample(picture.frame, 0.75, 0.75)[0] - 235) <= 4)
        #expect(abs(sample(picture.frame, 0.25, 0.25)[0] - 81) <= 6)
    }

    @Test func grey() throws {
        let picture = try PictureReader.read(Fixtures.path("picture-grey.png"))
        #expect(sample(picture.frame, 0.75, 0.75) == [255, 128, 128])
        #expect(abs(sample(picture.frame, 0.25, 0.25)[0] - 76) <= 1)
    }

    @Test func oddSize() throws {
        let picture = try PictureReader.read(Fixtures.path("picture-odd.jpg"))
        #expect(picture.frame.width == 33 && picture.frame.height == 17)
        // (200, 100, 50) in BT.601 full range.
        for (a, b) in zip(sample(picture.frame, 0.99, 0.99), [124.2, 86.1, 182.1]) { #expect(abs(a - b) <= 3) }
    }

    /// Where red, green, blue and white are after each orientation, from the Exif standard's table (row 0 and column 0).
    @Test(arguments: 1...8) func exif(value: Int) throws {
        let expected: [[Quadrant]] = [
            [.red, .green, .blue, .white], [.green, .red, .white, .blue], [.white, .blue, .green, .red], [.blue, .white, .red, .green],
            [.red, .blue, .green, .white], [.blue, .red, .white, .green], [.white, .green, .blue, .red], [.green, .white, .red, .blue],
        ]
        let frame = try PictureReader.read(Fixtures.path("picture-exif-\(value).jpg")).frame
        #expect(frame.width == (value < 5 ? 48 : 32) && frame.height == (value < 5 ? 32 : 48))
        #expect(quadrants(frame) == expected[value - 1])
    }

    @Test func errors() throws {
        let folder = try TemporaryFolder()
        let text = try folder.write("face.jpg", Array("this is not a picture at all".utf8))
        #expect(throws: MediaError.notMedia(path: text, recognised: nil)) { try PictureReader.read(text) }
        #expect(throws: MediaError.noSuchFile(path: "/nonexistent.png")) { try PictureReader.read("/nonexistent.png") }
        let large = Fixtures.path("picture.png")
        #expect(throws: MediaError.pictureTooLarge(path: large, width: 48, height: 32, limit: 1000)) { try PictureReader.read(large, mostPixels: 1000) }
    }

    /// Every cut and many flips: a picture, perhaps with damage, or an error, never a crash.
    @Test(arguments: ["picture.png", "picture.jpg", "picture-exif-6.jpg", "picture.webp"]) func broken(name: String) throws {
        let folder = try TemporaryFolder()
        let whole = try bytes(of: Fixtures.path(name))
        var refused = 0
        for length in stride(from: 1, to: whole.count, by: 7) {
            let path = try folder.write("cut", Array(whole[..<length]))
            do { _ = try PictureReader.read(path) } catch { refused += 1 }
        }
        #expect(refused > 0)
        for seed in 0..<40 {
            var generator = SeededGenerator(state: UInt64(seed))
            var content = whole
            for _ in 0..<4 { content[Int.random(in: 0..<content.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator) }
            let path = try folder.write("flipped", content)
            do {
                let picture = try PictureReader.read(path)
                #expect(picture.frame.width >= 1)
            } catch {
                #expect(error.category == .badData)
            }
        }
    }
}
