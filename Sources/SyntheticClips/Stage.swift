import Articulation
import Biometrics
import Foundation
import GroundTruth
import MediaTypes
import SyntheticFaces

/// The room and the people in it, drawn at any moment. Thread-bound.
final class Stage {
    private struct Actor {
        var person: Scene.Person
        var motion: HeadMotion
        var renderer: HeadRenderer
    }

    private let scene: Scene
    private let speech: SceneSpeech
    private let actors: [Actor]
    private let lighting: FaceLighting
    private let background: SyntheticFaces.Picture

    init(_ scene: Scene, speech: SceneSpeech, parts: SynthesisParts) throws {
        self.scene = scene
        self.speech = speech
        lighting = FaceLighting(seed: scene.lightSeed)
        actors = scene.people.filter { !$0.presence.isEmpty }.map { person in
            let identity = FaceIdentity(seed: person.faceSeed, traits: person.face, model: parts.face)
            return Actor(person: person, motion: HeadMotion(person, scene: scene, speech: speech), renderer: HeadRenderer(identity: identity, model: parts.face))
        }
        background = try Self.background(scene)
    }

    private static func background(_ scene: Scene) throws -> SyntheticFaces.Picture {
        switch scene.background {
        case .room(let seed): return Room.picture(seed: seed, width: scene.width, height: scene.height)
        case .colour(let red, let green, let blue): return SyntheticFaces.Picture(width: scene.width, height: scene.height, red: red, green: green, blue: blue)
        case .picture(let path): return try BackgroundPicture.read(path, width: scene.width, height: scene.height)
        }
    }

    /// Farthest first.
    private func placed(at time: Double) -> [(actor: Actor, placement: HeadPlacement)] {
        actors.compactMap { actor in actor.motion.placement(at: time).map { (actor, $0) } }.sorted { $0.placement.eyeDistance < $1.placement.eyeDistance }
    }

    func draw(at time: Double) -> (picture: SyntheticFaces.Picture, faces: [ClipTruth.Face]) {
        var picture = background
        let placed = placed(at: time)
        var drawn: [(person: Scene.Person, pose: FacePose, face: DrawnFace)] = []
        for (actor, placement) in placed where isNear(placement) {
            let pose = actor.motion.pose(at: time)
            drawn.append((actor.person, pose, actor.renderer.draw(pose, lighting: lighting, placement: placement, onto: &picture)))
        }
        let covers = covers(at: time, placed.map { ($0.actor.person.id, $0.placement) })
        for cover in covers { cover.draw(onto: &picture, light: lighting) }
        return (picture, truth(drawn, covers: covers, at: time))
    }

    /// The truth of a moment that nobody sees: drawn all the same, for it says where things are.
    func faces(at time: Double) -> [ClipTruth.Face] { draw(at: time).faces }

    private func isNear(_ placement: HeadPlacement) -> Bool {
        let reach = placement.eyeDistance * 3.5
        return placement.centre.x > -reach && placement.centre.x < Float(scene.width) + reach && placement.centre.y > -reach && placement.centre.y < Float(scene.height) + reach
    }

    private func truth(_ drawn: [(person: Scene.Person, pose: FacePose, face: DrawnFace)], covers: [Cover], at time: Double) -> [ClipTruth.Face] {
        func rounded(_ value: Float) -> Double { (Double(value) * 100).rounded() / 100 }
        var faces: [ClipTruth.Face] = []
        for (index, (person, pose, face)) in drawn.enumerated() {
            let nearer = drawn[(index + 1)...].map { Ellipse($0.face.box) }
            let visible = Ellipse(face.box).share(width: scene.width, height: scene.height, behind: nearer, covers)
            guard visible > 0 else { continue }
            let turn = speech.turn(of: person.id, at: time)
            faces.append(
                ClipTruth.Face(
                    person: person.id, box: [face.box.x, face.box.y, face.box.width, face.box.height].map(rounded),
                    landmarks: face.landmarks.points.flatMap { [rounded($0.x), rounded($0.y)] }, pose: [pose.yaw, pose.pitch, pose.roll].map(rounded), visible: visible,
                    mouth: [pose.mouth.opening, pose.mouth.width].map { (Double($0) * 10_000).rounded() / 10_000 }, speech: turn?.kind, phoneme: turn?.phoneme(at: time)?.symbol))
        }
        return faces
    }

