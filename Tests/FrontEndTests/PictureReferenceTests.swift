import FrontEnd
import MediaTypes
import Testing

@Suite struct PictureReferenceTests {
    static let sizes = [(64, 48), (65, 49), (161, 121), (127, 255), (1, 1), (2, 1), (1, 2), (3, 3), (17, 200), (333, 222), (640, 360), (401, 399)]
    static let inputs = [(32, 32), (96, 64), (64, 96), (33, 17), (160, 128)]
    static let colours = [
        ColourSpace(matrix: .bt601, isFullRange: false), ColourSpace(matrix: .bt709, isFullRange: false), ColourSpace(matrix: .bt2020, isFullRange: true),
    ]

    /// Rows are blended with weights of 1/256 and columns with 1/2048, so a plane is wrong by at most 255·(1/512 + 1/4096) = 0.56 levels, and
    /// the gains 1.164 (luma) and 2.14 (the largest of chroma) add up. The picture's slopes are far smaller than 255: luma 60, chroma 2.
    @Test(arguments: sizes)
    func detectorInputAgreesWithTheReference(_ size: (Int, Int)) throws {
        var compared = 0
        for colour in Self.colours {
            let frame = syntheticFrame(size.0, size.1, matrix: colour.matrix, isFullRange: colour.isFullRange)
            for (width, height) in Self.inputs {
                let contract = PictureContract(
                    width: width, height: height, colour: .rgb, geometry: .letterbox, border: 9, mean: [10, 20, 30], scale: [0.5, 0.25, 2])
                let input = try DetectorInput(contract: contract)
                var output = [Float](repeating: .nan, count: contract.elementCount)
                var span = output.mutableSpan
                let letterbox = input.write(frame, into: &span)
                #expect(letterbox == Letterbox(frameWidth: size.0, frameHeight: size.1, width: width, height: height))
                let expected = ReferencePicture(frame: frame).resized(letterbox)
                var worst = 0.0
                for c in 0..<3 {
                    for y in 0..<height {
                        for x in 0..<width {
                            let got = Double(output[(c * height + y) * width + x]) / Double(contract.scale[c]) + Double(contract.mean[c])
                            let inside = x < letterbox.contentWidth && y < letterbox.contentHeight
                            let wanted = inside ? expected[(c * letterbox.contentHeight + y) * letterbox.contentWidth + x] : 9
                            // NaN where something was not written.
                            worst = max(worst, got.isFinite ? abs(got - wanted) : .infinity)
                            compared += 1
                        }
                    }
                }
                #expect(worst < 0.2, "\(size) to \(width)x\(height)")
            }
        }
        #expect(compared == 3 * 3 * Self.inputs.reduce(0) { $0 + $1.0 * $1.1 })
    }

    @Test(arguments: sizes)
    func everyVariantGivesTheSameBits(_ size: (Int, Int)) throws {
        let frame = syntheticFrame(size.0, size.1)
        let variants = KernelVariant.allCases.filter(\.isAvailable)
        for (width, height) in Self.inputs {
            let outputs = try variants.map { variant in
                let contract = FrontEndContract.yunet(width: width, height: height).picture!
                var output = [Float](repeating: 0, count: contract.elementCount)
                var span = output.mutableSpan
                _ = try DetectorInput(contract: contract, variant: variant).write(frame, into: &span)
                return output
            }
            #expect(outputs.allSatisfy { $0 == outputs[0] })
        }
        for transform in Self.transforms(size) {
            let crops = variants.map { variant in
                let sampler = CropSampler(maximumSize: 57, variant: variant)
                var colour = [UInt8](repeating: 0, count: 3 * 57 * 57)
                var span = colour.mutableSpan
                sampler.writeRGB(frame, transform, width: 57, height: 57, border: 33, into: &span)
                var grey = [UInt8](repeating: 0, count: 57 * 57)
                var greySpan = grey.mutableSpan
                sampler.writeGrey(frame, transform, width: 57, height: 57, border: 110, into: &greySpan)
                return colour + grey
            }
            #expect(crops.allSatisfy { $0 == crops[0] })
        }
    }

