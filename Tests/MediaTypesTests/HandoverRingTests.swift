import Foundation
import MediaTypes
import Synchronization
import Testing

struct HandoverRingTests {
    @Test func inOrderAndBounded() {
        let ring = HandoverRing<String>(capacity: 3)
        let fits = ["a", "b", "c", "d"].map { ring.put($0) }
        #expect(fits == [true, true, true, false])
        #expect(ring.count == 3 && ring.refusedCount == 1)
        let first = ring.take(), second = ring.take()
        let again = ring.put("e")
        #expect(first == "a" && second == "b" && again)
        let rest = [ring.take(), ring.take(), ring.take()]
        #expect(rest == ["c", "e", nil] && ring.count == 0)
    }

    @Test func whatWaitsIsReleased() {
        final class Counted: Sendable {
            static let alive = Atomic<Int>(0)
            init() { Self.alive.wrappingAdd(1, ordering: .relaxed) }
            deinit { Self.alive.wrappingSubtract(1, ordering: .relaxed) }
        }
        do {
            let ring = HandoverRing<Counted>(capacity: 4)
            for _ in 0..<6 { ring.put(Counted()) }
            _ = ring.take()
        }
        #expect(Counted.alive.load(ordering: .relaxed) == 0)
    }

    @Test func twoThreads() {
        let ring = HandoverRing<[Int]>(capacity: 7)
        let count = 20_000
        let producer = Thread {
            var next = 0
            while next < count { if ring.put([next, next * next]) { next += 1 } }
        }
        producer.start()
        var expected = 0
        var isWhole = true
        while expected < count {
            guard let value = ring.take() else { continue }
            if value != [expected, expected * expected] { isWhole = false }
            expected += 1
        }
        #expect(isWhole && ring.count == 0)
    }
}
