import CTorch
import Foundation
public import Tensors

/// libtorch as a whole: its version, threads, random numbers and gradient mode.
public enum TorchRuntime {
    /// For example `1.13.1`.
    public static var version: String { unsafe String(cString: ctorch_version()) }

    /// Threads that one operation may use; of the whole process. Results of sums may depend on it in their last bits.
    public static var threadCount: Int { Int(ctorch_thread_count()) }

    /// As many as asked for; else as OMP_NUM_THREADS says, else one a core.
    static func threads(asked: Int) -> Int {
        let environment = ProcessInfo.processInfo
        return asked > 0 ? asked : environment.environment["OMP_NUM_THREADS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? environment.activeProcessorCount
    }

    public static func setThreadCount(_ count: Int) throws(TorchError) {
        try TorchError.check(ctorch_set_thread_count(Int32(clamping: count)), "set thread count")
    }

    /// Seeds what libtorch draws (dropout, multinomial), on every device. Weights are not drawn by libtorch; see ``WeightInitializer``.
    public static func seed(_ seed: UInt64) throws(TorchError) { try TorchError.check(ctorch_seed(seed), "seed") }

    /// The state of a device's generator, to be kept with a checkpoint: uint8, its length is libtorch's affair.
    public static func generatorState(of device: TorchDevice = .cpu) throws(TorchError) -> Tensor {
        try TorchTensor.make("generator state") { unsafe ctorch_generator_state(device.code, $0.pointer) }.tensor()
    }

    public static func setGeneratorState(_ state: Tensor, of device: TorchDevice = .cpu) throws(TorchError) {
        let state = try TorchTensor(state)
        try TorchError.check(unsafe ctorch_set_generator_state(device.code, state.handle), "set generator state")
    }

    /// Runs `body` without recording for gradients, on this thread. `body` must not suspend.
    public static func withoutGradients<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        let before = ctorch_set_gradient_mode(false)
        defer { _ = ctorch_set_gradient_mode(before) }
        return try body()
    }

    /// Whether operations on this thread are recorded for gradients.
    public static var isRecording: Bool { ctorch_gradient_mode() }
}
