import Datasets
import Foundation
import Testing

@Suite struct PictureAugmentationTests {
    private static let sizes = [(1, 1, 1), (3, 1, 1), (3, 7, 5), (1, 5, 7), (2, 9, 1), (3, 1, 9), (1, 96, 96), (3, 33, 18), (3, 112, 112)]

    @Test func `Two flips are none, one is the mirror image`() {
        for (channels, width, height) in Self.sizes {
            let picture = TestPicture(channels, width, height)
            let once = picture.distorted { $0.isFlipped = true }
            #expect(once.distorted { $0.isFlipped = true } == picture)
            for channel in 0..<channels {
                for y in 0..<height { for x in 0..<width { #expect(once[channel, x, y] == picture[channel, width - 1 - x, y]) } }
            }
        }
    }

    @Test func `Blur lowers sharpness, the more the wider`() {
        let picture = TestPicture(1, 96, 96)
        let sharpness = [0, 0.4, 0.8, 1.2, 1.8, 2.5, 3.5].map { sigma in picture.distorted { $0.blur = sigma }.sharpness }
        for (wider, narrower) in zip(sharpness.dropFirst(), sharpness) { #expect(wider < 0.9 * narrower) }
    }

    /// The sums of the definition, in two dimensions and double precision.
    @Test func `Blur is the Gaussian's`() {
        for (channels, width, height) in Self.sizes where width < 50 {
            let picture = TestPicture(channels, width, height)
            for sigma in [0.5, 1.3, 2.2] {
                let blurred = picture.distorted { $0.blur = Float(sigma) * 112 / Float(width) }
                let radius = Int((3 * sigma).rounded(.up))
                let weights = (-radius...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
                let total = weights.reduce(0, +)
                var expected: [Double] = []
                for channel in 0..<channels {
                    for y in 0..<height {
                        for x in 0..<width {
                            var sum = 0.0
                            for v in -radius...radius { for u in -radius...radius { sum += weights[u + radius] * weights[v + radius] * picture.clamped(channel, x + u, y + v) } }
                            expected.append(sum / (total * total))
                        }
                    }
                }
                // Half a level of rounding, and the floats'.
                #expect(blurred.largestDifference(expected) < 0.505, "\(channels)x\(width)x\(height), σ \(sigma)")
            }
        }
    }

    @Test func `Motion spreads a point along its direction and nothing else`() {
        var picture = TestPicture(1, 112, 112, level: 0)
        picture[0, 60, 50] = 250
        let across = picture.distorted { ($0.motion, $0.motionAngle) = (5, 0) }
        #expect((58...62).allSatisfy { across[0, $0, 50] == 50 })
        let down = picture.distorted { ($0.motion, $0.motionAngle) = (5, 90) }
        #expect((48...52).allSatisfy { down[0, 60, $0] == 50 })
        let slanting = picture.distorted { ($0.motion, $0.motionAngle) = (5, 45) }
        #expect((-1...1).allSatisfy { slanting[0, 60 + $0, 50 + $0] >= 50 })
        for spread in [across, down, slanting] { #expect(spread.levels.reduce(0) { $0 + Int($1) } == 250) }
    }

    @Test func `Low resolution keeps the means of its pixels`() {
        let picture = TestPicture(3, 112, 112)
        let low = picture.distorted { $0.resolution = 0.25 }
        var expected: [Double] = []
        func mean(_ channel: Int, _ column: Int, _ row: Int) -> Double {
            var sum = 0.0
            for y in 0..<4 { for x in 0..<4 { sum += picture.clamped(channel, 4 * column + x, 4 * row + y) } }
            return sum / 16
        }
        for channel in 0..<3 {
            for y in 0..<112 {
                for x in 0..<112 {
                    let (u, v) = (max(0, min(27, (Double(x) + 0.5) / 4 - 0.5)), max(0, min(27, (Double(y) + 0.5) / 4 - 0.5)))
                    let (left, top) = (min(26, Int(u)), min(26, Int(v)))
                    let (p, q) = (u - Double(left), v - Double(top))
                    let upper = mean(channel, left, top) * (1 - p) + mean(channel, left + 1, top) * p
                    let lower = mean(channel, left, top + 1) * (1 - p) + mean(channel, left + 1, top + 1) * p
                    expected.append(upper * (1 - q) + lower * q)
                }
            }
        }
        #expect(low.largestDifference(expected) < 0.505)
        // Uneven parts: a picture of one level stays one.
        for (channels, width, height) in Self.sizes {
            let flat = TestPicture(channels, width, height, level: 77)
            for part in [0, 0.13, 0.5, 0.77, 0.99] as [Float] { #expect(flat.distorted { $0.resolution = part } == flat) }
        }
    }

    @Test func `A move is the bilinear one`() {
        for (channels, width, height) in Self.sizes where width < 50 {
            let picture = TestPicture(channels, width, height)
            for (shiftX, shiftY, scale, aspect, rotation) in [(0.1, -0.04, 1.0, 1.0, 0.0), (0, 0, 1.08, 1, 0), (0, 0, 1, 1, 6), (0, 0, 1, 1.3, 0), (0.03, 0.02, 0.93, 0.8, -5.0)] {
                let moved = picture.distorted { ($0.shiftX, $0.shiftY, $0.scale, $0.aspect, $0.rotation) = (Float(shiftX), Float(shiftY), Float(scale), Float(aspect), Float(rotation)) }
                let (c, s) = (cos(rotation * .pi / 180) / scale, sin(rotation * .pi / 180) / scale), broader = aspect.squareRoot()
                let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
                var expected: [Double] = []
                for channel in 0..<channels {
                    for y in 0..<height {
                        for x in 0..<width {
                            let (dx, dy) = (Double(x) - middleX - shiftX * Double(width), Double(y) - middleY - shiftY * Double(width))
                            let (u, v) = (max(0, min(Double(width - 1), (c * dx + s * dy) / broader + middleX)), max(0, min(Double(height - 1), (-s * dx + c * dy) * broader + middleY)))
                            let (p, q) = (u - u.rounded(.down), v - v.rounded(.down))
                            let (left, top) = (Int(u), Int(v))
                            let upper = picture.clamped(channel, left, top) * (1 - p) + picture.clamped(channel, left + 1, top) * p
                            let lower = picture.clamped(channel, left, top + 1) * (1 - p) + picture.clamped(channel, left + 1, top + 1) * p
                            expected.append(upper * (1 - q) + lower * q)
                        }
                    }
                }
                // Places are rounded to 1/256 pixel in both directions; neighbours differ by 150 levels at most.
                #expect(moved.largestDifference(expected) < 0.5 + 2 * 150.0 / 256, "\(channels)x\(width)x\(height)")
            }
        }
        let picture = TestPicture(3, 64, 64)
        let shifted = picture.distorted { $0.shiftX = 3.0 / 64 }
        #expect((3..<64).allSatisfy { shifted[1, $0, 20] == picture[1, $0 - 3, 20] })
        // Clockwise: what is right of the middle comes to lie below it.
        var dot = TestPicture(1, 65, 65, level: 0)
        dot[0, 52, 32] = 200
        #expect(dot.distorted { $0.rotation = 90 }[0, 32, 52] > 190)
    }

    @Test func `Grain has the deviation that is asked for, more in the dark`() {
        for channels in [1, 3] {
            for sigma in [2, 6, 13] as [Float] {
                let flat = TestPicture(channels, 112, 112, level: 128)
                let noisy = flat.distorted { $0.grain = sigma }
                #expect(abs(noisy.deviation / Double(sigma) - 1) < 0.05)
                #expect(abs(noisy.mean - 128) < 0.05 * Double(sigma))
                let (dark, light) = (TestPicture(channels, 112, 112, level: 60), TestPicture(channels, 112, 112, level: 200))
                #expect(dark.distorted { $0.grain = sigma }.deviation > 1.5 * light.distorted { $0.grain = sigma }.deviation)
            }
        }
        let picture = TestPicture(3, 40, 30)
        #expect(picture.distorted(noiseSeed: 1) { $0.grain = 5 } == picture.distorted(noiseSeed: 1) { $0.grain = 5 })
        #expect(picture.distorted(noiseSeed: 1) { $0.grain = 5 } != picture.distorted(noiseSeed: 2) { $0.grain = 5 })
        // Of the planes' noise a part is shared.
        let grey = TestPicture(3, 112, 112, level: 128).distorted { $0.grain = 10 }
        let product = (0..<112 * 112).reduce(0.0) { $0 + (Double(grey.levels[$1]) - 128) * (Double(grey.levels[112 * 112 + $1]) - 128) } / (112 * 112 * 100)
        #expect(abs(product - 0.5625) < 0.05)
    }

    /// A picture and what libjpeg makes of it at qualities 90, 50 and 15.
    @Test func `Compression is JPEG's`() throws {
        let file = Bundle.module.bundleURL.appending(path: "Fixtures/compression.bin")
        let bytes = [UInt8](try Data(contentsOf: file))
        let count = 45 * 29
        try #require(bytes.count == 4 * count)
        var picture = TestPicture(1, 45, 29)
        picture.levels = Array(bytes[0..<count])
        for (number, quality) in [90, 50, 15].enumerated() {
            var expected = picture
            expected.levels = Array(bytes[(number + 1) * count..<(number + 2) * count])
            let compressed = picture.distorted { $0.quality = quality }
            // libjpeg computes in whole numbers: a coefficient halfway between two steps may be rounded to the other one, and the block differs by it.
            // The same transform in NumPy's doubles differs in the same blocks by as much. Most blocks differ by the rounding of pixels alone.
            var blocks: [Double] = []
            for top in stride(from: 0, to: 29, by: 8) {
                for left in stride(from: 0, to: 45, by: 8) {
                    let places = (top..<min(29, top + 8)).flatMap { y in (left..<min(45, left + 8)).map { (x: $0, y: y) } }
                    blocks.append(places.reduce(0) { $0 + pow(Double(compressed[0, $1.x, $1.y]) - Double(expected[0, $1.x, $1.y]), 2) } / Double(places.count))
                }
            }
            #expect(blocks.count == 24 && blocks.sorted()[12] < 0.25, "quality \(quality): \(blocks)")
            #expect(compressed.meanSquareDifference(expected) < 0.05 * picture.meanSquareDifference(expected), "quality \(quality)")
        }
    }

    @Test func `The lower the quality, the farther from the picture`() {
        for channels in [1, 3] {
            for (width, height) in [(96, 96), (45, 31)] {
                let picture = TestPicture(channels, width, height)
                // Colour at half the resolution costs most of the error of three planes that have nothing to do with one another.
                let errors = [100, 95, 75, 50, 25, 10, 3].map { quality in picture.distorted { $0.quality = quality }.meanSquareDifference(picture) }
                for (lower, higher) in zip(errors.dropFirst(), errors) { #expect(lower > higher) }
                if channels == 1 {
                    #expect(errors[1] < 6)
                    #expect(errors[5] > 60)
                }
            }
        }
        let grey = TestPicture(3, 33, 17, level: 90)
        #expect(grey.distorted { $0.quality = 95 } == grey)
        #expect(TestPicture(1, 20, 20).distorted { $0.quality = -4 } == TestPicture(1, 20, 20).distorted { $0.quality = 1 })
    }

    @Test func `Covers hide what they say`() {
        let picture = TestPicture(3, 100, 50)
        for fill in PictureCover.Fill.allCases {
            let covered = picture.distorted { $0.covers = [PictureCover(left: 0.2, top: 0.5, width: 0.3, height: 0.4, fill: fill, seed: 3)] }
            for y in 0..<50 {
                for x in 0..<100 where !((20..<50).contains(x) && (25..<45).contains(y)) {
                    #expect((0..<3).allSatisfy { covered[$0, x, y] == picture[$0, x, y] })
                }
            }
            let inside = (25..<45).flatMap { y in (20..<50).map { covered[1, $0, y] } }
            if fill == .noise {
                #expect(Set(inside).count > 150)
            } else {
                #expect(Set(inside).count == 1)
            }
            if fill == .mean { #expect(abs(Double(inside[0]) - Double(picture.levels[5000..<10000].reduce(0) { $0 + Int($1) }) / 5000) <= 1) }
        }
        var random = SeededGenerator(seed: 8)
        for _ in 0..<50 {
            var augmentation = PictureAugmentation.none
            augmentation.occlusion = .always(0.15)
            let cover = augmentation.draw(&random).covers[0]
            #expect(abs(cover.width * cover.height - 0.15) < 1e-4)
            #expect(cover.left >= 0 && cover.top >= 0 && cover.left + cover.width <= 1.0001 && cover.top + cover.height <= 1.0001)
            augmentation = .none
            augmentation.mask = .always(0.4)
            let mask = augmentation.draw(&random).covers[0]
            #expect(mask.top == 0.6 && mask.top + mask.height == 1 && mask.width > 0.7)
        }
        let outside = picture.distorted { $0.covers = [PictureCover(left: 0.9, top: -3, width: 7, height: 1, fill: .noise, seed: 1)] }
        #expect(outside == picture)
    }

    @Test func `Light and colour do what they are called`() {
        let picture = TestPicture(3, 40, 40)
        #expect(abs(TestPicture(1, 4, 4, level: 100).distorted { $0.brightness = 0.1 }.mean - 125.5) <= 0.5)
        #expect(picture.distorted { $0.contrast = 0.5 }.deviation < 0.55 * picture.deviation)
        #expect(picture.distorted { $0.contrast = 1.2 }.deviation > 1.1 * picture.deviation)
        #expect(picture.distorted { $0.gamma = 1.5 }.mean < picture.mean - 15)
        #expect(picture.distorted { $0.gamma = 0.7 }.mean > picture.mean + 15)
        let grey = picture.distorted { $0.saturation = 0 }
        for i in 0..<1600 {
            let luma = 0.299 * Double(picture.levels[i]) + 0.587 * Double(picture.levels[1600 + i]) + 0.114 * Double(picture.levels[3200 + i])
            #expect(grey.levels[i] == grey.levels[1600 + i] && grey.levels[i] == grey.levels[3200 + i] && abs(Double(grey.levels[i]) - luma) < 1.5)
        }
        let (pale, bright) = (picture.distorted { $0.saturation = 0.5 }, picture.distorted { $0.saturation = 1.5 })
        for i in picture.levels.indices {
            let (level, luma) = (Double(picture.levels[i]), Double(grey.levels[i]))
            #expect(abs(Double(pale.levels[i]) - (luma + 0.5 * (level - luma))) <= 1)
            #expect(abs(Double(bright.levels[i]) - max(0, min(255, luma + 1.5 * (level - luma)))) <= 1)
        }
        let cast = TestPicture(3, 4, 4, level: 100).distorted { $0.cast = [1.1, 1, 0.9] }
        #expect(cast[0, 1, 1] == 110 && cast[1, 1, 1] == 100 && cast[2, 1, 1] == 90)
        let dark = [1, 0.6, 0.3, 0.1].map { light in TestPicture(3, 112, 112).distorted { $0.light = light } }
        for (darker, lighter) in zip(dark.dropFirst(), dark) { #expect(darker.mean < 0.85 * lighter.mean) }
        #expect(TestPicture(1, 112, 112, level: 200).distorted { $0.light = 0.3 }.deviation > 5)
        let lit = TestPicture(1, 21, 9, level: 60).distorted { $0.sideLight = 0.5 }, fromBelow = TestPicture(1, 9, 21, level: 60).distorted { ($0.sideLight, $0.sideLightAngle) = (0.5, 90) }
        for x in 0..<21 {
            let expected = (60 * exp(0.5 * (Double(x) / 10 - 1))).rounded()
            for y in 0..<9 { #expect(abs(Double(lit[0, x, y]) - expected) <= 1 && abs(Double(fromBelow[0, y, x]) - expected) <= 1) }
        }
        #expect(TestPicture(1, 5, 5, level: 250).distorted { $0.sideLight = 1 }[0, 4, 2] == 255)
        // Grey pictures have no colour to change.
        let plane = TestPicture(1, 9, 9)
        #expect(plane.distorted { ($0.saturation, $0.cast) = (0, [1.2, 1, 0.8]) } == plane)
    }

    /// Every effect at once and at absurd strengths, on every size: nothing is read or written outside, nothing traps.
    @Test func `Any strength on any size gives a picture`() {
        let wild: [Float] = [-1e30, -7, 0, 1e-9, 0.5, 1, 40, 1e30]
        for (channels, width, height) in Self.sizes + [(0, 4, 4), (3, 0, 5), (4, 6, 6)] {
            for strength in wild {
                let every = Effect.always(strength)
                var augmentation = PictureAugmentation()
                (augmentation.flip, augmentation.shift, augmentation.scale, augmentation.rotation) = (every, every, every, every)
                (augmentation.occlusion, augmentation.mask, augmentation.brightness, augmentation.contrast) = (every, every, every, every)
                (augmentation.gamma, augmentation.saturation, augmentation.cast, augmentation.lowLight) = (every, every, every, every)
                (augmentation.blur, augmentation.motion, augmentation.resolution) = (every, every, every)
                (augmentation.grain, augmentation.compression, augmentation.aspect, augmentation.sideLight) = (every, every, every, every)
                var (a, b) = (TestPicture(channels, width, height), TestPicture(channels, width, height))
                var (first, second) = (SeededGenerator(seed: 4), SeededGenerator(seed: 4))
                augmentation.apply(to: &a.levels, channels: channels, width: width, height: height, random: &first)
                augmentation.apply(to: &b.levels, channels: channels, width: width, height: height, random: &second)
                #expect(a == b)
                #expect(a.levels.count == channels * width * height)
            }
        }
    }

    @Test func `A seed gives the same pictures, another seed others, none leaves them`() {
        let picture = TestPicture(3, 56, 56)
        func pictures(_ augmentation: PictureAugmentation, seed: UInt64) -> [TestPicture] {
            var random = SeededGenerator(seed: seed)
            return (0..<40).map { _ in
                var result = picture
                augmentation.apply(to: &result.levels, channels: 3, width: 56, height: 56, random: &random)
                return result
            }
        }
        let first = pictures(PictureAugmentation(), seed: 1)
        #expect(first == pictures(PictureAugmentation(), seed: 1))
        #expect(first != pictures(PictureAugmentation(), seed: 2))
        #expect(Set(first).count > 35)
        #expect(pictures(.none, seed: 1).allSatisfy { $0 == picture })
    }

    @Test func `The pictures of a film are distorted alike, their noise apart`() {
        var augmentation = PictureAugmentation()
        augmentation.grain.probability = 0
        augmentation.lowLight.probability = 0
        augmentation.occlusion.probability = 1
        augmentation.rotation.probability = 1
        var random = SeededGenerator(seed: 12)
        for _ in 0..<20 {
            var drawn = augmentation.draw(&random)
            let picture = TestPicture(1, 48, 48)
            #expect(picture.distorted(noiseSeed: 1) { $0 = drawn } == picture.distorted(noiseSeed: 2) { $0 = drawn })
            drawn.grain = 6
            #expect(picture.distorted(noiseSeed: 1) { $0 = drawn } != picture.distorted(noiseSeed: 2) { $0 = drawn })
        }
    }

    @Test func `A film is its pictures, one after the other`() {
        let picture = TestPicture(1, 24, 20)
        var distortion = PictureDistortion()
        (distortion.isFlipped, distortion.blur, distortion.rotation) = (true, 6, 4)
        var film = picture.levels + picture.levels + picture.levels
        distortion.apply(toFilm: &film, frames: 3, channels: 1, width: 24, height: 20, noiseSeed: 5)
        let one = picture.distorted { $0 = distortion }.levels
        #expect(film == one + one + one)
        distortion.grain = 8
        film = picture.levels + picture.levels
        distortion.apply(toFilm: &film, frames: 2, channels: 1, width: 24, height: 20, noiseSeed: 5)
        #expect(film[..<480] != film[480...])
        var empty: [UInt8] = []
        distortion.apply(toFilm: &empty, frames: 0, channels: 1, width: 24, height: 20, noiseSeed: 5)
        #expect(empty.isEmpty)
    }

    @Test func `Effects come as often as they are told, each by itself`() {
        var augmentation = PictureAugmentation()
        augmentation.blur = Effect(0.3, 1...2)
        var (random, other) = (SeededGenerator(seed: 6), SeededGenerator(seed: 6))
        var without = augmentation
        without.blur.probability = 0
        without.rotation.probability = 1
        var blurred = 0
        for _ in 0..<4000 {
            var (a, b) = (augmentation.draw(&random), without.draw(&other))
            if a.blur > 0 {
                blurred += 1
                #expect(a.blur >= 1 && a.blur <= 2)
            }
            (a.blur, b.blur, a.rotation, b.rotation) = (0, 0, 0, 0)
            #expect(a == b)
        }
        // Three standard deviations.
        #expect(abs(blurred - 1200) < 3 * 29)
        #expect(random == other)
    }
}
