import Biometrics
import CRaster
import Testing

/// The kernel against a slow picture of what its comments promise.
@Suite struct RasterTests {
    struct Canvas {
        let width: Int
        let height: Int
        var colour: [Float]
        var depth: [Float]
        var spans: [Int32]

        init(_ width: Int, _ height: Int) {
            self.width = width
            self.height = height
            colour = [Float](repeating: 0, count: 4 * width * height)
            depth = [Float](repeating: -.infinity, count: width * height)
            spans = (0..<2 * height).map { $0 % 2 == 0 ? Int32.max : 0 }
        }

        var isEmpty: Bool { colour.allSatisfy { $0 == 0 } && depth.allSatisfy { $0 == -.infinity } && spans.indices.allSatisfy { spans[$0] == ($0 % 2 == 0 ? Int32.max : 0) } }

        mutating func with(_ body: (fwoc_raster_canvas) -> Void) {
            let (w, h) = (Int32(width), Int32(height))
            unsafe colour.withUnsafeMutableBufferPointer { colour in
                unsafe depth.withUnsafeMutableBufferPointer { depth in
                    unsafe spans.withUnsafeMutableBufferPointer { spans in
                        unsafe body(fwoc_raster_canvas(width: w, height: h, colour: colour.baseAddress!, depth: depth.baseAddress!, spans: spans.baseAddress!))
                    }
                }
            }
        }
    }

    static func corner(_ x: Float, _ y: Float, depth: Float, red: Float, alpha: Float = 1) -> fwoc_raster_corner {
        unsafe fwoc_raster_corner(x: x, y: y, depth: depth, u: 0.5, v: 0.5, light: (red, 1, 1), sheen: (0, 0, 0.25), alpha: alpha)
    }

    static func draw(_ corners: [fwoc_raster_corner], _ indices: [UInt16], on canvas: inout Canvas, blend: Bool = false, block: Int32 = 1, origin: Int32 = 0) {
        let texels: [UInt8] = [255, 0, 0, 255, 255, 255, 0, 255, 255, 0, 0, 255, 255, 255, 0, 255]
        unsafe canvas.with { target in
            unsafe corners.withUnsafeBufferPointer { corners in
                unsafe indices.withUnsafeBufferPointer { indices in
                    unsafe texels.withUnsafeBufferPointer { texels in
                        unsafe fwoc_raster_triangles(
                            target, corners.baseAddress!, indices.baseAddress!, Int32(indices.count / 3), fwoc_raster_texture(texels: texels.baseAddress!, width: 2, height: 2), blend ? 1 : 0, block,
                            origin)
                    }
                }
            }
        }
    }

    @Test(arguments: [(1, 1), (7, 5), (33, 47)]) func trianglesAgreeWithTheReference(_ size: (Int, Int)) {
        var generator = SeededGenerator(seed: UInt64(size.0))
        func real(_ low: Float, _ high: Float) -> Float { low + (high - low) * Float(generator.next() >> 40) * 0x1p-24 }
        var covered = 0
        for _ in 0..<200 {
            var canvas = Canvas(size.0, size.1)
            let corners = (0..<3).map { _ in Self.corner(real(-10, Float(size.0) + 10), real(-10, Float(size.1) + 10), depth: real(1, 9), red: real(0, 1)) }
            Self.draw(corners, [0, 1, 2], on: &canvas)
            for y in 0..<size.1 {
                for x in 0..<size.0 {
                    // Barycentric shares in double precision.
                    let (a, b, c) = (corners[0], corners[1], corners[2])
                    func d(_ p: (Double, Double), _ q: (Double, Double), _ r: (Double, Double)) -> Double { (q.0 - p.0) * (r.1 - p.1) - (r.0 - p.0) * (q.1 - p.1) }
                    let p = (Double(x), Double(y)), ca = (Double(a.x), Double(a.y)), cb = (Double(b.x), Double(b.y)), cc = (Double(c.x), Double(c.y))
                    let area = d(ca, cb, cc)
                    let u = d(p, cb, cc) / area, v = d(p, cc, ca) / area, w = 1 - u - v
                    let margin = min(u, v, w) * abs(area).squareRoot()
                    // At an edge single and double precision may differ.
                    if abs(margin) < 1e-2 || abs(area) < 1 { continue }
                    let at = y * size.0 + x
                    #expect((canvas.colour[4 * at + 3] == 1) == (margin > 0))
                    if margin > 0 {
                        covered += 1
                        let depth = u * Double(a.depth) + v * Double(b.depth) + w * Double(c.depth)
                        let red = u * Double(a.light.0) + v * Double(b.light.0) + w * Double(c.light.0)
                        #expect(abs(Double(canvas.depth[at]) - depth) < 2e-3)
                        #expect(abs(Double(canvas.colour[4 * at]) - red) < 2e-3)
                        // Half between the texture's black and white green, and the sheen alone in blue.
                        #expect(abs(canvas.colour[4 * at + 1] - 0.5) < 1e-5 && abs(canvas.colour[4 * at + 2] - 0.25) < 1e-5)
                    }
                }
            }
        }
        #expect(covered > 20)
    }

