import CRaster
import Foundation
public import MediaTypes

/// Draws one person: head, hair, neck, shoulders, clothes.
///
/// What does not depend on the pose is made once in `init` (some 100 ms). The same calls give the same bytes on one machine. Thread-bound.
public final class HeadRenderer {
    public let identity: FaceIdentity
    private let shape: HeadShape
    private let hair: Hair
    private let body: Body
    private let inner: EyesAndMouth
    private let skinTexels: Texels
    private let hairTexels: Texels
    private let cavityTexels: Texels
    private let white: Texels
    private let glasses: Glasses?
    private var canvas = Layer()
    private var layer = Layer()
    private var scratch: [Float] = []
    private var corners: [fwoc_raster_corner] = []
    private var isAway: [Bool] = []
    private var front: [UInt16] = []
    private var knots: [fwoc_raster_knot] = []
    private var order: [Int32] = []
    private var hairKnots: [fwoc_raster_knot] = []
    private var hairPositions: [Float]
    private static let fineness = 2
    /// Rows of the picture that are drawn at a time.
    private static let band = 32

    private struct Piece {
        let corners: Range<Int>
        let indices: Range<Int>
        let texture: Texels
        let blend: Bool
    }

    private var pieces: [Piece] = []
    /// Head units from the camera to the eyes.
    private static let distance: Float = 62

    public init(identity: FaceIdentity, model: FaceModel) {
        self.identity = identity
        let texture = FaceTexture(identity, model)
        shape = HeadShape(identity, model, texture)
        hair = Hair(identity, shape)
        hairPositions = hair.flat.positions
        body = Body(identity, shape, texture)
        inner = EyesAndMouth(identity)
        skinTexels = Texels(texture.texture)
        hairTexels = Texels(Texture(width: 2, height: 2, colour: identity.hairColour * 0.62))
        cavityTexels = Texels(Texture(width: 2, height: 2, colour: Vector(0.045, 0.013, 0.011)))
        white = Texels(Texture(width: 2, height: 2))
        glasses = identity.traits.glasses == true ? Glasses(identity, shape) : nil
    }

    // MARK: Drawing

    /// The head's turning and the camera.
    private struct View {
        let rows: (Vector, Vector, Vector)
        let origin: Vector
        let offset: Vector
        let scale: Float
        let centre: SIMD2<Float>

        init(_ pose: FacePose, origin: Vector, offset: Vector = .zero, scale: Float, centre: SIMD2<Float>) {
            let degrees = Float.pi / 180
            let (sy, cy) = (sin(pose.yaw * degrees), cos(pose.yaw * degrees))
            let (sp, cp) = (sin(pose.pitch * degrees), cos(pose.pitch * degrees))
            let (sr, cr) = (sin(pose.roll * degrees), cos(pose.roll * degrees))
            // Pitch about x, then yaw about y, then roll about the camera's axis.
            let a = Vector(cy, -sy * sp, sy * cp), b = Vector(0, cp, sp), c = Vector(-sy, -cy * sp, cy * cp)
            rows = (a * cr + b * sr, b * cr - a * sr, c)
            self.origin = origin
            self.offset = offset
            self.scale = scale
            self.centre = centre
        }

        /// To the camera's axes, about the point between the eyes.
        func turned(_ p: Vector) -> Vector { direction(p - origin) + offset }

        func direction(_ v: Vector) -> Vector { Vector(dot(rows.0, v), dot(rows.1, v), dot(rows.2, v)) }

        /// From the camera's axes to the head's.
        func inverse(_ v: Vector) -> Vector { rows.0 * v.x + rows.1 * v.y + rows.2 * v.z }

        /// Pixels and depth.
        func project(_ p: Vector) -> Vector {
            let q = turned(p)
            let s = scale * HeadRenderer.distance / max(HeadRenderer.distance - q.z, 5)
            return Vector(centre.x + q.x * s, centre.y - q.y * s, q.z)
        }
    }

