import MediaTypes
import Testing

struct MediaTypesTests {
    @Test func overlapOfBoxes() {
        let box = BoundingBox(x: 10, y: 20, width: 40, height: 20)
        #expect(box.intersectionOverUnion(box) == 1)
        #expect(box.intersectionOverUnion(BoundingBox(x: 50, y: 20, width: 10, height: 10)) == 0)
        // Half of each: 20·20 over 2·800 − 400.
        #expect(abs(box.intersectionOverUnion(BoundingBox(x: 30, y: 20, width: 40, height: 20)) - 1.0 / 3) < 1e-6)
        #expect(BoundingBox(x: 0, y: 0, width: -3, height: 5).area == 0)
    }

    @Test func instantsAndSpans() {
        let start = Instant.seconds(1.5)
        #expect(start + .milliseconds(40) - start == .milliseconds(40))
        #expect((Instant.zero - start).milliseconds == -1500)
        #expect(AudioFormat.span(samples: 16_000) == .seconds(1))
        #expect(AudioBlock(start: start, samples: [Float](repeating: 0, count: 160)).end == start + .milliseconds(10))
    }

    @Test(arguments: [(1, 1), (321, 241), (640, 360)])
    func planesOfAFrame(width: Int, height: Int) {
        let frame = VideoFrame(width: width, height: height)
        #expect(frame.luma.count == width * height)
        #expect(frame.cb.count == ((width + 1) / 2) * ((height + 1) / 2))
        unsafe frame.withUnsafePlanes { y, u, v in
            unsafe y[width * height - 1] = 7
            unsafe u[0] = 8
            unsafe v[0] = 9
        }
        #expect(frame.luma[width * height - 1] == 7)
        #expect(frame.cb[0] == 8)
        #expect(frame.cr[0] == 9)
    }

    @Test func aMarginMovesEveryPlane() {
        let frame = VideoFrame(width: 5, height: 3, instant: Instant(nanoseconds: 7), colourSpace: ColourSpace(matrix: .bt709, isFullRange: false))
        unsafe frame.withUnsafePlanes { y, u, v in
            for place in 0..<15 { unsafe y[place] = UInt8(100 + place) }
            for place in 0..<6 { unsafe (u[place], v[place]) = (UInt8(60 + place), UInt8(200 + place)) }
        }
        let wider = frame.withMargin(left: 6, top: 2)
        #expect(wider.width == 11 && wider.height == 5 && wider.chromaWidth == 6 && wider.chromaHeight == 3 && wider.instant == frame.instant && wider.colourSpace == frame.colourSpace)
        for row in 0..<5 { for column in 0..<11 { #expect(wider.luma[row * 11 + column] == (row < 2 || column < 6 ? 16 : UInt8(100 + (row - 2) * 5 + column - 6))) } }
        for row in 0..<3 {
            for column in 0..<6 {
                let inside = row >= 1 && column >= 3 ? (row - 1) * 3 + column - 3 : nil
                #expect(wider.cb[row * 6 + column] == (inside.map { UInt8(60 + $0) } ?? 128) && wider.cr[row * 6 + column] == (inside.map { UInt8(200 + $0) } ?? 128))
            }
        }
        let same = frame.withMargin(left: 0, top: 0)
        #expect((0..<15).allSatisfy { same.luma[$0] == frame.luma[$0] })
    }
}
