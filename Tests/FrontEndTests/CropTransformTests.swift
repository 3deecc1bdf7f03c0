import FrontEnd
import Foundation
import MediaTypes
import Testing

@Suite struct CropTransformTests {
    static func face(_ points: [SIMD2<Float>]) -> FaceLandmarks {
        let p = points.map { Point(x: $0.x, y: $0.y) }
        return FaceLandmarks(leftEye: p[0], rightEye: p[1], nose: p[2], leftMouth: p[3], rightMouth: p[4])
    }

    @Test func alignmentOfTheTemplateItselfIsTheIdentity() throws {
        let transform = try CropTransform(aligning: Self.face(AlignmentTemplate.arcFace112))
        #expect(abs(transform.a - 1) < 1e-6 && abs(transform.b) < 1e-6 && abs(transform.tx) < 1e-4 && abs(transform.ty) < 1e-4)
    }

    @Test func alignmentIsTheLeastSquaresOptimum() throws {
        let landmarks = Self.face([SIMD2(120, 95), SIMD2(171, 102), SIMD2(140, 131), SIMD2(118, 150), SIMD2(160, 158)])
        func error(_ t: CropTransform) -> Float {
            zip(landmarks.points, AlignmentTemplate.arcFace112).reduce(0) { sum, pair in
                let p = t.cropPoint(pair.0)
                return sum + (p.x - pair.1.x) * (p.x - pair.1.x) + (p.y - pair.1.y) * (p.y - pair.1.y)
            }
        }
        let best = try CropTransform(aligning: landmarks)
        for change in [
            CropTransform(a: 0.01, b: 0, tx: 0, ty: 0), CropTransform(a: 0, b: 0.01, tx: 0, ty: 0), CropTransform(a: 0, b: 0, tx: 0.5, ty: 0),
            CropTransform(a: 0, b: 0, tx: 0, ty: 0.5),
        ] {
            for sign: Float in [-1, 1] {
                let other = CropTransform(
                    a: best.a + sign * change.a, b: best.b + sign * change.b, tx: best.tx + sign * change.tx, ty: best.ty + sign * change.ty)
                #expect(error(best) < error(other))
            }
        }
    }

    @Test func aMirroredFaceIsNotReflected() throws {
        // Left and right exchanged: the best similarity has a positive determinant all the same.
        let t = AlignmentTemplate.arcFace112
        let transform = try CropTransform(aligning: Self.face([t[1], t[0], t[2], t[4], t[3]]))
        let step = transform.framePoint(Point(x: 1, y: 0))
        let origin = transform.framePoint(Point(x: 0, y: 0))
        let down = transform.framePoint(Point(x: 0, y: 1))
        #expect((step.x - origin.x) * (down.y - origin.y) - (step.y - origin.y) * (down.x - origin.x) > 0)
    }

    @Test func pointsGoThereAndBack() {
        let transform = CropTransform(a: 1.7, b: -0.6, tx: 33, ty: -12)
        for p in [Point(x: 0, y: 0), Point(x: 111, y: 3.5), Point(x: -20, y: 300)] {
            let back = transform.cropPoint(transform.framePoint(p))
            #expect(abs(back.x - p.x) < 1e-3 && abs(back.y - p.y) < 1e-3)
        }
    }

    @Test func degenerateFacesAreRefused() {
        let same = Self.face([SIMD2<Float>](repeating: SIMD2(5, 5), count: 5))
        #expect(throws: FrontEndError.self) { try CropTransform(aligning: same) }
        #expect(throws: FrontEndError.self) { try CropTransform(mouthOf: same, size: 96) }
        #expect(throws: FrontEndError.self) { try HeadPose(same) }
        var broken = Self.face(AlignmentTemplate.arcFace112)
        broken.nose.x = .nan
        #expect(throws: FrontEndError.self) { try CropTransform(aligning: broken) }
        #expect(throws: FrontEndError.self) { try HeadPose(broken) }
        broken.nose.x = .infinity
        #expect(throws: FrontEndError.self) { try CropTransform(aligning: broken) }
        let face = Self.face(AlignmentTemplate.arcFace112)
        #expect(throws: FrontEndError.contractMismatch(field: "picture.template", got: "4 points", expected: "5 points")) {
            try CropTransform(aligning: face, to: Array(AlignmentTemplate.arcFace112.prefix(4)))
        }
        for box in [BoundingBox(x: 0, y: 0, width: 0, height: 5), BoundingBox(x: 0, y: 0, width: -3, height: 5), BoundingBox(x: .nan, y: 0, width: 3, height: 5)] {
            #expect(throws: FrontEndError.self) { try CropTransform(levelSquareAround: box, eyes: nil, size: 192) }
        }
        #expect(throws: FrontEndError.self) { try CropTransform(speakingFaceAt: Point(x: 3, y: 3), halfSide: 0) }
    }

    @Test func mouthCropIsCentredUprightAndKeepsItsSizeWhenTheHeadTurns() throws {
        let face = Self.face([SIMD2(100, 100), SIMD2(160, 100), SIMD2(130, 135), SIMD2(110, 165), SIMD2(150, 167)])
        let transform = try CropTransform(mouthOf: face, widthScale: 2, size: 96)
        let centre = transform.cropPoint(Point(x: 130, y: 166))
        #expect(abs(centre.x - 47.5) < 1e-3 && abs(centre.y - 47.5) < 1e-3 && transform.b == 0)
        #expect(abs(transform.scale * 96 - 2 * Float(1604).squareRoot()) < 1e-3)
        let profile = Self.face([SIMD2(100, 100), SIMD2(115, 100), SIMD2(120, 135), SIMD2(110, 165), SIMD2(112, 167)])
        let turned = try CropTransform(mouthOf: profile, widthScale: 2, size: 96)
        #expect(turned.scale > 0.9 * transform.scale)
    }

    @Test(arguments: [1, 2, 3, 12, 13, 15])
    func runningMedianAgreesWithSorting(_ length: Int) {
        var random = Seeded(state: UInt64(length))
        var median = RunningMedian(length: length)
        var all: [Float] = []
        for _ in 0..<60 {
            all.append(Float(Int.random(in: -9...9, using: &random)))
            let latest = all.suffix(length).sorted()
            let middle = latest.count / 2
            #expect(median.append(all.last!) == (latest.count % 2 == 1 ? latest[middle] : (latest[middle - 1] + latest[middle]) / 2))
        }
        median.reset()
        #expect(median.append(4) == 4)
    }
}