    /// Draws the person in front of what the picture shows.
    /// - Precondition: the eye distance is 2…2000 pixels and the centre is finite.
    public func draw(_ pose: FacePose, lighting: FaceLighting, placement: HeadPlacement, onto picture: inout Picture) -> DrawnFace {
        precondition((2...2000).contains(placement.eyeDistance) && placement.centre.x.isFinite && placement.centre.y.isFinite, "a head at \(placement)")
        let scale = placement.eyeDistance / shape.eyeDistance
        let head = View(pose, origin: shape.eyeMiddle, scale: scale, centre: placement.centre)
        let still = FacePose(yaw: pose.yaw * 0.12, pitch: 0, roll: pose.roll * 0.15)
        let trunk = View(still, origin: body.pivot, offset: head.turned(body.pivot), scale: scale, centre: placement.centre)
        let points = shape.points(pose)
        let projected = points.map { head.project($0) }
        let drawn = truth(projected, picture)

        // What the person can cover, within the picture.
        let reach = 34 * scale
        let left = max(0, Int((placement.centre.x - reach).rounded(.down))), right = min(picture.width, Int((placement.centre.x + reach).rounded(.up)) + 1)
        let top = max(0, Int((placement.centre.y - 24 * scale).rounded(.down))), bottom = min(picture.height, Int((placement.centre.y + 75 * scale).rounded(.up)) + 1)
        guard right > left, bottom > top else { return drawn }
        layer.shape(width: right - left, height: bottom - top)
        canvas.shape(width: Self.fineness * layer.width, height: Self.fineness * Self.band)
        corners.removeAll(keepingCapacity: true)
        front.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
        let corner = SIMD2(Float(left), Float(top))

        func surface(_ surface: Surface, _ texture: Texels, _ view: View, blend: Bool = false, tint: Vector = Vector(repeating: 1), bias: Float = 0) {
            place(surface, texture, view, lighting, corner, blend: blend, tint: tint, bias: bias)
        }
        surface(body.torso, body.clothes, trunk)
        surface(body.neck, skinTexels, trunk)
        var skin = shape.skin
        for i in points.indices { skin.positions[i] = points[i] }
        surface(skin, skinTexels, head)
        surface(shape.ears, skinTexels, head)
        for ring in [FaceMesh.leftEye, FaceMesh.rightEye] {
            surface(inner.eye(ring, points, gaze: pose.gaze, blink: pose.blink), inner.eyeTexture, head)
        }
        surface(inner.cavity(points), cavityTexels, head)
        let gap = points[FaceMesh.lipMiddles.upper].y - points[FaceMesh.lipMiddles.lower].y
        if gap > 0.08 {
            let tongue = inner.tongue(points, raised: pose.mouth.tongue)
            surface(tongue.surface, white, head, tint: tongue.colour)
            surface(inner.teethRow(upper: true, rest: shape.rest, points: points), inner.teeth, head)
            surface(inner.teethRow(upper: false, rest: shape.rest, points: points), inner.teeth, head)
        }
        if let cap = hair.cap { surface(cap, hairTexels, head, blend: true) }
        drawPieces()
        drawLids(points, head, pose, lighting, corner)
        drawHair(points, head, lighting, corner)
        if let glasses { drawGlasses(glasses, head, lighting, corner) }
        if scratch.count < 4 * layer.width { scratch = [Float](repeating: 0, count: 4 * layer.width) }
        unsafe scratch.withUnsafeMutableBufferPointer { row in
            unsafe layer.withCanvas { unsafe fwoc_raster_soften($0, 0.09, row.baseAddress!) }
        }
        let (width, height) = (Int32(picture.width), Int32(picture.height))
        unsafe picture.pixels.withUnsafeMutableBufferPointer { pixels in
            unsafe Transfer.encode.withUnsafeBufferPointer { encode in
                unsafe Transfer.decode.withUnsafeBufferPointer { decode in
                    unsafe layer.withCanvas {
                        unsafe fwoc_raster_compose($0, Int32(left), Int32(top), pixels.baseAddress!, width, height, encode.baseAddress!, decode.baseAddress!)
                    }
                }
            }
        }
        return drawn
    }

    private func truth(_ points: [Vector], _ picture: Picture) -> DrawnFace {
        func point(_ p: Vector) -> Point { Point(x: p.x, y: p.y) }
        func middle(_ ring: [Int]) -> Point { point(ring.reduce(Vector.zero) { $0 + points[$1] } / Float(ring.count)) }
        let landmarks = FaceLandmarks(
            leftEye: middle(FaceMesh.leftEye), rightEye: middle(FaceMesh.rightEye), nose: point(points[FaceMesh.nose]),
            leftMouth: point(points[FaceMesh.mouthCorners.left]), rightMouth: point(points[FaceMesh.mouthCorners.right]))
        let xs = points.map(\.x), ys = points.map(\.y)
        let (x0, x1, y0, y1) = (xs.min() ?? 0, xs.max() ?? 0, ys.min() ?? 0, ys.max() ?? 0)
        let box = BoundingBox(x: x0, y: y0, width: x1 - x0, height: y1 - y0)
        let inside = BoundingBox(
            x: max(x0, -0.5), y: max(y0, -0.5), width: min(x1, Float(picture.width) - 0.5) - max(x0, -0.5), height: min(y1, Float(picture.height) - 0.5) - max(y0, -0.5))
        return DrawnFace(box: box, landmarks: landmarks, points: points.map(point), visible: box.area > 0 ? inside.area / box.area : 0)
    }

