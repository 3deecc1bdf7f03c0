import CTorch
import Foundation

/// Several processes that train one network together, on one machine or on several: libtorch's gloo engine.
///
/// Each process has a rank, 0 ..< ``size``, runs the same program with the same seed on its own part of every batch, and all exchange in the same order:
///
///     let group = try ProcessGroup.fromEnvironment()             // nil: alone
///     try group?.broadcast(graph.parameters.map(\.tensor))       // begin with equal weights
///     …
///     let loss = try lossOfThisPart * (partCount / batchCount)   // parts of the mean over the whole batch
///     try loss.backward()
///     try group?.sumGradients(of: weights)
///     try adam.step()                                            // the same step, bit for bit, on every process
///     …
///     try group?.average(graph.statistics.map(\.tensor))         // before evaluation and checkpoints
///
/// The result is that of one process with the whole batch, up to the rounding of sums; except that batch normalisation in training uses the statistics
/// of each process's own part (as everywhere in the field), so that parts should not be small. The running statistics then differ between processes
/// until ``average(_:)``.
///
/// A process that ends, loses its connection or falls behind by more than the timeout gives every other one an error, and breaks the group: begin again
/// from the last checkpoint. Thread-bound. Made on one machine it is not encrypted or authenticated on the wire either: for networks that one trusts.
@safe public final class ProcessGroup {
    /// 0 ..< ``size``.
    public let rank: Int
    /// How many processes there are.
    public let size: Int
    private let handle: OpaquePointer

    /// Whether this build has the engine (see the README on `libgloo-dev`).
    public static var isAvailable: Bool { ctorch_has_groups() }

    /// Meets the other processes; waits for all of them.
    ///
    /// - Parameters:
    ///   - host: of rank 0, the same name or address for every process, and one at which all of them reach it: not `localhost` with several machines.
    ///   - port: where rank 0 listens; free on its machine. The processes also open ports of the system's choice among themselves.
    ///   - timeout: how long to wait for the others, here and in every later call; longer than the slowest process needs between two calls.
    /// - Throws: ``ProcessGroupError``: it names the rank that did not come or was given twice, or a number of processes that differs.
    public init(host: String, port: Int, rank: Int, size: Int, timeout: Duration = .seconds(600)) throws(ProcessGroupError) {
        var made: OpaquePointer?
        let status = unsafe ctorch_group_create(host, Int32(clamping: port), Int32(clamping: rank), Int32(clamping: size), timeout / .seconds(1), &made)
        guard status == CTORCH_OK, let made = unsafe made else { throw ProcessGroupError(lastOf: "meeting") }
        unsafe handle = made
        self.rank = rank
        self.size = size
    }

    deinit { unsafe ctorch_group_release(handle) }

    /// Reads what launchers of the field set: `MASTER_ADDR` and `MASTER_PORT` of rank 0, `RANK` of this process, `WORLD_SIZE`.
    ///
    /// - Returns: `nil` where `WORLD_SIZE` is not set or 1: this process trains alone.
    public static func fromEnvironment(
        _ environment: [String: String] = ProcessInfo.processInfo.environment, timeout: Duration = .seconds(600)
    ) throws(ProcessGroupError) -> ProcessGroup? {
        func number(_ name: String, _ range: ClosedRange<Int>) throws(ProcessGroupError) -> Int {
            guard let text = environment[name] else {
                throw ProcessGroupError(.environment, "WORLD_SIZE is \(environment["WORLD_SIZE"] ?? ""), but \(name) is not set; every process needs MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE")
            }
            guard let value = Int(text), range.contains(value) else {
                throw ProcessGroupError(.environment, "\(name) is '\(text)'; expected a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        guard environment["WORLD_SIZE"] != nil else { return nil }
        let size = try number("WORLD_SIZE", 1...65536)
        guard size > 1 else { return nil }
        let rank = try number("RANK", 0...size - 1), port = try number("MASTER_PORT", 1...65535)
        guard let host = environment["MASTER_ADDR"], !host.isEmpty else {
            throw ProcessGroupError(.environment, "WORLD_SIZE is \(size), but MASTER_ADDR is not set; it is the name or address of the machine of rank 0")
        }
        return try ProcessGroup(host: host, port: port, rank: rank, size: size, timeout: timeout)
    }

    // MARK: Exchange

    /// The gradient of every weight becomes the sum over all processes: the same bits on each, divided by nothing. Where each process's loss is its part of
    /// a mean (the sum over its samples, by the number of samples in the whole batch), that is the gradient of the mean.
    ///
    /// - Parameter weights: in the same order on every process. One without a gradient here counts as zeros; one without a gradient anywhere stays so.
    public func sumGradients(of weights: [TorchTensor]) throws(ProcessGroupError) {
        let handles = unsafe weights.map { unsafe $0.handle }
        defer { withExtendedLifetime(weights) {} }
        try check(unsafe ctorch_group_sum_gradients(handle, handles, Int32(handles.count)), "sum of gradients")
    }

    /// Every tensor becomes the mean over all processes, in place: running statistics of batch normalisation. Floating-point, all of one type.
    ///
    /// The mean of running means is that of the whole batch (equal parts). The mean of running variances is less, by the variance of the parts' means.
    public func average(_ tensors: [TorchTensor]) throws(ProcessGroupError) {
        let handles = unsafe tensors.map { unsafe $0.handle }
        defer { withExtendedLifetime(tensors) {} }
        try check(unsafe ctorch_group_sum(handle, handles, Int32(handles.count), 1 / Double(size)), "average")
    }

    /// Every tensor becomes the sum over all processes, in place: counts and sums of metrics. Floating-point, all of one type.
    public func sum(_ tensors: [TorchTensor]) throws(ProcessGroupError) {
        let handles = unsafe tensors.map { unsafe $0.handle }
        defer { withExtendedLifetime(tensors) {} }
        try check(unsafe ctorch_group_sum(handle, handles, Int32(handles.count), 1), "sum")
    }

    /// Every tensor becomes that of rank 0, in place.
    public func broadcast(_ tensors: [TorchTensor]) throws(ProcessGroupError) {
        let handles = unsafe tensors.map { unsafe $0.handle }
        defer { withExtendedLifetime(tensors) {} }
        try check(unsafe ctorch_group_broadcast(handle, handles, Int32(handles.count)), "broadcast")
    }

    /// Returns when every process has come here.
    public func barrier() throws(ProcessGroupError) { try check(unsafe ctorch_group_barrier(handle), "barrier") }

    /// [size, …]: every process's tensor of that shape and type, in the order of the ranks; on the processor, without gradient.
    public func gathered(_ tensor: TorchTensor) throws(ProcessGroupError) -> TorchTensor {
        var made: OpaquePointer?
        try check(unsafe ctorch_group_gather(handle, tensor.handle, &made), "gathering")
        guard let made = unsafe made else { throw ProcessGroupError(.exchange, "gathering: no tensor was made") }
        return unsafe TorchTensor(owning: made)
    }

    private func check(_ status: ctorch_status, _ operation: StaticString) throws(ProcessGroupError) {
        guard status == CTORCH_OK else { throw ProcessGroupError(lastOf: "\(operation)") }
    }
}
