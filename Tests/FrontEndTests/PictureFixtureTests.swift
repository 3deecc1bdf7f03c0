import FrontEnd
import MediaTypes
import Testing

/// Against OpenCV (`make_pictures.py`). What differs by design: chroma is interpolated here and replicated there, up to a quarter of a chroma pixel apart on
/// slopes of up to 1.2 levels, times at most 2.1 (0.6 levels); levels are rounded to integers there before they are resampled (½) and after it (½); and
/// OpenCV's coordinates and weights have 5 to 11 bits.
let meanTolerance: Float = 0.6
let largestTolerance: Float = 2
/// Averaging over blocks rounds once more on both sides, and averages chroma before it is interpolated.
let largestToleranceAfterAveraging: Float = 4

@Suite struct PictureFixtureTests {
    @Test(arguments: try! Fixtures.pictures(kind: "letterbox"))
    func detectorInputAgreesWithOpenCV(_ fixture: PictureCase) throws {
        let (width, height) = (fixture.input![0], fixture.input![1])
        let frame = fixture.picture()
        let input = try DetectorInput(contract: FrontEndContract.yunet(width: width, height: height).picture!)
        var output = [Float](repeating: -7, count: 3 * width * height)
        var span = output.mutableSpan
        let letterbox = input.write(frame, into: &span)
        let (mean, largest) = fixture.difference(from: output, height: height, width: width) { $0 }
        #expect(mean <= meanTolerance)
        #expect(largest <= (min(letterbox.scaleX, letterbox.scaleY) <= 2 ? largestTolerance : largestToleranceAfterAveraging))
        for c in 0..<3 {
            for y in 0..<height {
                for x in 0..<width where x >= letterbox.contentWidth || y >= letterbox.contentHeight {
                    #expect(output[(c * height + y) * width + x] == 0)
                }
            }
        }
    }

    @Test(arguments: try! Fixtures.pictures(kind: "aligned"))
    func alignmentAgreesWithOpenCV(_ fixture: PictureCase) throws {
        let transform = try CropTransform(aligning: fixture.face)
        // The fixture's matrix maps the frame to the crop.
        let m = fixture.transform!
        for point in fixture.face.points {
            let crop = transform.cropPoint(point)
            #expect(abs(crop.x - (m[0] * point.x + m[1] * point.y + m[2])) < 2e-3)
            #expect(abs(crop.y - (m[3] * point.x + m[4] * point.y + m[5])) < 2e-3)
        }
        let sampler = CropSampler(maximumSize: 112)
        var output = [UInt8](repeating: 7, count: 3 * 112 * 112)
        var span = output.mutableSpan
        sampler.writeRGB(fixture.picture(), transform, width: 112, height: 112, into: &span)
        let (mean, largest) = fixture.difference(from: output, height: 112, width: 112) { Float($0) }
        #expect(mean <= meanTolerance)
        #expect(largest <= (transform.scale < 2 ? largestTolerance : largestToleranceAfterAveraging))
    }

    @Test(arguments: try! Fixtures.pictures(kind: "level"))
    func levelSquareAgreesWithOpenCV(_ fixture: PictureCase) throws {
        let box = fixture.box!
        let eyes = fixture.eyes!.map { Point(x: $0[0], y: $0[1]) }
        let landmarks = FaceLandmarks(leftEye: eyes[0], rightEye: eyes[1], nose: eyes[0], leftMouth: eyes[0], rightMouth: eyes[1])
        let transform = try CropTransform(
            levelSquareAround: BoundingBox(x: box[0], y: box[1], width: box[2], height: box[3]), eyes: landmarks, size: 192)
        let sampler = CropSampler()
        var output = [UInt8](repeating: 7, count: 3 * 192 * 192)
        var span = output.mutableSpan
        sampler.writeRGB(fixture.picture(), transform, width: 192, height: 192, into: &span)
        let (mean, largest) = fixture.difference(from: output, height: 192, width: 192) { Float($0) }
        #expect(mean <= meanTolerance)
        #expect(largest <= largestTolerance)
        let left = transform.cropPoint(eyes[0])
        let right = transform.cropPoint(eyes[1])
        #expect(abs(left.y - right.y) < 1e-3 && right.x > left.x)
    }

    @Test(arguments: try! Fixtures.pictures(kind: "speaking"))
    func speakingFaceAgreesWithTalkNet(_ fixture: PictureCase) throws {
        let transform = try CropTransform(
            speakingFaceAt: Point(x: fixture.centre![0], y: fixture.centre![1]), halfSide: fixture.halfSide!, size: 112)
        let sampler = CropSampler(maximumSize: 112)
        var output = [UInt8](repeating: 7, count: 112 * 112)
        var span = output.mutableSpan
        sampler.writeGrey(fixture.picture(), transform, width: 112, height: 112, border: 110, into: &span)
        let (mean, largest) = fixture.difference(from: output, height: 112, width: 112) { Float($0) }
        #expect(mean <= meanTolerance)
        #expect(largest <= largestTolerance)
    }
}