    /// Projects and lights a surface, for ``drawPieces()``.
    private func place(
        _ surface: Surface, _ texture: Texels, _ view: View, _ lighting: FaceLighting, _ corner: SIMD2<Float>, blend: Bool, tint: Vector, bias: Float
    ) {
        let normals = surface.normals()
        let fine = Float(Self.fineness), shift = (fine - 1) / 2
        let lamp = unit(lighting.keyDirection)
        let half = unit(lamp + Vector(0, 0, 1))
        // Taken out of the object meanwhile: each access to it is checked.
        var (corners, front, isAway) = unsafe (self.corners, self.front, self.isAway)
        unsafe (self.corners, self.front, self.isAway) = ([], [], [])
        defer { unsafe (self.corners, self.front, self.isAway) = (corners, front, isAway) }
        let firstCorner = corners.count, firstIndex = front.count
        isAway.removeAll(keepingCapacity: true)
        for i in surface.positions.indices {
            let p = view.project(surface.positions[i])
            let normal = view.direction(normals[i])
            // The margin leaves what perspective turns into view.
            isAway.append(normal.z < -0.45)
            let light = lighting.irradiance(normal, toLamp: lamp, up: Vector(0, 1, 0)) * (surface.openness[i] * lighting.exposure) * tint
            var sheen = Vector.zero
            if surface.gloss > 0 {
                let facing = max(0, dot(normal, half))
                let rim = 1 - max(0, normal.z)
                sheen = lighting.keyColour * (surface.gloss * surface.openness[i] * lighting.exposure * (0.03 * power(facing, 12) + 0.035 * power(facing, 36) + 0.012 * rim * rim * rim))
            }
            let uv = surface.coordinates[i]
            unsafe corners.append(
                fwoc_raster_corner(
                    x: (p.x - corner.x) * fine + shift, y: (p.y - corner.y) * fine + shift, depth: p.z + bias, u: uv.x, v: uv.y, light: (light.x, light.y, light.z),
                    sheen: (sheen.x, sheen.y, sheen.z), alpha: surface.alpha[i]))
        }
        // The back of a head is not seen; half its triangles need not be looked at.
        for t in stride(from: 0, to: surface.triangles.count, by: 3) {
            let (a, b, c) = (surface.triangles[t], surface.triangles[t + 1], surface.triangles[t + 2])
            if isAway[Int(a)], isAway[Int(b)], isAway[Int(c)] { continue }
            front.append(a)
            front.append(b)
            front.append(c)
        }
        pieces.append(Piece(corners: firstCorner..<corners.count, indices: firstIndex..<front.count, texture: texture, blend: blend))
    }

    /// Draws what was placed, band by band, so that the fine canvas stays in the processor's cache.
    private func drawPieces() {
        for top in stride(from: 0, to: layer.height, by: Self.band) {
            // The last band may be lower: what is drawn is taken over and emptied, or is not drawn.
            let rows = top..<min(top + Self.band, layer.height)
            unsafe corners.withUnsafeBufferPointer { corners in
                unsafe front.withUnsafeBufferPointer { indices in
                    unsafe canvas.withCanvas(rows: 0..<Self.fineness * rows.count) { canvas in
                        for piece in pieces {
                            unsafe piece.texture.bytes.withUnsafeBufferPointer { texels in
                                unsafe fwoc_raster_triangles(
                                    canvas, corners.baseAddress! + piece.corners.lowerBound, indices.baseAddress! + piece.indices.lowerBound, Int32(piece.indices.count / 3),
                                    fwoc_raster_texture(texels: texels.baseAddress!, width: Int32(piece.texture.width), height: Int32(piece.texture.height)), piece.blend ? 1 : 0,
                                    Int32(Self.fineness), Int32(Self.fineness * top))
                            }
                        }
                        unsafe layer.withCanvas(rows: rows) { unsafe fwoc_raster_reduce(canvas, Int32(Self.fineness), $0) }
                    }
                }
            }
        }
    }

