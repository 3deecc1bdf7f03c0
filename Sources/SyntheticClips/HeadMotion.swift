import Biometrics
import Foundation
import GroundTruth
import SyntheticFaces

/// How one person sits, looks, blinks and nods through a clip: smooth noise, and what turn-taking does to heads. Any moment can be asked for.
struct HeadMotion {
    /// Seconds of coming and going.
    private static let passage = 0.8

    private let person: Scene.Person
    private let scene: Scene
    private let speech: SceneSpeech
    private let noise: [SmoothNoise]
    private let nods: SmoothNoise
    private let glances: SmoothNoise
    private let blinks: [Double]
    private let mood: Double

    private enum Channel: Int, CaseIterable { case x, y, size, yaw, pitch, roll, brows, smile, gazeX, gazeY }

    init(_ person: Scene.Person, scene: Scene, speech: SceneSpeech) {
        self.person = person
        self.scene = scene
        self.speech = speech
        let seed = StableSeed.of("motion \(person.id)", seed: scene.seed ^ person.faceSeed)
        let rates: [Channel: Double] = [.x: 0.25, .y: 0.25, .size: 0.12, .yaw: 0.45, .pitch: 0.4, .roll: 0.35, .brows: 0.7, .smile: 0.2, .gazeX: 1.1, .gazeY: 0.9]
        noise = Channel.allCases.map { SmoothNoise(seed: seed, $0.rawValue, rate: rates[$0] ?? 0.3) }
        nods = SmoothNoise(seed: seed, 20, rate: 2.2)
        glances = SmoothNoise(seed: seed, 21, rate: 0.5)
        var random = SeededGenerator(seed: seed, stream: 30)
        mood = random.uniform(-0.1...0.25)
        var times: [Double] = [], time = random.uniform(0.3...4)
        while time < speech.duration + 1 {
            times.append(time)
            // Now and then two in a row.
            time += random.chance(0.12) ? random.uniform(0.35...0.6) : random.uniform(1.6...6.5)
        }
        blinks = times
    }

    /// `nil` where the person is not in the room.
    func placement(at time: Double) -> HeadPlacement? {
        guard let stay = person.presence.first(where: { $0.range.contains(time) }) else { return nil }
        let place = place(at: time)
        let size = place.size * Double(scene.height) * (1 + 0.02 * person.liveliness * value(.size, time))
        var x = place.x * Double(scene.width) + 0.35 * size * person.liveliness * value(.x, time)
        var y = place.y * Double(scene.height) + 0.18 * size * person.liveliness * value(.y, time) - 0.05 * size * pitchOfSpeech(time)
        for (side, away) in [(stay.from, 1 - (time - stay.range.start) / Self.passage), (stay.to, 1 - (stay.range.end - time) / Self.passage)] where away > 0 && side != .cut {
            let way = Self.smooth(away)
            switch side {
            case .left: x += (-2.2 * size - x) * way
            case .right: x += (Double(scene.width) + 2.2 * size - x) * way
            case .below: y += (Double(scene.height) + 1.6 * size - y) * way
            case .cut: break
            }
        }
        let shake = scene.camera(at: time).shake / 1000 * Double(scene.width)
        if shake > 0 {
            x += shake * Self.shake(scene.seed, 40, time)
            y += shake * Self.shake(scene.seed, 41, time)
        }
        return HeadPlacement(centre: SIMD2(Float(x), Float(y)), eyeDistance: Float(size))
    }

    /// The camera's shaking moves heads; the room behind them is too far away and too blurred for it to be seen much.
    private static func shake(_ seed: UInt64, _ channel: Int, _ time: Double) -> Double { SmoothNoise(seed: seed, channel, rate: 7).at(time) }

