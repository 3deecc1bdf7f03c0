import Inference
import Testing

@Suite struct MemoryPlanTests {
    @Test(arguments: 0..<40) func blocksThatLiveTogetherDoNotOverlap(_ seed: Int) throws {
        var generator = SplitMix(seed: UInt64(seed))
        let blocks = (0..<Int.random(in: 1...60, using: &generator)).map { _ in
            let start = Int.random(in: -1...30, using: &generator)
            return MemoryPlan.Block(byteCount: Int.random(in: 0...5000, using: &generator), lifetime: start...start + Int.random(in: 0...12, using: &generator))
        }
        let plan = try #require(MemoryPlan(blocks, limit: .max))
        var together = 0
        for i in blocks.indices {
            #expect(plan.offsets[i] % 64 == 0 && plan.offsets[i] + blocks[i].byteCount <= plan.byteCount)
            for j in blocks.indices where j < i && blocks[i].lifetime.overlaps(blocks[j].lifetime) && blocks[i].byteCount > 0 && blocks[j].byteCount > 0 {
                together += 1
                #expect(plan.offsets[i] + blocks[i].byteCount <= plan.offsets[j] || plan.offsets[j] + blocks[j].byteCount <= plan.offsets[i])
            }
        }
        #expect(together > 0 || blocks.count < 5)
        // No plan can be smaller than the most that lives at one time, none should be larger than the sum.
        let peak = (-1...43).map { time in blocks.reduce(0) { $0 + ($1.lifetime.contains(time) ? $1.byteCount : 0) } }.max()!
        #expect(plan.byteCount >= peak && plan.byteCount <= blocks.reduce(0) { $0 + $1.byteCount + 63 })
        #expect(MemoryPlan(blocks, limit: peak - 1) == nil)
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
