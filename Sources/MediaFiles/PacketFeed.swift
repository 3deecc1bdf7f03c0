import CFFmpeg

/// The packets of one or two streams, each in its own order, whatever the order in the file. Thread-bound.
///
/// Both streams are read through one demuxer while their packets lie near each other. Where one stream's packets pile up
/// beyond a ``PacketQueue`` before the next of the other is found, the file is opened a second time, and from then on each
/// stream has a demuxer of its own: memory is bounded by the queue, never by the clip.
@safe final class PacketFeed {
    private let first: Demuxer
    private let firstIndex: Int?
    private let secondIndex: Int?
    private var second: Demuxer?
    private var firstQueue = PacketQueue()
    private var secondQueue = PacketQueue()
    /// Packets of the second stream that the first demuxer has read.
    private var secondRead = 0
    private var isSplit = false

    /// - Parameters: stream indices of the demuxer's file.
    init(_ demuxer: Demuxer, _ firstIndex: Int?, _ secondIndex: Int?) {
        first = demuxer
        self.firstIndex = firstIndex
        self.secondIndex = secondIndex
        demuxer.select([firstIndex, secondIndex].compactMap(\.self))
    }

    /// The next packet of that stream; false at its end.
    func next(_ stream: Int, into packet: borrowing Packet) -> Bool {
        packet.clear()
        return stream == firstIndex ? nextOfFirst(into: packet) : nextOfSecond(into: packet)
    }

    private func nextOfFirst(into packet: borrowing Packet) -> Bool {
        if firstQueue.pop(into: packet) { return true }
        while case .packet(let stream) = first.read(into: packet) {
            if stream == firstIndex { return true }
            if stream == secondIndex, !isSplit {
                if secondQueue.isFull {
                    split()
                } else {
                    secondQueue.push(packet)
                    secondRead += 1
                }
            }
            packet.clear()
        }
        return false
    }

    private func nextOfSecond(into packet: borrowing Packet) -> Bool {
        if secondQueue.pop(into: packet) { return true }
        while !isSplit, case .packet(let stream) = first.read(into: packet) {
            if stream == secondIndex {
                secondRead += 1
                return true
            }
            if stream == firstIndex {
                firstQueue.push(packet)
                if firstQueue.isFull { split() }
            }
            packet.clear()
        }
        guard let second else { return false }
        while case .packet(let stream) = second.read(into: packet) {
            if stream == secondIndex { return true }
            packet.clear()
        }
        return false
    }

    /// Gives the second stream a demuxer of its own, at the packet after those that the first has read.
    private func split() {
        guard let secondIndex else { return }
        isSplit = true
        first.select([firstIndex].compactMap(\.self))
        do {
            let own = try Demuxer(path: first.path, damage: DamageLog())
            own.select([secondIndex])
            let skipped = Packet()
            var left = secondRead
            while left > 0, case .packet(let stream) = own.read(into: skipped) {
                if stream == secondIndex { left -= 1 }
                skipped.clear()
            }
            own.damage = first.damage
            second = own
        } catch {
            first.damage.report(.read, detail: "the file could not be opened again: \(error.cause)")
        }
    }
}
