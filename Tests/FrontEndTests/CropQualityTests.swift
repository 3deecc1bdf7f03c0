import FrontEnd
import Foundation
import MediaTypes
import Testing

@Suite struct CropQualityTests {
    /// OpenCV's grey rounds as this does; its weights have 14 or 15 bits instead of 8, which moves a grey level by at most one.
    @Test func agreesWithOpenCV() throws {
        let fixture = try Fixtures.pictures(kind: "quality")[0]
        let pixels = fixture.pixels
        let quality = CropQuality(of: pixels.span, width: 112, height: 112)
        #expect(abs(quality.sharpness - fixture.sharpness!) < 0.02 * fixture.sharpness!)
        #expect(abs(quality.brightness - fixture.brightness!) < 0.5)
        #expect(abs(quality.contrast - fixture.contrast!) < 0.2)
    }

    @Test(arguments: [(3, 3), (5, 4), (16, 33), (112, 112)])
    func agreesWithTheDefinition(_ size: (Int, Int)) {
        let (w, h) = size
        let crop: [UInt8] = (0..<w * h).map { (i: Int) -> UInt8 in UInt8((i * 7919 + i * i * 31) % 256) }
        let level: [Double] = crop.map { Double($0) }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        func variance(_ values: [Double]) -> Double {
            let middle = mean(values)
            return mean(values.map { ($0 - middle) * ($0 - middle) })
        }
        var laplacian: [Double] = []
        for y in 1..<h - 1 {
            for x in 1..<w - 1 {
                let i = y * w + x
                let around: Double = level[i - 1] + level[i + 1] + level[i - w] + level[i + w]
                laplacian.append(around - 4 * level[i])
            }
        }
        let quality = CropQuality(of: crop.span, width: w, height: h)
        #expect(abs(Double(quality.brightness) - mean(level)) < 1e-4 * mean(level))
        #expect(abs(Double(quality.contrast) - variance(level).squareRoot()) < 1e-4 * variance(level).squareRoot())
        #expect(abs(Double(quality.sharpness) - variance(laplacian)) <= 1e-4 * variance(laplacian))
    }

    @Test func blurLowersSharpness() {
        let sharp: [UInt8] = (0..<112 * 112).map { (i: Int) -> UInt8 in UInt8((i * 7919 >> 4) % 256) }
        var blurred = sharp
        for i in 113..<112 * 111 { blurred[i] = UInt8((Int(sharp[i - 1]) + 2 * Int(sharp[i]) + Int(sharp[i + 1])) / 4) }
        #expect(CropQuality(of: blurred.span, width: 112, height: 112).sharpness < 0.6 * CropQuality(of: sharp.span, width: 112, height: 112).sharpness)
    }

    /// The mean face, turned by known angles and projected without perspective, gives the angles back.
    @Test func headPoseFindsTheAnglesOfAProjectedFace() throws {
        let face: [SIMD3<Double>] = [
            SIMD3(-3.1511, -2.6246, -3.4657), SIMD3(3.1511, -2.6246, -3.4657), SIMD3(0, 1.1269, -7.4756), SIMD3(-2.4562, 4.3426, -4.2839),
            SIMD3(2.4562, 4.3426, -4.2839),
        ]
        var tried = 0
        for yaw in stride(from: -60.0, through: 60, by: 20) {
            for pitch in stride(from: -30.0, through: 30, by: 15) {
                for roll in [-150.0, -20, 0, 35, 90] {
                    let (y, p, r) = (yaw * .pi / 180, pitch * .pi / 180, roll * .pi / 180)
                    let points = face.map { point -> SIMD2<Float> in
                        // Up by pitch about x, then right by yaw about y, then clockwise in the image.
                        let a: SIMD3<Double> = SIMD3(point.x, point.y * cos(p) + point.z * sin(p), -point.y * sin(p) + point.z * cos(p))
                        let b: SIMD3<Double> = SIMD3(a.x * cos(y) - a.z * sin(y), a.y, a.x * sin(y) + a.z * cos(y))
                        let x: Double = 300 + 12 * (b.x * cos(r) - b.y * sin(r))
                        let y: Double = 200 + 12 * (b.x * sin(r) + b.y * cos(r))
                        return SIMD2(Float(x), Float(y))
                    }
                    let pose = try HeadPose(CropTransformTests.face(points))
                    // A pitched head that turns tilts its eye line a little, which counts as roll: exact only about one axis at a time.
                    let slack = yaw == 0 || pitch == 0 ? 0.1 : 12
                    #expect(abs(Double(pose.yaw) - yaw) < slack, "yaw \(yaw) pitch \(pitch) roll \(roll): \(pose)")
                    #expect(abs(Double(pose.pitch) - pitch) < slack, "yaw \(yaw) pitch \(pitch) roll \(roll): \(pose)")
                    if slack < 1 { #expect(abs(Double(pose.roll) - roll) < slack) }
                    tried += 1
                }
            }
        }
        #expect(tried == 7 * 5 * 5)
    }
}