    /// Drawing by squares of two samples: the same samples are covered, at the same depths, and a square has the colour of its middle; bands are parts of the whole.
    @Test(arguments: [(2, 2), (8, 6), (34, 48)]) func squaresAndBandsCoverTheSameSamples(_ size: (Int, Int)) {
        var generator = SeededGenerator(seed: 77, stream: size.0)
        func real(_ low: Float, _ high: Float) -> Float { low + (high - low) * Float(generator.next() >> 40) * 0x1p-24 }
        var covered = 0
        for _ in 0..<100 {
            var single = Canvas(size.0, size.1), square = Canvas(size.0, size.1)
            let corners = (0..<6).map { _ in Self.corner(real(-10, Float(size.0) + 10), real(-10, Float(size.1) + 10), depth: real(1, 9), red: real(0, 1)) }
            Self.draw(corners, [0, 1, 2, 3, 4, 5], on: &single)
            Self.draw(corners, [0, 1, 2, 3, 4, 5], on: &square, block: 2)
            #expect(single.spans == square.spans)
            let coverage = zip(single.colour, square.colour).enumerated().allSatisfy { $0.offset % 4 != 3 || $0.element.0 == $0.element.1 }
            #expect(coverage)
            covered += single.depth.count { $0 > 0 }
            let apart = zip(single.depth, square.depth).map { $0 == $1 ? 0 : abs($0 - $1) }.max() ?? 0
            #expect(apart < 1e-3)
            // Bands of two rows.
            for top in stride(from: 0, to: size.1, by: 2) {
                var band = Canvas(size.0, 2)
                Self.draw(corners, [0, 1, 2, 3, 4, 5], on: &band, block: 2, origin: Int32(top))
                let rows = top * size.0..<(top + 2) * size.0
                let different = zip(band.depth, square.depth[rows]).filter { abs($0 - $1) > 1e-3 }.count
                #expect(different == 0)
                let colours = zip(band.colour, square.colour[4 * rows.lowerBound..<4 * rows.upperBound]).map { abs($0 - $1) }.max() ?? 0
                #expect(colours < 1e-3)
            }
        }
        #expect(covered > 20)
    }

    @Test func trianglesThatShareAnEdgeLeaveNoHoleAndDrawNothingTwice() {
        var generator = SeededGenerator(seed: 3)
        func real() -> Float { Float(generator.next() >> 40) * 0x1p-24 }
        for _ in 0..<100 {
            // A fan round a point inside a square, half opaque: every sample of the square is covered exactly once.
            let centre = Self.corner(2 + 16 * real(), 2 + 16 * real(), depth: 1, red: 1, alpha: 0.4)
            let corners = [centre] + [(1, 1), (19, 1), (19, 19), (1, 19)].map { Self.corner(Float($0.0) + 0.5, Float($0.1) + 0.5, depth: 1, red: 1, alpha: 0.4) }
            var canvas = Canvas(21, 21)
            Self.draw(corners, [0, 1, 2, 0, 2, 3, 0, 3, 4, 0, 4, 1], on: &canvas, blend: true)
            for y in 0..<21 {
                for x in 0..<21 {
                    let inside = (2...19).contains(x) && (2...19).contains(y)
                    #expect(abs(canvas.colour[4 * (y * 21 + x) + 3] - (inside ? 0.4 : 0)) < 1e-5)
                }
            }
        }
    }

