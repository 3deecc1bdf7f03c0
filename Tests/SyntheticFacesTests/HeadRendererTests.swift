import Biometrics
import Foundation
import MediaTypes
import SyntheticFaces
import Testing

@Suite struct HeadRendererTests {
    let model: FaceModel

    init() throws { model = try #require(Shipped.model) }

    func renderer(_ seed: UInt64, _ traits: FaceTraits = FaceTraits()) -> HeadRenderer {
        HeadRenderer(identity: FaceIdentity(seed: seed, traits: traits, model: model), model: model)
    }

    let light = FaceLighting()
    let place = HeadPlacement(centre: SIMD2(160, 100), eyeDistance: 46)

    func drawn(_ renderer: HeadRenderer, _ pose: FacePose = FacePose(), _ place: HeadPlacement? = nil, width: Int = 320, height: Int = 240) -> (picture: Picture, face: DrawnFace) {
        var picture = Picture(width: width, height: height, red: 20, green: 200, blue: 40)
        let face = renderer.draw(pose, lighting: light, placement: place ?? self.place, onto: &picture)
        return (picture, face)
    }

    @Test func theSameSeedGivesTheSameBytes() {
        let pose = FacePose(yaw: 12, pitch: -4, roll: 3, smile: 0.4, mouth: MouthPose(opening: 0.1))
        let one = renderer(4)
        // What was drawn before leaves no trace.
        _ = drawn(one, FacePose(yaw: -20), HeadPlacement(centre: SIMD2(90, 200), eyeDistance: 120))
        let first = drawn(one, pose), second = drawn(renderer(4), pose)
        #expect(first.picture == second.picture)
        #expect(first.face == second.face)
        #expect(drawn(renderer(5), pose).picture != first.picture)
    }

    /// Heights of pictures are no multiples of anything.
    @Test(arguments: [(320, 240), (321, 239), (160, 121), (480, 360), (97, 17)]) func aPictureLeavesNothingForTheNext(_ size: (Int, Int)) {
        let one = renderer(4)
        let first = drawn(one, FacePose(yaw: 5), width: size.0, height: size.1), second = drawn(one, FacePose(yaw: 5), width: size.0, height: size.1)
        #expect(first.picture == second.picture)
        // A head low in the picture leaves its top as it was.
        let low = HeadPlacement(centre: SIMD2(Float(size.0) / 2, Float(size.1) * 0.9), eyeDistance: Float(size.1) / 8)
        let third = drawn(one, FacePose(), low, width: size.0, height: size.1)
        let untouched = (0..<3 * size.0).allSatisfy { third.picture.pixels[$0] == [20, 200, 40][$0 % 3] }
        #expect(untouched)
    }

    @Test func traitsAreKeptAndTheRestIsDrawn() {
        for seed in 0..<40 as Range<UInt64> {
            let asked = FaceTraits(sex: .female, age: 61, skinTone: 0.8, glasses: true, hair: .bob)
            #expect(FaceIdentity(seed: seed, traits: asked, model: model).traits == asked)
            let free = FaceIdentity(seed: seed, model: model).traits
            #expect(free.sex != nil && free.hair != nil && free.glasses != nil)
            #expect((18...80).contains(free.age ?? 0) && (0...1).contains(free.skinTone ?? 2))
            // One fixed trait leaves the face as it was.
            #expect(FaceIdentity(seed: seed, traits: FaceTraits(glasses: true), model: model).weights == FaceIdentity(seed: seed, model: model).weights)
        }
    }

    @Test func openingTheMouthPartsTheLipsByWhatWasAsked() {
        let renderer = renderer(9)
        let closed = drawn(renderer).face
        let width = closed.points[454].x - closed.points[234].x
        for opening in [0.05, 0.15, 0.3] as [Float] {
            let open = drawn(renderer, FacePose(mouth: MouthPose(opening: opening))).face
            let gap = open.points[14].y - open.points[13].y
            // Perspective makes the lips, nearer than the ears, larger by some per cent.
            #expect(abs(gap / width - opening) < 0.12 * opening + 0.006)
            #expect(open.points[17].y > closed.points[17].y + 0.4 * opening * width)
            #expect(abs(open.landmarks.leftEye.y - closed.landmarks.leftEye.y) < 1)
        }
    }

    @Test func anOpenMouthIsDarkBetweenTheLips() {
        for seed in [3, 8, 21] as [UInt64] {
            let (picture, face) = drawn(renderer(seed, FaceTraits(skinTone: 0.2)), FacePose(mouth: MouthPose(opening: 0.25)), HeadPlacement(centre: SIMD2(160, 90), eyeDistance: 60))
            let upper = face.points[13], lower = face.points[14]
            func level(_ x: Float, _ y: Float) -> Int {
                let at = 3 * (Int(y.rounded()) * picture.width + Int(x.rounded()))
                return Int(picture.pixels[at]) + Int(picture.pixels[at + 1]) + Int(picture.pixels[at + 2])
            }
            let inside = (1..<20).map { level(upper.x, upper.y + (lower.y - upper.y) * Float($0) / 20) }
            let cheek = level(face.points[205].x, face.points[205].y)
            #expect((inside.min() ?? 999) * 3 < cheek)
            #expect(level(upper.x, (face.points[2].y + face.points[0].y) / 2) > 2 * (inside.min() ?? 999))
        }
    }

    @Test func turningLeftMirrorsTurningRight() {
        let symmetric = FaceIdentity(seed: 2, model: model)
        var weights = symmetric.weights
        weights.asymmetry = weights.asymmetry.map { _ in 0 }
        let renderer = HeadRenderer(identity: FaceIdentity(seed: 2, traits: symmetric.traits, weights: weights, model: model), model: model)
        let left = drawn(renderer, FacePose(yaw: -20)).face.landmarks, right = drawn(renderer, FacePose(yaw: 20)).face.landmarks
        #expect(right.nose.x > 160 + 3)
        for (a, b) in [(left.leftEye, right.rightEye), (left.rightEye, right.leftEye), (left.nose, right.nose), (left.leftMouth, right.rightMouth)] {
            #expect(abs((a.x - 160) + (b.x - 160)) < 0.5)
            #expect(abs(a.y - b.y) < 0.5)
        }
        // Signs: up is up, clockwise is clockwise.
        #expect(drawn(renderer, FacePose(pitch: 15)).face.landmarks.nose.y < drawn(renderer, FacePose(pitch: -15)).face.landmarks.nose.y)
        let rolled = drawn(renderer, FacePose(roll: 20)).face.landmarks
        #expect(rolled.rightEye.y > rolled.leftEye.y + 5)
    }

    @Test func theEyesAreWhereAskedAndAsFarApart() {
        for seed in 0..<6 as Range<UInt64> {
            let marks = drawn(renderer(seed)).face.landmarks
            #expect(abs((marks.leftEye.x + marks.rightEye.x) / 2 - 160) < 0.5 && abs((marks.leftEye.y + marks.rightEye.y) / 2 - 100) < 0.5)
            #expect(abs(marks.rightEye.x - marks.leftEye.x - 46) < 1)
        }
    }

    @Test func blinkingLowersTheLid() {
        let renderer = renderer(6)
        let open = drawn(renderer), shut = drawn(renderer, FacePose(blink: 1))
        let before = open.face.points[145].y - open.face.points[159].y, after = shut.face.points[145].y - shut.face.points[159].y
        #expect(after < 0.25 * before)
        #expect(open.picture != shut.picture)
    }

    @Test(arguments: [(1, 1), (17, 31), (321, 239), (640, 480)]) func oddPicturesAndHeadsPartlyOutside(_ size: (Int, Int)) {
        let renderer = renderer(12, FaceTraits(glasses: true, hair: .long))
        for centre in [SIMD2<Float>(0, 0), SIMD2(Float(size.0), Float(size.1)), SIMD2(-5000, 20), SIMD2(20, 1e6), SIMD2(-12, Float(size.1) / 2)] {
            for eyes in [2, 9, 400] as [Float] {
                let (picture, face) = drawn(renderer, FacePose(yaw: 25, roll: -30, mouth: MouthPose(opening: 0.2)), HeadPlacement(centre: centre, eyeDistance: eyes), width: size.0, height: size.1)
                #expect(picture.pixels.count == 3 * size.0 * size.1)
                #expect((0...1).contains(face.visible) && face.points.count == 468)
            }
        }
        // Nothing of it is in the picture: nothing changes.
        let far = drawn(renderer, FacePose(), HeadPlacement(centre: SIMD2(-5000, 20), eyeDistance: 30), width: size.0, height: size.1)
        #expect(far.face.visible == 0)
        #expect(far.picture == Picture(width: size.0, height: size.1, red: 20, green: 200, blue: 40))
    }

    @Test func theFaceCoversItsBox() {
        let (picture, face) = drawn(renderer(15, FaceTraits(skinTone: 0.3)))
        let centre = face.box.centre
        let at = 3 * (Int(centre.y) * 320 + Int(centre.x))
        // Skin, and not the green behind.
        #expect(picture.pixels[at] > picture.pixels[at + 2] && picture.pixels[at + 1] < 200)
        #expect(face.visible > 0.999)
        for mark in face.landmarks.points {
            #expect(mark.x > face.box.x && mark.x < face.box.x + face.box.width && mark.y > face.box.y && mark.y < face.box.y + face.box.height)
        }
    }
}
