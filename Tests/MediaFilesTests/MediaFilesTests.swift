import MediaFiles
import MediaTypes
import Testing
import Foundation

@Test func probe() throws {
    guard let list = ProcessInfo.processInfo.environment["PROBE"] else { return }
    for path in list.split(separator: " ").map(String.init) {
        let t0 = ContinuousClock.now
        do {
            let reader = try MediaReader(path: path)
            let t1 = ContinuousClock.now
            print(path, reader.streams)
            var frames = 0, samples = 0, last = Instant.zero, lastA = Instant.zero, disc = 0
            while let item = reader.next() {
                switch item {
                case .video(let f): frames += 1; last = f.instant
                case .audio(let b): samples += b.samples.count; lastA = b.end; if b.isDiscontinuity { disc += 1 }
                }
            }
            print("  frames", frames, "last", last.seconds, "samples", samples, "end", lastA.seconds, "disc", disc, "damage", reader.damageCount, reader.damage.prefix(5).map(\.description), "open", t1 - t0, "all", ContinuousClock.now - t0)
        } catch { print(path, error) }
    }
}
