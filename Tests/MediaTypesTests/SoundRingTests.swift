import CAllocationCounter
import Foundation
import MediaTypes
import Synchronization
import Testing

struct SoundRingTests {
    static func ramp(_ range: Range<Int>) -> [Float] { range.map { Float($0 % 65_536) } }

    static func instant(_ sample: Int) -> Instant { Instant(nanoseconds: 5_000_000_000) + AudioFormat.span(samples: sample) }

    static func readAll(_ ring: SoundRing) -> [AudioBlock] {
        var blocks: [AudioBlock] = []
        while let block = ring.read({ $0 }) { blocks.append(block) }
        return blocks
    }

    @Test func emptyGivesNothing() {
        let ring = SoundRing(wake: WakeSignal())
        let block = ring.read { $0 }
        #expect(block == nil)
    }

    @Test func piecesThatContinueEachOtherAreOneRun() {
        let ring = SoundRing(wake: WakeSignal())
        var position = 0
        for count in [85, 171, 1, 640, 320] {
            let taken = ring.write(Self.ramp(position..<position + count).span, start: Self.instant(position))
            #expect(taken)
            position += count
        }
        let blocks = Self.readAll(ring)
        #expect(blocks.map(\.samples.count) == [320, 320, 320, 257])
        #expect(blocks.flatMap(\.samples) == Self.ramp(0..<position))
        #expect(blocks.map(\.isDiscontinuity) == [false, false, false, false])
        for (block, next) in zip(blocks, blocks.dropFirst()) { #expect(next.start == block.end) }
        #expect(blocks[0].start == Self.instant(0))
    }

    @Test func aPieceKeepsItsInstantAndMark() {
        let ring = SoundRing(wake: WakeSignal())
        ring.write(Self.ramp(0..<100).span, start: Self.instant(0))
        ring.write(Self.ramp(100..<200).span, start: Self.instant(100) + TimeSpan(nanoseconds: 1))
        ring.write(Self.ramp(200..<300).span, start: Self.instant(900), isDiscontinuity: true)
        let blocks = Self.readAll(ring)
        #expect(blocks.map(\.samples.count) == [100, 100, 100])
        #expect(blocks.map(\.start) == [Self.instant(0), Self.instant(100) + TimeSpan(nanoseconds: 1), Self.instant(900)])
        #expect(blocks.map(\.isDiscontinuity) == [false, false, true])
    }

    @Test func fullRefusesTheNewAndMarksTheNext() {
        let wake = WakeSignal()
        let ring = SoundRing(capacity: 640, wake: wake)
        // Where the last piece would fit again, the gap is still open: less than a quarter is free.
        let taken = [0..<300, 300..<600, 600..<700, 700..<740].map { ring.write(Self.ramp($0).span, start: Self.instant($0.lowerBound)) }
        #expect(taken == [true, true, false, false])
        #expect(ring.droppedSamples == 140 && ring.writtenSamples == 600)
        let first = Self.readAll(ring)
        #expect(first.flatMap(\.samples) == Self.ramp(0..<600))
        let after = [740..<780, 780..<900].map { ring.write(Self.ramp($0).span, start: Self.instant($0.lowerBound)) }
        let blocks = Self.readAll(ring)
        #expect(after == [true, true] && blocks.flatMap(\.samples) == Self.ramp(740..<900))
        #expect(blocks.map(\.isDiscontinuity) == [true] && blocks[0].start == Self.instant(740), "one gap is one mark")
        #expect(ring.droppedSamples == 140)
        #expect(wake.wait(.zero))
    }

    @Test func aPieceLargerThanTheRingIsRefused() {
        let ring = SoundRing(capacity: 320, wake: WakeSignal())
        let taken = ring.write(Self.ramp(0..<321).span, start: Self.instant(0))
        #expect(!taken && ring.droppedSamples == 321)
    }

    @Test func manyShortRunsAreBounded() {
        let ring = SoundRing(wake: WakeSignal())
        for index in 0..<2000 { ring.write([Float(index)].span, start: Self.instant(index * 10)) }
        #expect(ring.writtenSamples + ring.droppedSamples == 2000 && ring.droppedSamples > 0)
        #expect(Self.readAll(ring).map(\.samples) == (0..<ring.writtenSamples).map { [Float($0)] })
    }

    @Test func aBlockThatThrowsIsRead() {
        struct Refusal: Error {}
        let ring = SoundRing(wake: WakeSignal())
        ring.write([1].span, start: .zero)
        #expect(throws: Refusal.self) { try ring.read { _ in throw Refusal() } }
        let next = ring.read { $0.samples }
        #expect(next == nil)
    }

    /// A writer that is never refused for long and a reader that now and then sleeps: every sample arrives once, in order, with
    /// its instant, or is counted.
    @Test func twoThreads() {
        let total = 3_000_000
        let wake = WakeSignal()
        let ring = SoundRing(capacity: 4000, wake: wake)
        // The sample number is in the instant and, modulo 65 536, in the sample.
        let finished = DispatchSemaphore(value: 0)
        let signal = Flag()
        Thread.detachNewThread {
            var position = 0, length = 1
            while position < total {
                let count = min(length, total - position)
                length = length * 7 % 701 + 1
                let piece = Self.ramp(position..<position + count)
                // Mostly waits for room; every now and then it lets the piece go.
                var tries = 0
                while !ring.write(piece.span, start: Self.instant(position)), tries < position % 50 {
                    tries += 1
                    Thread.sleep(forTimeInterval: 0.0002)
                }
                position += count
            }
            signal.isSet.store(true, ordering: .releasing)
            finished.signal()
        }
        var received = 0, expected = 0, gaps = 0, unmarked = 0, wrong = 0
        while true {
            let over = signal.isSet.load(ordering: .acquiring)
            let one: Void? = ring.read { block in
                let position = Int((block.start - Self.instant(0)).nanoseconds / AudioFormat.sampleSpan.nanoseconds)
                if position != expected {
                    gaps += 1
                    if position < expected || !block.isDiscontinuity { unmarked += 1 }
                }
                for (offset, sample) in block.samples.enumerated() where sample != Float((position + offset) % 65_536) { wrong += 1 }
                expected = position + block.samples.count
                received += block.samples.count
            }
            if one == nil {
                if over { break }
                wake.wait(.milliseconds(5))
            }
            if received % 100_000 < 320 { Thread.sleep(forTimeInterval: 0.001) }
        }
        finished.wait()
        #expect(wrong == 0 && unmarked == 0)
        #expect(received == ring.writtenSamples)
        #expect(received > total / 10)
    }

    private final class Flag: Sendable { let isSet = Atomic(false) }

    @Test func neitherSideAllocates() {
        guard fwoc_allocation_count() >= 0 else {
            FileHandle.standardError.write(Data("SKIPPED: allocation counts of the sound ring need glibc without a sanitizer\n".utf8))
            return
        }
        let ring = SoundRing(capacity: 4000, wake: WakeSignal())
        let piece = Self.ramp(0..<501)
        var position = 0
        var sum: Float = 0
        func round() {
            for index in 0..<20 {
                ring.write(piece.span, start: Self.instant(position), isDiscontinuity: index % 7 == 0)
                position += piece.count
                if index % 3 == 0 { while ring.read({ sum += $0.samples[0] }) != nil {} }
            }
            while ring.read({ sum += $0.samples[0] }) != nil {}
        }
        round()
        let before = fwoc_allocation_count()
        round()
        #expect(fwoc_allocation_count() == before)
        #expect(ring.writtenSamples > 10_000)
    }
}
