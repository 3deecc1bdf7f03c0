import Publishing
import Testing

struct EventIdentifierTests {
    @Test func sortsByTimeAndRepeatsWithTheSeed() {
        var a = EventIdentifierSequence(seed: 1)
        var b = EventIdentifierSequence(seed: 1)
        var c = EventIdentifierSequence(seed: 2)
        var previous = ""
        for milliseconds in [0, 1, 1000, 1_763_000_000_000] as [Int64] {
            let identifier = a.next(milliseconds: milliseconds)
            #expect(identifier == b.next(milliseconds: milliseconds))
            #expect(identifier != c.next(milliseconds: milliseconds))
            #expect(identifier.count == 26)
            #expect(identifier.allSatisfy { "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains($0) })
            #expect(identifier > previous)
            previous = identifier
        }
    }

    /// The specification's example of a time: 1469918176385 ms is 01ARYZ6S41.
    @Test func timeAsTheSpecificationWritesIt() {
        var sequence = EventIdentifierSequence(seed: 0)
        #expect(sequence.next(milliseconds: 1_469_918_176_385).hasPrefix("01ARYZ6S41"))
    }

    @Test func distinctWithinAMillisecond() {
        var sequence = EventIdentifierSequence(seed: 3)
        let identifiers = (0..<10_000).map { _ in sequence.next(milliseconds: 5) }
        #expect(Set(identifiers).count == 10_000)
        #expect(identifiers == identifiers.sorted(), "they sort in the order in which they were made")
        let later = sequence.next(milliseconds: 6)
        #expect(identifiers[9_999] < later)
    }
}