    @Test func theNearerWins() {
        var canvas = Canvas(9, 9)
        let square: [UInt16] = [0, 1, 2, 0, 2, 3]
        func quad(_ depth: Float, _ red: Float) -> [fwoc_raster_corner] {
            [(-1, -1), (10, -1), (10, 10), (-1, 10)].map { Self.corner(Float($0.0), Float($0.1), depth: depth, red: red) }
        }
        Self.draw(quad(2, 0.5), square, on: &canvas)
        Self.draw(quad(1, 0.9), square, on: &canvas)
        #expect(canvas.colour[4 * 40] == 0.5)
        Self.draw(quad(3, 0.75), square, on: &canvas)
        #expect(canvas.colour[4 * 40] == 0.75)
    }

    @Test func numbersThatAreNoneAndTrianglesFarOutsideDrawNothing() {
        var canvas = Canvas(8, 8)
        for value in [Float.nan, .infinity, 1e30] {
            Self.draw([Self.corner(value, 1, depth: 1, red: 1), Self.corner(7, value, depth: 1, red: 1), Self.corner(1, 7, depth: 1, red: 1)], [0, 1, 2], on: &canvas)
        }
        Self.draw([Self.corner(-1e6, -1e6, depth: 1, red: 1), Self.corner(-1e6, -1e5, depth: 1, red: 1), Self.corner(-1e5, -1e6, depth: 1, red: 1)], [0, 1, 2], on: &canvas)
        #expect(canvas.colour.allSatisfy { $0.isFinite })
    }

    @Test func aStrandHasItsWidthAndIsHiddenByWhatIsNearer() {
        var layer = Canvas(31, 31)
        for y in 0..<31 { for x in 20..<31 { layer.depth[y * 31 + x] = 9 } }
        let knots = [(3, 14.7), (28, 14.7)].map { unsafe fwoc_raster_knot(x: Float($0.0), y: Float($0.1), depth: 5, radius: 1.2, colour: (1, 0.5, 0), alpha: 1) }
        unsafe layer.with { target in unsafe knots.withUnsafeBufferPointer { unsafe fwoc_raster_strand(target, $0.baseAddress!, 2) } }
        func column(_ x: Int) -> Float { (0..<31).reduce(0) { $0 + layer.colour[4 * ($1 * 31 + x) + 3] } }
        #expect(abs(column(10) - 2.4) < 1e-4)
        #expect(column(25) == 0 && column(1) == 0)
    }

    @Test func reductionAveragesWhatWasDrawnAndLeavesTheCanvasEmpty() {
        var canvas = Canvas(6, 4), layer = Canvas(3, 2)
        for i in canvas.colour.indices { canvas.colour[i] = Float(i % 7) }
        for i in canvas.depth.indices { canvas.depth[i] = Float(i) }
        canvas.spans = [2, 4, 3, 4, .max, 0, .max, 0]
        let colour = canvas.colour
        unsafe canvas.with { fine in unsafe layer.with { unsafe fwoc_raster_reduce(fine, 2, $0) } }
        let expected = (colour[4 * 2] + colour[4 * 3] + colour[4 * 8] + colour[4 * 9]) / 4
        #expect(layer.colour[4] == expected)
        #expect(layer.depth[1] == 9)
        #expect(layer.spans == [1, 2, .max, 0])
        // Only what was said to be drawn on is emptied.
        #expect(canvas.colour[4 * 2] == 0 && canvas.colour[4 * 3] == 0 && canvas.colour[4 * 9] == 0 && canvas.depth[3] == -.infinity && canvas.colour[4 * 1] == colour[4 * 1])
        #expect(canvas.spans == [.max, 0, .max, 0, .max, 0, .max, 0])
    }

