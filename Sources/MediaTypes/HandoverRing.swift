import Synchronization

/// Hands values from one thread to another: a bounded queue without lock.
///
/// Single producer, single consumer: ``put(_:)`` from one thread, ``take()`` from one other. Indices only grow. What does not fit is
/// refused and counted. The storage is allocated once; values are moved, so whether anything is allocated is the value's matter.
@safe public final class HandoverRing<Element: Sendable>: @unchecked Sendable {
    // Slot i belongs to the producer until `head` passes it and to the consumer until `tail` does; both are published with
    // release and read with acquire.
    private let slots: UnsafeMutablePointer<Element>
    private let capacity: Int
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)

    /// - Precondition: capacity is at least 1.
    public init(capacity: Int) {
        precondition(capacity >= 1)
        self.capacity = capacity
        unsafe slots = .allocate(capacity: capacity)
    }

    deinit {
        while take() != nil {}
        unsafe slots.deallocate()
    }

    /// Values that were refused because the ring was full.
    public var refusedCount: Int { refused.load(ordering: .relaxed) }

    /// Values that wait.
    public var count: Int { head.load(ordering: .acquiring) - tail.load(ordering: .acquiring) }

    /// - Returns: false where the ring is full; the value is counted as refused.
    @discardableResult
    public func put(_ value: consuming Element) -> Bool {
        let position = head.load(ordering: .relaxed)
        guard position - tail.load(ordering: .acquiring) < capacity else {
            refused.wrappingAdd(1, ordering: .relaxed)
            return false
        }
        unsafe (slots + position % capacity).initialize(to: value)
        head.store(position + 1, ordering: .releasing)
        return true
    }

    /// The oldest value, or `nil` where none waits.
    public func take() -> Element? {
        let position = tail.load(ordering: .relaxed)
        guard position < head.load(ordering: .acquiring) else { return nil }
        let value = unsafe (slots + position % capacity).move()
        tail.store(position + 1, ordering: .releasing)
        return value
    }
}
