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

        init(_ width: Int, _ height: Int) {
            self.width = width
            self.height = height
            colour = [Float](repeating: 0, count: 4 * width * height)
            depth = [Float](repeating: -.infinity, count: width * height)
        }

        mutating func with(_ body: (fwoc_raster_canvas) -> Void) {
            let (w, h) = (Int32(width), Int32(height))
            unsafe colour.withUnsafeMutableBufferPointer { colour in
                unsafe depth.withUnsafeMutableBufferPointer { depth in
                    unsafe body(fwoc_raster_canvas(width: w, height: h, colour: colour.baseAddress!, depth: depth.baseAddress!))
                }
            }
        }
    }

    static func corner(_ x: Float, _ y: Float, depth: Float, red: Float, alpha: Float = 1) -> fwoc_raster_corner {
        unsafe fwoc_raster_corner(x: x, y: y, depth: depth, u: 0.5, v: 0.5, light: (red, 1, 1), sheen: (0, 0, 0.25), alpha: alpha)
    }

    static func draw(_ corners: [fwoc_raster_corner], _ indices: [UInt16], on canvas: inout Canvas, blend: Bool = false) {
        let texels: [Float] = [1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1]
        unsafe canvas.with { target in
            unsafe corners.withUnsafeBufferPointer { corners in
                unsafe indices.withUnsafeBufferPointer { indices in
                    unsafe texels.withUnsafeBufferPointer { texels in
                        unsafe fwoc_raster_triangles(
                            target, corners.baseAddress!, indices.baseAddress!, Int32(indices.count / 3), fwoc_raster_texture(texels: texels.baseAddress!, width: 2, height: 2), blend ? 1 : 0)
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

    @Test func reductionAverages() {
        var canvas = Canvas(6, 4), layer = Canvas(3, 2)
        for i in canvas.colour.indices { canvas.colour[i] = Float(i % 7) }
        for i in canvas.depth.indices { canvas.depth[i] = Float(i) }
        unsafe canvas.with { fine in unsafe layer.with { unsafe fwoc_raster_reduce(fine, 2, $0) } }
        let expected = (canvas.colour[4 * 2] + canvas.colour[4 * 3] + canvas.colour[4 * 8] + canvas.colour[4 * 9]) / 4
        #expect(layer.colour[4] == expected)
        #expect(layer.depth[1] == 9)
    }
}