    /// Inside, turned, partly and wholly outside, tiny, and huge crops of a frame.
    static func transforms(_ size: (Int, Int)) -> [CropTransform] {
        let (w, h) = (Float(size.0), Float(size.1))
        return [
            CropTransform(a: w / 80, b: 0, tx: w / 9, ty: h / 9), CropTransform(a: w / 90, b: w / 120, tx: w / 2, ty: 0),
            CropTransform(a: -w / 90, b: w / 140, tx: w, ty: h / 2), CropTransform(a: 0.1, b: -0.05, tx: w / 2, ty: h / 2),
            CropTransform(a: 0.9, b: 0.1, tx: -30, ty: -20), CropTransform(a: 1, b: 0, tx: w - 20, ty: h - 25),
            CropTransform(a: 1, b: 0.2, tx: 5000, ty: 10), CropTransform(a: 1, b: 0, tx: -1e9, ty: 1e9), CropTransform(a: 2, b: 0, tx: -3, ty: -5),
            CropTransform(a: 2.99, b: 0.3, tx: -3, ty: 15), CropTransform(a: 7, b: -5, tx: -30, ty: h / 3), CropTransform(a: 40, b: 0, tx: -900, ty: -1000),
            CropTransform(a: 300, b: 0, tx: -9000, ty: -8000), CropTransform(a: 1e7, b: 0, tx: -1e8, ty: -1e8),
        ]
    }

    /// Positions are rounded to 1/2048 pixel, which slopes of 60 levels a pixel turn into 0.02 levels; levels are rounded to whole ones (½).
    @Test(arguments: sizes)
    func cropsAgreeWithTheReference(_ size: (Int, Int)) {
        let frame = syntheticFrame(size.0, size.1, matrix: .bt709)
        let sampler = CropSampler(maximumSize: 41)
        for transform in Self.transforms(size) where transform.scale < 250 {
            let expected = ReferencePicture(frame: frame).crop(transform, size: 41, border: 110)
            var colour = [UInt8](repeating: 0, count: 3 * 41 * 41)
            var span = colour.mutableSpan
            sampler.writeRGB(frame, transform, width: 41, height: 41, border: 110, into: &span)
            var grey = [UInt8](repeating: 0, count: 41 * 41)
            var greySpan = grey.mutableSpan
            sampler.writeGrey(frame, transform, width: 41, height: 41, border: 110, into: &greySpan)
            let worst = zip(colour + grey, expected).map { abs(Double($0) - $1) }.max()!
            #expect(worst < 0.6, "\(transform)")
        }
    }

    @Test func whatIsOutsideTheFrameIsTheBorder() {
        let frame = syntheticFrame(31, 21)
        let sampler = CropSampler(maximumSize: 16)
        for transform in [
            CropTransform(a: 1, b: 0, tx: 100, ty: 0), CropTransform(a: 1, b: 0, tx: 0, ty: -100), CropTransform(a: 30, b: 0, tx: 1000, ty: 5),
            CropTransform(a: 1, b: 0, tx: 1e12, ty: -1e12),
        ] {
            var grey = [UInt8](repeating: 0, count: 256)
            var span = grey.mutableSpan
            sampler.writeGrey(frame, transform, width: 16, height: 16, border: 110, into: &span)
            #expect(grey.allSatisfy { $0 == 110 })
        }
    }

    @Test func lettersboxesMapBack() {
        let letterbox = Letterbox(frameWidth: 1280, frameHeight: 720, width: 640, height: 384)
        #expect(letterbox.contentWidth == 640 && letterbox.contentHeight == 360)
        #expect(letterbox.framePoint(Point(x: -0.5, y: -0.5)) == Point(x: -0.5, y: -0.5))
        #expect(letterbox.framePoint(Point(x: 639.5, y: 359.5)) == Point(x: 1279.5, y: 719.5))
        let box = letterbox.frameBox(BoundingBox(x: 10, y: 20, width: 30, height: 40))
        #expect(box == BoundingBox(x: 20.5, y: 40.5, width: 60, height: 80))
        let sliver = Letterbox(frameWidth: 16384, frameHeight: 1, width: 32, height: 32)
        #expect(sliver.contentWidth == 32 && sliver.contentHeight == 1)
    }

    @Test func normalisationMirrorsAndOrdersPlanes() throws {
        let contract = PictureContract(width: 3, height: 2, colour: .bgr, geometry: .letterbox, mean: [1, 2, 3], scale: [1, 10, 100])
        let normalisation = try PixelNormalisation(contract)
        let crop: [UInt8] = [11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26, 31, 32, 33, 34, 35, 36]
        var output = [Float](repeating: 0, count: 18)
        var span = output.mutableSpan
        normalisation.write(crop.span, into: &span)
        #expect(output == [30, 31, 32, 33, 34, 35, 190, 200, 210, 220, 230, 240, 800, 900, 1000, 1100, 1200, 1300])
        var mirrored = [Float](repeating: 0, count: 18)
        var mirroredSpan = mirrored.mutableSpan
        normalisation.write(crop.span, into: &mirroredSpan, mirrored: true)
        #expect(mirrored == [32, 31, 30, 35, 34, 33, 210, 200, 190, 240, 230, 220, 1000, 900, 800, 1300, 1200, 1100])
    }
}
