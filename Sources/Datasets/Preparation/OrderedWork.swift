import Foundation

/// Work on a list by several threads whose results come out in the order of the list.
///
/// Workers run ahead of the result that is waited for by so many items at most, so that memory stays bounded. Everything is behind one lock;
/// hence `@unchecked`.
final class OrderedWork<Item: Sendable, Output: Sendable>: @unchecked Sendable {
    private let items: [Item]
    private let window: Int
    private let condition = NSCondition()
    private var next = 0
    private var taken = 0
    private var done: [Int: Result<Output, any Error>] = [:]
    private var isStopped = false
    private var running = 0

    /// - Parameter makeWorker: called once on each thread; what it returns stays there.
    init(_ items: [Item], jobs: Int, makeWorker: @escaping @Sendable () throws -> (Item) throws -> Output) {
        self.items = items
        window = 4 * jobs
        running = min(jobs, items.count)
        for number in 0..<running {
            let thread = Thread { [self] in work(makeWorker) }
            thread.name = "prepare \(number)"
            // Networks and FFmpeg want more than Foundation's half megabyte.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// The next result in the order of the list; `nil` after the last.
    func result() throws -> Output? {
        condition.lock()
        defer { condition.unlock() }
        guard taken < items.count else { return nil }
        while done[taken] == nil { condition.wait() }
        guard let result = done.removeValue(forKey: taken) else { return nil }
        taken += 1
        condition.broadcast()
        return try result.get()
    }

    /// Lets the threads end after what they are at, and waits for them.
    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        while running > 0 { condition.wait() }
        condition.unlock()
    }

    private func work(_ makeWorker: () throws -> (Item) throws -> Output) {
        let worker = Result { try makeWorker() }
        while let index = claim() {
            let result = worker.flatMap { worker in Result { try worker(items[index]) } }
            condition.lock()
            done[index] = result
            condition.broadcast()
            condition.unlock()
        }
        condition.lock()
        running -= 1
        condition.broadcast()
        condition.unlock()
    }

    private func claim() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped, next < items.count, next >= taken + window { condition.wait() }
        guard !isStopped, next < items.count else { return nil }
        defer { next += 1 }
        return next
    }
}