    private func strand(_ line: [Vector], radius: Float, colour: Vector, alpha: Float, _ view: View, _ corner: SIMD2<Float>, taper: Bool = false) {
        knots.removeAll(keepingCapacity: true)
        for (k, p) in line.enumerated() {
            let q = view.project(p)
            let t = Float(k) / Float(max(line.count - 1, 1))
            let thin: Float = taper ? sin(Float.pi * min(max(t, 0.06), 0.94)) : 1
            unsafe knots.append(
                fwoc_raster_knot(
                    x: q.x - corner.x, y: q.y - corner.y, depth: q.z, radius: max(radius * view.scale * thin, 0.12), colour: (colour.x, colour.y, colour.z), alpha: alpha * thin))
        }
        unsafe knots.withUnsafeBufferPointer { knots in unsafe layer.withCanvas { unsafe fwoc_raster_strand($0, knots.baseAddress!, Int32(knots.count)) } }
    }

    /// Lashes along the lids, and the light's reflection in the eyes.
    private func drawLids(_ points: [Vector], _ view: View, _ pose: FacePose, _ lighting: FaceLighting, _ corner: SIMD2<Float>) {
        let woman = identity.sex == .female
        let lash = mix(identity.browColour * 0.3, Vector(0.01, 0.008, 0.007), 0.5) * lighting.exposure
        let faint: Float = min(1, view.scale / 5)
        for (ring, lids) in [(FaceMesh.leftEye, FaceMesh.leftLids), (FaceMesh.rightEye, FaceMesh.rightLids)] {
            let outer = points[ring[0]], inner = points[ring[8]]
            strand([outer] + lids.upper.map { points[$0] } + [inner], radius: woman ? 0.085 : 0.06, colour: lash, alpha: (woman ? 0.75 : 0.55) * faint, view, corner, taper: true)
            strand([outer] + lids.lower.map { points[$0] } + [inner], radius: 0.04, colour: lash, alpha: 0.22 * faint, view, corner, taper: true)
            guard pose.blink < 0.6 else { continue }
            // Where the lamp is seen in the cornea.
            let lamp = unit(lighting.keyDirection)
            let middle = (points[lids.upper[3]] + points[lids.lower[3]]) / 2
            let seen = middle + Vector(0.42 * pose.gaze.x + 0.22 * lamp.x, 0.06 + 0.3 * pose.gaze.y * 0.8 + 0.2 * lamp.y, 0.3)
            let bright = (lighting.keyColour * 0.9 + lighting.ambient * 0.15) * lighting.exposure
            strand([seen - Vector(0.05, 0, 0), seen + Vector(0.07, 0.02, 0)], radius: 0.07, colour: bright, alpha: 0.7 * faint, view, corner)
        }
    }