    /// Triangles, strands, focus and composition of what was drawn on agree with doing it everywhere.
    @Test(arguments: [(1, 1), (2, 3), (33, 47), (64, 40)]) func spansLeaveNothingOut(_ size: (Int, Int)) {
        let (width, height) = size
        var generator = SeededGenerator(seed: 31, stream: width)
        func real(_ low: Float, _ high: Float) -> Float { low + (high - low) * Float(generator.next() >> 40) * 0x1p-24 }
        var fine = Canvas(2 * width, 2 * height), layer = Canvas(width, height)
        for _ in 0..<4 {
            let w = Float(width), h = Float(height)
            Self.draw((0..<3).map { _ in Self.corner(real(-w / 2, 2 * w), real(-h / 2, 2 * h), depth: real(0, 1), red: real(0, 1)) }, [0, 1, 2], on: &fine)
        }
        unsafe fine.with { fine in unsafe layer.with { unsafe fwoc_raster_reduce(fine, 2, $0) } }
        #expect(fine.isEmpty)
        for _ in 0..<6 {
            let knots = (0..<5).map { _ in
                unsafe fwoc_raster_knot(x: real(-9, Float(width) + 9), y: real(-9, Float(height) + 9), depth: 5, radius: real(0.2, 3), colour: (1, 0.5, 0), alpha: 0.7)
            }
            unsafe layer.with { target in unsafe knots.withUnsafeBufferPointer { unsafe fwoc_raster_strand(target, $0.baseAddress!, 5) } }
        }
        for y in 0..<height {
            for x in 0..<width where layer.colour[4 * (y * width + x) + 3] != 0 { #expect((layer.spans[2 * y]..<layer.spans[2 * y + 1]).contains(Int32(x))) }
        }
        // The focus, everywhere.
        var slow = layer.colour
        func at(_ values: [Float], _ x: Int, _ y: Int, _ c: Int) -> Float { values[4 * (y * width + x) + c] }
        if width > 2 {
            let before = slow
            for y in 0..<height { for x in 1..<width - 1 { for c in 0..<4 { slow[4 * (y * width + x) + c] = 0.8 * at(before, x, y, c) + 0.1 * (at(before, x - 1, y, c) + at(before, x + 1, y, c)) } } }
        }
        if height > 2 {
            let before = slow
            for y in 1..<height - 1 { for x in 0..<width { for c in 0..<4 { slow[4 * (y * width + x) + c] = 0.8 * at(before, x, y, c) + 0.1 * (at(before, x, y - 1, c) + at(before, x, y + 1, c)) } } }
        }
        var row = [Float](repeating: 0, count: 4 * width)
        unsafe row.withUnsafeMutableBufferPointer { row in unsafe layer.with { unsafe fwoc_raster_soften($0, 0.1, row.baseAddress!) } }
        let worst = zip(layer.colour, slow).map { abs($0 - $1) }.max() ?? 0
        #expect(worst < 1e-6)
        // Composition at every overlap with the picture, and the layer is empty.
        let encode = (0..<4096).map { UInt8($0 / 16) }, decode = (0..<256).map { Float($0) / 255 }
        for (left, top) in [(0, 0), (-3, 5), (7, -2)] {
            var pixels = [UInt8](repeating: 90, count: 3 * width * height)
            var copy = layer
            unsafe pixels.withUnsafeMutableBufferPointer { pixels in
                unsafe encode.withUnsafeBufferPointer { encode in
                    unsafe decode.withUnsafeBufferPointer { decode in
                        unsafe copy.with { unsafe fwoc_raster_compose($0, Int32(left), Int32(top), pixels.baseAddress!, Int32(width), Int32(height), encode.baseAddress!, decode.baseAddress!) }
                    }
                }
            }
            #expect(copy.isEmpty)
            var wrong = 0
            for y in 0..<height {
                for x in 0..<width {
                    let (u, v) = (x - left, y - top)
                    let cover = u < 0 || v < 0 || u >= width || v >= height ? 0 : at(layer.colour, u, v, 3)
                    for c in 0..<3 {
                        var expected: Float = 90
                        if cover > 0.002 {
                            let most = (0..<3).map { at(layer.colour, u, v, $0) / cover }.max() ?? 0
                            let bent = most > 0.55 ? 0.55 + (most - 0.55) / (1 + (most - 0.55) / 0.45) : most
                            let value = at(layer.colour, u, v, c) / cover * (most > 0 ? bent / most : 1) * min(cover, 1) + 90 / 255 * (1 - min(cover, 1))
                            expected = Float(encode[Int(min(max(value, 0), 1) * 4095 + 0.5)])
                        }
                        if abs(Float(pixels[3 * (y * width + x) + c]) - expected) > 1 { wrong += 1 }
                    }
                }
            }
            #expect(wrong == 0)
        }
    }
}
