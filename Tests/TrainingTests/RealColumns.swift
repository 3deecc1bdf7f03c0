import Datasets
import Foundation

/// Shards with the columns that `fwoc-train prepare` writes for faces and voices, filled with patterns: no pictures of anybody, no speech.
struct RealColumns {
    var people = 6
    var samples = 4
    var seed: UInt64 = 5

    func write(to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let writer = try ShardWriter(path: folder + "/0.shard", description: SampleColumns.description(mouths: [], origin: [:]))
        var generator = SeededGenerator(seed: seed)
        let side = SampleColumns.faceSide
        for person in 0..<people {
            let tint = (0..<3).map { _ in Int(generator.index(below: 120)) + 40 }, slope = (0..<3).map { _ in Float(generator.index(below: 100)) / 100 }
            let pitch = 100 + 60 * Float(person) + Float(generator.index(below: 20))
            for sample in 0..<samples {
                var face: [UInt8] = []
                face.reserveCapacity(6 * side * side)
                for picture in 0..<2 {
                    for plane in 0..<3 {
                        for y in 0..<side {
                            for x in 0..<side {
                                let shade = Int(slope[plane] * Float(x - y)) + Int(truncatingIfNeeded: generator.next() & 15) + 3 * picture + sample
                                face.append(UInt8(clamping: tint[plane] + shade))
                            }
                        }
                    }
                }
                // 0.8 s, of which the person's own speech is 0.72 s.
                let sound = (0..<12_800).map { index in
                    let phase = 2 * Float.pi * pitch * Float(index) / 16_000
                    let wave: Float = sin(phase) + 0.5 * sin(2 * phase)
                    return Int16(4000 * (wave + 0.2 * MadeUpPeople.number(&generator)))
                }
                let speech = (0..<20).map { $0 % 10 == 9 ? SampleColumns.Speech.none : SampleColumns.Speech.own }
                try writer.append(
                    ShardRow([
                        SampleColumns.identity: ShardValue("person \(person)"), SampleColumns.file: ShardValue("person \(person)/\(sample).mp4"),
                        SampleColumns.start: ShardValue(Int64(0)), SampleColumns.track: ShardValue(Int32(0)), SampleColumns.face: ShardValue(face, entries: 2),
                        SampleColumns.sound: ShardValue(sound, entries: sound.count), SampleColumns.speech: ShardValue(speech, entries: speech.count),
                    ]))
            }
        }
        try writer.finish()
    }
}