    private func drawHair(_ points: [Vector], _ view: View, _ lighting: FaceLighting, _ corner: SIMD2<Float>) {
        guard !hair.strands.isEmpty else { return }
        // Small heads get fewer, wider strands: several in one pixel cost time and show nothing. They grow in random order, so that any first part is spread evenly.
        let least: Float = hair.isThick ? 0.35 : 0.5
        let share = min(max(least + (1 - least) * (view.scale - 5) / 9, least), 1)
        let shown = hair.anchors.count + Int(share * Float(hair.strands.count - hair.anchors.count))
        // A beard goes with the jaw.
        for (strand, anchor) in zip(hair.strands, hair.anchors) {
            let move = points[anchor] - shape.rest[anchor]
            for k in strand {
                let p = hair.knots[k] + move
                hairPositions[3 * k] = p.x
                hairPositions[3 * k + 1] = p.y
                hairPositions[3 * k + 2] = p.z
            }
        }
        let toLamp = view.inverse(unit(lighting.keyDirection)), up = view.inverse(Vector(0, 1, 0)), toCamera = view.inverse(Vector(0, 0, 1))
        let half = unit(toLamp + toCamera)
        func three(_ v: Vector) -> (Float, Float, Float) { (v.x, v.y, v.z) }
        let (a, b, c) = view.rows
        let camera = fwoc_raster_hair_view(
            rows: (a.x, a.y, a.z, b.x, b.y, b.z, c.x, c.y, c.z), origin: three(view.origin), scale: view.scale, distance: Self.distance,
            centre: (view.centre.x - corner.x, view.centre.y - corner.y), lamp: three(toLamp), half: three(half), up: three(up), toCamera: three(toCamera),
            key: three(lighting.keyColour), ambient: three(lighting.ambient), slope: lighting.ambientSlope, exposure: lighting.exposure, colour: three(hair.colour), depthBias: 0.12,
            least: 0.22, strength: min(1, 0.55 + 0.05 * view.scale), widening: 1 / share.squareRoot())
        let strands = hair.strands[..<shown]
        let count = strands.last?.upperBound ?? 0
        if hairKnots.count < count { hairKnots = unsafe [fwoc_raster_knot](repeating: fwoc_raster_knot(), count: count) }
        unsafe hairPositions.withUnsafeBufferPointer { positions in
            unsafe hair.flat.tangents.withUnsafeBufferPointer { tangents in
                unsafe hair.flat.normals.withUnsafeBufferPointer { normals in
                    unsafe hair.tones.withUnsafeBufferPointer { tones in
                        unsafe hair.opacities.withUnsafeBufferPointer { opacities in
                            unsafe hair.radii.withUnsafeBufferPointer { radii in
                                unsafe hairKnots.withUnsafeMutableBufferPointer { out in
                                    let grown = unsafe fwoc_raster_hair(
                                        positions: positions.baseAddress!, tangents: tangents.baseAddress!, normals: normals.baseAddress!, tones: tones.baseAddress!,
                                        opacities: opacities.baseAddress!, radii: radii.baseAddress!, knots: Int32(count))
                                    unsafe fwoc_raster_light_hair(grown, camera, out.baseAddress!)
                                }
                            }
                        }
                    }
                }
            }
        }
        // Back to front in 512 steps of depth: a stable order without comparisons.
        var bins = [Int32](repeating: 0, count: 513)
        var keys = [Int16](repeating: 0, count: strands.count)
        for (i, strand) in strands.enumerated() {
            let depth = unsafe hairKnots[(strand.lowerBound + strand.upperBound) / 2].depth
            let key = Int(min(max((depth + 26) * 10, 0), 511))
            keys[i] = Int16(key)
            bins[key + 1] += 1
        }
        for i in 1...512 { bins[i] += bins[i - 1] }
        if order.count != strands.count { order = [Int32](repeating: 0, count: strands.count) }
        for i in keys.indices {
            order[Int(bins[Int(keys[i])])] = Int32(i)
            bins[Int(keys[i])] += 1
        }
        unsafe hairKnots.withUnsafeBufferPointer { knots in
            unsafe layer.withCanvas { layer in
                for index in order {
                    let range = hair.strands[Int(index)]
                    unsafe fwoc_raster_strand(layer, knots.baseAddress! + range.lowerBound, Int32(range.count))
                }
            }
        }
    }

    private func drawGlasses(_ glasses: Glasses, _ view: View, _ lighting: FaceLighting, _ corner: SIMD2<Float>) {
        let light = (lighting.ambient + lighting.keyColour * 0.5) * lighting.exposure
        for line in glasses.lines {
            strand(line, radius: glasses.radius, colour: glasses.colour * light + lighting.keyColour * 0.02, alpha: glasses.alpha, view, corner)
        }
    }
}

/// A canvas's memory, grown as needed. The kernels leave it empty, whatever its shape was.
private struct Layer {
    private(set) var width = 0
    private(set) var height = 0
    private var colour: [Float] = []
    private var depth: [Float] = []
    private var spans: [Int32] = []

    mutating func shape(width: Int, height: Int) {
        self.width = width
        self.height = height
        let count = width * height
        if depth.count < count {
            colour = [Float](repeating: 0, count: 4 * count)
            depth = [Float](repeating: -.infinity, count: count)
        }
        if spans.count < 2 * height { spans = (0..<2 * height).map { $0 % 2 == 0 ? Int32.max : 0 } }
    }

    mutating func withCanvas(rows: Range<Int>? = nil, _ body: (fwoc_raster_canvas) -> Void) {
        let rows = rows ?? 0..<height
        let (width, height, first) = (Int32(width), Int32(rows.count), rows.lowerBound * width)
        unsafe colour.withUnsafeMutableBufferPointer { colour in
            unsafe depth.withUnsafeMutableBufferPointer { depth in
                unsafe spans.withUnsafeMutableBufferPointer { spans in
                    unsafe body(
                        fwoc_raster_canvas(
                            width: width, height: height, colour: colour.baseAddress! + 4 * first, depth: depth.baseAddress! + first, spans: spans.baseAddress! + 2 * rows.lowerBound))
                }
            }
        }
    }
}

/// Between sRGB bytes and linear light.
private enum Transfer {
    static let decode: [Float] = (0..<256).map { linear(Vector(repeating: Float($0))).x }
    static let encode: [UInt8] = (0..<4096).map { i in
        let v = Float(i) / 4095
        let s = v <= 0.0031308 ? 12.92 * v : 1.055 * power(v, 1 / 2.4) - 0.055
        return UInt8(min(max(s * 255 + 0.5, 0), 255))
    }
}
