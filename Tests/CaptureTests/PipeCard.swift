import Foundation
import Glibc
import MediaTypes
import Synchronization

/// A sound card whose samples the test makes: a FIFO that the server's pipe source reads. Quiet noise, and a click twice a second.
final class PipeCard: Sendable {
    enum Content: Sendable {
        /// ±20 units of 16 bits.
        case noise
        /// −1, 0 or 1.
        case whisper
        case zeros
    }

    let name: String
    let rate: Int
    /// By how much the card's clock runs fast.
    let ppm: Double
    private let path: String
    private let board = Board()

    /// What the card and its thread share: the thread must not keep the card.
    private final class Board: Sendable { let state = Mutex(State()) }

    private struct State {
        var clicks: [Instant] = []
        var isRunning = false
        var content = Content.noise
        var hasEnded = true
    }

    init(name: String = "card", rate: Int = 16_000, ppm: Double = 0) {
        self.name = name
        self.rate = rate
        self.ppm = ppm
        path = FileManager.default.temporaryDirectory.appending(path: "fwoc-card-\(UUID().uuidString.prefix(8))").path
    }

    deinit {
        stop()
        unsafe unlink(path)
    }

    /// The module makes the FIFO.
    var module: String { "module-pipe-source source_name=\(name) file=\(path) rate=\(rate) format=s16le channels=1" }
    var clicks: [Instant] { board.state.withLock { $0.clicks } }
    func setContent(_ content: Content) { board.state.withLock { $0.content = content } }

    /// Once the server runs.
    func start() {
        board.state.withLock { ($0.isRunning, $0.hasEnded) = (true, false) }
        Thread.detachNewThread { [board, path, rate, ppm] in
            let descriptor = unsafe open(path, O_RDWR | O_NONBLOCK)
            var noise = Noise(seed: 21)
            let begin = MonotonicClockOfTests.now()
            var written = 0
            while board.state.withLock({ $0.isRunning }) {
                let now = MonotonicClockOfTests.now()
                let due = Int((now - begin).seconds * Double(rate) * (1 + ppm * 1e-6))
                if due > written {
                    let content = board.state.withLock { $0.content }
                    let amplitude = switch content {
                    case .noise: 20.0
                    case .whisper: 1.999
                    case .zeros: 0.0
                    }
                    var samples = (0..<due - written).map { _ in Int16((noise.uniform() * 2 - 1) * amplitude) }
                    // The last sample of this piece is captured now.
                    if content == .noise, due / (rate / 2) > written / (rate / 2), written > 0 {
                        samples[samples.count - 1] = 32_000
                        board.state.withLock { $0.clicks.append(now) }
                    }
                    _ = unsafe samples.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
                    written = due
                }
                Thread.sleep(forTimeInterval: 0.004)
            }
            close(descriptor)
            board.state.withLock { $0.hasEnded = true }
        }
    }

    /// From now on nothing comes.
    func stop() {
        board.state.withLock { $0.isRunning = false }
        while !board.state.withLock({ $0.hasEnded }) { Thread.sleep(forTimeInterval: 0.005) }
    }
}

/// CLOCK_MONOTONIC.
enum MonotonicClockOfTests {
    static func now() -> Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
