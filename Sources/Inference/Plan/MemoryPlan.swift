/// Where values live in the arena: blocks whose lifetimes overlap do not overlap in memory.
///
/// Greedy by size: the largest block first, each at the lowest offset that is free for its whole lifetime (Pisarchyk and
/// Lee, "Efficient memory management for deep neural net inference", 2020).
package struct MemoryPlan {
    package struct Block {
        package var byteCount: Int
        /// First and last step that touch it, both included.
        package var lifetime: ClosedRange<Int>

        package init(byteCount: Int, lifetime: ClosedRange<Int>) {
            self.byteCount = byteCount
            self.lifetime = lifetime
        }
    }

    /// Byte offset of each block, a multiple of 64.
    package let offsets: [Int]
    package let byteCount: Int

    /// `nil` where the arena would be larger than `limit`.
    package init?(_ blocks: [Block], limit: Int) {
        var offsets = [Int](repeating: 0, count: blocks.count)
        var end = 0
        var placed: [(index: Int, start: Int, end: Int)] = []
        let order = blocks.indices.sorted { (blocks[$0].byteCount, $1) > (blocks[$1].byteCount, $0) }
        for index in order {
            let size = AlignedStorage.rounded(blocks[index].byteCount)
            if size == 0 { continue }
            var offset = 0
            // `placed` is sorted by start: the first gap that fits.
            for other in placed where blocks[other.index].lifetime.overlaps(blocks[index].lifetime) {
                if offset + size <= other.start { break }
                offset = max(offset, other.end)
            }
            guard offset + size <= limit else { return nil }
            offsets[index] = offset
            end = max(end, offset + size)
            let entry = (index: index, start: offset, end: offset + size)
            placed.insert(entry, at: placed.firstIndex { $0.start > offset } ?? placed.endIndex)
        }
        self.offsets = offsets
        byteCount = end
    }
}