    private func covers(at time: Double, _ heads: [(id: String, placement: HeadPlacement)]) -> [Cover] {
        scene.changes.enumerated().compactMap { index, change in
            guard change.range.contains(time), case .cover(let x, let y, let w, let h, let person) = change.effect else { return nil }
            let seed = StableSeed.of("cover \(index)", seed: scene.seed)
            guard let person else {
                return Cover(x: x * Double(scene.width), y: y * Double(scene.height), width: w * Double(scene.width), height: h * Double(scene.height), seed: seed)
            }
            // In widths and heights of the head, from the point between the eyes.
            guard let head = heads.first(where: { $0.id == person })?.placement else { return nil }
            let size = Double(head.eyeDistance)
            return Cover(x: Double(head.centre.x) + x * size * 2.2, y: Double(head.centre.y) + y * size * 2.8, width: w * size * 2.2, height: h * size * 2.8, seed: seed)
        }
    }

    /// When some of a person's head is in the picture, in steps of 40 ms, whether or not the picture reaches the file.
    func onScreen(_ person: String, duration: Double) -> [TimeRange] {
        guard let actor = actors.first(where: { $0.person.id == person }) else { return [] }
        let step = 0.04
        var ranges: [TimeRange] = []
        for index in 0..<Int((duration / step).rounded(.up)) {
            let time = Double(index) * step
            guard let placement = actor.motion.placement(at: time) else { continue }
            let size = placement.eyeDistance
            let isSeen = placement.centre.x > -size && placement.centre.x < Float(scene.width) + size && placement.centre.y > -size * 1.5 && placement.centre.y < Float(scene.height) + size * 0.8
            if isSeen { ranges.append(TimeRange(ClipMaker.rounded(time), ClipMaker.rounded(min(duration, time + step)))) }
        }
        return ranges.joined(gap: 1e-6)
    }
}

/// A face's box as the ellipse in it, to see how much of it is seen.
struct Ellipse {
    let x: Double, y: Double, halfWidth: Double, halfHeight: Double

    init(_ box: BoundingBox) {
        halfWidth = Double(box.width) / 2
        halfHeight = Double(box.height) / 2
        x = Double(box.x) + halfWidth
        y = Double(box.y) + halfHeight
    }

    func contains(_ px: Double, _ py: Double) -> Bool {
        let (dx, dy) = ((px - x) / halfWidth, (py - y) / halfHeight)
        return dx * dx + dy * dy <= 1
    }

    /// The part of it that is within the picture and behind nothing, in hundredths.
    func share(width: Int, height: Int, behind others: [Ellipse], _ covers: [Cover]) -> Double {
        var inside = 0, seen = 0
        for row in 0..<14 {
            for column in 0..<14 {
                let (px, py) = (x + halfWidth * (Double(column) - 6.5) / 7, y + halfHeight * (Double(row) - 6.5) / 7)
                guard contains(px, py) else { continue }
                inside += 1
                guard px >= 0, py >= 0, px < Double(width), py < Double(height) else { continue }
                if !others.contains(where: { $0.contains(px, py) }), !covers.contains(where: { $0.contains(px, py) }) { seen += 1 }
            }
        }
        return (Double(seen) / Double(max(1, inside)) * 100).rounded() / 100
    }
}

/// Something in front of people: a box or a hand's shape in one colour, with soft edges.
struct Cover {
    let x: Double, y: Double, width: Double, height: Double
    let seed: UInt64

    func contains(_ px: Double, _ py: Double) -> Bool { abs(px - x) <= width / 2 && abs(py - y) <= height / 2 }

    func draw(onto picture: inout SyntheticFaces.Picture, light: FaceLighting) {
        var random = SeededGenerator(seed: seed)
        let base = SIMD3<Double>(random.uniform(20...210), random.uniform(20...200), random.uniform(20...190))
        let radius = min(width, height) * random.uniform(0.08...0.3)
        let columns = Steps.range(x - width / 2 - 1, x + width / 2 + 2, limit: picture.width), rows = Steps.range(y - height / 2 - 1, y + height / 2 + 2, limit: picture.height)
        for row in rows {
            for column in columns {
                // Distance to a box with round corners.
                let dx = abs(Double(column) - x) - width / 2 + radius, dy = abs(Double(row) - y) - height / 2 + radius
                let distance = (max(dx, 0) * max(dx, 0) + max(dy, 0) * max(dy, 0)).squareRoot() + min(0, max(dx, dy)) - radius
                let alpha = max(0, min(1, 0.5 - distance / 1.5))
                guard alpha > 0 else { continue }
                let shade = 0.8 + 0.3 * (Double(row) - y) / max(1, height) * -1
                let at = (row * picture.width + column) * 3
                for c in 0..<3 { picture.pixels[at + c] = UInt8(max(0, min(255, Double(picture.pixels[at + c]) * (1 - alpha) + base[c] * shade * alpha))) }
            }
        }
    }
}
