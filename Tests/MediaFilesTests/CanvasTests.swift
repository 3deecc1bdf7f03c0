import Foundation
import MediaFiles
import MediaTypes
import Testing

@Suite struct CanvasTests {
    private func frame(_ width: Int, _ height: Int, _ space: ColourSpace, _ value: (Int, Int) -> (UInt8, UInt8, UInt8)) -> VideoFrame {
        let frame = VideoFrame(width: width, height: height, instant: .seconds(1.5), colourSpace: space)
        unsafe frame.withUnsafePlanes { y, u, v in
            for row in 0..<height { for column in 0..<width { unsafe y[row * width + column] = value(column, row).0 } }
            for row in 0..<frame.chromaHeight {
                for column in 0..<frame.chromaWidth {
                    unsafe u[row * frame.chromaWidth + column] = value(2 * column, 2 * row).1
                    unsafe v[row * frame.chromaWidth + column] = value(2 * column, 2 * row).2
                }
            }
        }
        return frame
    }

    private func worst(_ a: [UInt8], _ b: [UInt8]) -> Int { zip(a, b).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) } }

    @Test(arguments: [
        ColourSpace(matrix: .bt601, isFullRange: false), ColourSpace(matrix: .bt709, isFullRange: false), ColourSpace(matrix: .bt601, isFullRange: true),
    ])
    func aFrameComesBackAsItWas(space: ColourSpace) throws {
        for (width, height) in [(64, 48), (51, 37)] {
            // Smooth, and within what RGB can show.
            let source = frame(width, height, space) { x, y in (UInt8(90 + x), UInt8(118 + y / 2), UInt8(128 + x / 4)) }
            let before = StoredFrame(source)
            let canvas = Canvas(width: width, height: height)
            canvas.show(source)
            canvas.copy(into: source)
            let after = StoredFrame(source)
            #expect(after.instant == .seconds(1.5))
            // 8-bit RGB in between costs about a step each way, chroma interpolation two.
            #expect(worst(before.luma, after.luma) <= 3)
            #expect(worst(before.cb, after.cb) <= 3)
            #expect(worst(before.cr, after.cr) <= 3)
        }
    }

    @Test func colourPlanesAreShownAndWritten() throws {
        for (width, height) in [(8, 8), (13, 7)] {
            let plane = width * height
            let planes = (0..<3 * plane).map { $0 < plane ? UInt8(200) : $0 < 2 * plane ? UInt8(60) : UInt8(30) }
            let canvas = Canvas(width: width, height: height)
            canvas.show(rgbPlanes: planes.span)
            let png = try canvas.png()
            #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
            let path = FileManager.default.temporaryDirectory.appending(path: "fwoc-canvas-\(UUID().uuidString).png").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try Data(png).write(to: URL(fileURLWithPath: path))
            let stored = StoredFrame(try PictureReader.read(path).frame)
            // BT.601: 0.299 · 200 + 0.587 · 60 + 0.114 · 30 = 98.4; Cb and Cr 128 + 0.564 (B − Y) and 128 + 0.713 (R − Y).
            #expect(stored.luma.count == plane && stored.luma.allSatisfy { abs(Int($0) - 98) <= 2 })
            #expect(stored.cb.allSatisfy { abs(Int($0) - 89) <= 2 } && stored.cr.allSatisfy { abs(Int($0) - 200) <= 2 })
        }
    }

    @Test func drawsWhereItIsTold() throws {
        let space = ColourSpace(matrix: .bt601, isFullRange: true)
        let picture = frame(100, 80, space) { _, _ in (0, 128, 128) }
        let canvas = Canvas(width: 100, height: 80)
        canvas.show(picture)
        canvas.fill(BoundingBox(x: 10, y: 20, width: 20, height: 10), .white)
        canvas.outline(BoundingBox(x: 50, y: 20, width: 40, height: 40), .white, lineWidth: 4, cornerRadius: 8)
        canvas.line(Point(x: 5, y: 70), Point(x: 40, y: 70), .white, lineWidth: 3)
        canvas.fillCircle(Point(x: 20, y: 50), radius: 5, Canvas.Colour(red: 1, green: 0, blue: 0))
        canvas.copy(into: picture)
        let stored = StoredFrame(picture)
        func luma(_ x: Int, _ y: Int) -> UInt8 { stored.luma[y * 100 + x] }
        #expect(luma(12, 22) > 250 && luma(28, 28) > 250)
        #expect(luma(8, 22) < 5 && luma(32, 22) < 5 && luma(20, 32) < 5)
        #expect(luma(70, 20) > 250 && luma(50, 40) > 250 && luma(70, 40) < 5)
        #expect(luma(50, 20) < 60)
        #expect(luma(20, 70) > 250)
        #expect(abs(Int(luma(20, 50)) - 76) <= 3)
        #expect(stored.cr[25 * 50 + 10] > 240)
    }

    @Test func textStandsOnItsPlate() throws {
        let space = ColourSpace(matrix: .bt601, isFullRange: true)
        let picture = frame(200, 60, space) { _, _ in (100, 128, 128) }
        let canvas = Canvas(width: 200, height: 60)
        canvas.show(picture)
        let box = canvas.text("Zoë 0.81", at: Point(x: 20, y: 10), size: 18, .white, plate: .black)
        canvas.copy(into: picture)
        let stored = StoredFrame(picture)
        #expect(box.x == 20 && box.y == 10 && box.width > 60 && box.width < 140 && box.height >= 18 && box.height < 30)
        var bright = 0, dark = 0
        for y in 0..<60 {
            for x in 0..<200 {
                let isInside = x >= 20 && x < Int((20 + box.width).rounded(.up)) && y >= 10 && y < Int((10 + box.height).rounded(.up))
                let value = stored.luma[y * 200 + x]
                if isInside { bright += value > 230 ? 1 : 0; dark += value < 20 ? 1 : 0 } else { #expect(abs(Int(value) - 100) <= 2) }
            }
        }
        let area = Int(box.area)
        #expect(bright > area / 20 && bright < area / 2)
        #expect(dark > area / 3)
        let extent = canvas.extent(of: "Zoë 0.81", size: 18)
        #expect(abs(Double(box.width) - extent.width - 12) < 0.01)
    }

    @Test func writesAPicture() throws {
        let folder = try TemporaryFolder()
        let canvas = Canvas(width: 31, height: 21)
        canvas.fill(BoundingBox(x: 0, y: 0, width: 31, height: 21), .white)
        try canvas.writePNG(folder.file("out.png"))
        let picture = try PictureReader.read(folder.file("out.png"))
        #expect(picture.frame.width == 31 && StoredFrame(picture.frame).luma.allSatisfy { $0 == 255 })
        #expect(throws: MediaError.self) { try canvas.writePNG(folder.file("missing/out.png")) }
    }
}