    func pose(at time: Double) -> FacePose {
        let place = place(at: time), lively = person.liveliness
        let speaking = speech.activity(of: person.id, at: time)
        let target = target(at: time)
        let nod = pitchOfSpeech(time)
        var pose = FacePose()
        let yaw = place.yaw + lively * (5.5 * value(.yaw, time)) + 13 * target
        pose.yaw = Float(max(-60, min(60, yaw)))
        pose.pitch = Float(place.pitch + lively * (3 * value(.pitch, time) + 3.2 * nod))
        pose.roll = Float(place.roll + lively * (2.6 * value(.roll, time) + 1.2 * speaking * nods.at(time + 50)))
        // Eyes go ahead of the head, and jump.
        let jump = SmoothNoise.step(person.faceSeed ^ scene.seed, time, rate: 1.3)
        pose.gaze = SIMD2(Float(max(-1, min(1, 0.12 * jump.0 + 0.35 * target - yaw / 90))), Float(0.08 * jump.1))
        pose.blink = Float(blink(at: time))
        pose.brows = Float(max(-1, min(1, 0.25 * lively * value(.brows, time) + 0.3 * speaking * max(0, nods.at(time - 0.15)))))
        pose.smile = Float(max(-1, min(1, mood + 0.25 * lively * value(.smile, time) * (1 - 0.6 * speaking))))
        pose.mouth = speech.mouth(of: person.id, at: time)
        return pose
    }

    private func value(_ channel: Channel, _ time: Double) -> Double { noise[channel.rawValue].at(time) }

    private func pitchOfSpeech(_ time: Double) -> Double { person.liveliness * speech.activity(of: person.id, at: time) * nods.at(time) }

    private func place(at time: Double) -> Scene.Place {
        let places = person.places
        guard let next = places.firstIndex(where: { $0.time > time }) else { return places[places.count - 1] }
        guard next > 0 else { return places[0] }
        let (a, b) = (places[next - 1], places[next])
        let t = Self.smooth((time - a.time) / (b.time - a.time))
        func mix(_ from: Double, _ to: Double) -> Double { from + (to - from) * t }
        return Scene.Place(time: time, x: mix(a.x, b.x), y: mix(a.y, b.y), size: mix(a.size, b.size), yaw: mix(a.yaw, b.yaw), pitch: mix(a.pitch, b.pitch), roll: mix(a.roll, b.roll))
    }

    /// Towards whom the person looks, −1 left … 1 right: the mean of the last half second, as heads are slow.
    private func target(at time: Double) -> Double {
        guard person.looks == .others else { return 0 }
        var sum = 0.0
        for step in 0..<6 {
            let moment = time - Double(step) * 0.1
            let own = place(at: moment).x
            var wanted = 0.0, weight = 0.0
            for other in scene.people where other.id != person.id && !other.presence.isEmpty {
                let activity = speech.activity(of: other.id, at: moment)
                guard activity > 0, let place = other.places.last(where: { $0.time <= moment }) else { continue }
                wanted += activity * max(-1, min(1, (place.x - own) * 2.5))
                weight += activity
            }
            if weight > 0 {
                sum += wanted / max(1, weight) * (glances.at(moment) < -0.35 ? 0.2 : 1)
            } else if speech.activity(of: person.id, at: moment) > 0, let other = scene.people.first(where: { $0.id != person.id && !$0.presence.isEmpty }) {
                // Who speaks looks at who listens about half of the time.
                sum += max(-1, min(1, (other.places[0].x - own) * 2)) * max(0, glances.at(moment))
            }
        }
        return sum / 6
    }

    private func blink(at time: Double) -> Double {
        for start in blinks where time >= start && time < start + 0.26 {
            let inside = time - start
            return inside < 0.08 ? inside / 0.08 : inside < 0.12 ? 1 : 1 - (inside - 0.12) / 0.14
        }
        return 0
    }

    private static func smooth(_ t: Double) -> Double {
        let t = max(0, min(1, t))
        return t * t * (3 - 2 * t)
    }
}

extension SmoothNoise {
    /// Two values within ±1 that hold and then jump.
    static func step(_ seed: UInt64, _ time: Double, rate: Double) -> (Double, Double) {
        var random = SeededGenerator(seed: seed, stream: Int((time * rate).rounded(.down)))
        return (random.uniform(-1...1), random.uniform(-1...1))
    }
}
