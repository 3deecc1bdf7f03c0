import Dispatch
import Synchronization

/// Makes the samples of the next step while a step is computed.
final class AheadOfTime<Samples: Sendable>: Sendable {
    private struct Pending: Sendable {
        var seed: UInt64
        var done: DispatchGroup
        var result: Result<Samples, any Error>?
    }

    private let make: @Sendable (UInt64) throws -> Samples
    private let pending = Mutex<Pending?>(nil)

    init(_ make: @escaping @Sendable (UInt64) throws -> Samples) { self.make = make }

    /// The samples of a seed, made already where they were announced, and from now on those of the next.
    func samples(_ seed: UInt64, next: UInt64?) throws -> Samples {
        var announced: DispatchGroup?
        pending.withLock { if $0?.seed == seed { announced = $0?.done } }
        announced?.wait()
        let ready = pending.withLock { pending -> Result<Samples, any Error>? in
            defer { pending = nil }
            return pending?.seed == seed ? pending?.result : nil
        }
        let samples = try ready?.get() ?? make(seed)
        if let next { announce(next) }
        return samples
    }

    private func announce(_ seed: UInt64) {
        let done = DispatchGroup()
        pending.withLock { $0 = Pending(seed: seed, done: done) }
        DispatchQueue.global().async(group: done) {
            let result = Result { try self.make(seed) }
            self.pending.withLock { if $0?.seed == seed { $0?.result = result } }
        }
    }
}
