import CTorch
public import Tensors

/// A libtorch tensor: elements on a device, and how they came about where gradients are recorded.
///
/// A reference: a value that a graph passes to several nodes is one object, and libtorch counts its memory. What operations return is a new
/// tensor, which may share memory with its operands (views); only the methods called `…InPlace`, optimizers and batch normalisation's running
/// statistics write.
///
/// Thread-bound: not `Sendable`. One thread at a time works with a tensor and with what shares its memory; one that nobody else keeps can be
/// sent. Different tensors may be worked on by different threads. Gradient mode is the thread's own (``TorchRuntime/withoutGradients(_:)``).
///
/// Every operation throws ``TorchError`` with libtorch's message where shapes, types or devices do not fit.
@safe public final class TorchTensor: CustomStringConvertible {
    let handle: OpaquePointer

    /// Takes over a handle that the shim has given.
    init(owning handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe ctorch_release(handle) }

    /// Where the shim puts a new tensor.
    @safe struct Slot {
        let pointer: UnsafeMutablePointer<OpaquePointer?>

        init(pointer: UnsafeMutablePointer<OpaquePointer?>) { unsafe self.pointer = pointer }
    }

    /// Calls the shim for one new tensor.
    static func make(
        _ operation: StaticString, _ body: (Slot) -> ctorch_status
    ) throws(TorchError) -> TorchTensor {
        var made: OpaquePointer?
        let status = unsafe withUnsafeMutablePointer(to: &made) { unsafe body(Slot(pointer: $0)) }
        try TorchError.check(status, operation)
        guard let made = unsafe made else { throw TorchError(operation: "\(operation)", message: "no tensor was made") }
        return unsafe TorchTensor(owning: made)
    }

    // MARK: Making

    /// Copies a tensor to a device. libtorch has no unsigned integers but uint8: the wider ones are refused.
    public convenience init(_ tensor: Tensor, device: TorchDevice = .cpu) throws(TorchError) {
        guard let type = tensor.elementType.torch else {
            throw TorchError(operation: "make", message: "libtorch has no tensors of \(tensor.elementType)")
        }
        var made: OpaquePointer?
        let shape = tensor.shape.map { Int64($0) }
        let status = unsafe tensor.bytes.withUnsafeBytes { bytes in
            unsafe ctorch_from_bytes(type, shape, Int32(shape.count), bytes.baseAddress, Int64(bytes.count), &made)
        }
        try TorchError.check(status, "make")
        guard let made = unsafe made else { throw TorchError(operation: "make", message: "no tensor was made") }
        guard device != .cpu else {
            unsafe self.init(owning: made)
            return
        }
        let here = unsafe TorchTensor(owning: made)
        var moved: OpaquePointer?
        try TorchError.check(unsafe ctorch_convert(here.handle, type, device.code, CTORCH_PRESERVE, &moved), "move")
        guard let moved = unsafe moved else { throw TorchError(operation: "move", message: "no tensor was made") }
        unsafe self.init(owning: moved)
    }

    /// - Precondition: `values.count` is the product of `shape`.
    public convenience init<Element: TensorElement>(_ values: [Element], shape: [Int], device: TorchDevice = .cpu) throws(TorchError) {
        try self.init(Tensor(shape: shape, values: values), device: device)
    }

    /// The same number everywhere.
    public static func full(
        _ shape: [Int], _ value: Double, _ type: ElementType = .float32, device: TorchDevice = .cpu
    ) throws(TorchError) -> TorchTensor {
        let code = try type.torchCode("full")
        let sizes = shape.map { Int64($0) }
        return try make("full") { unsafe ctorch_full(code, sizes, Int32(sizes.count), value, device.code, $0.pointer) }
    }

    public static func zeros(_ shape: [Int], _ type: ElementType = .float32, device: TorchDevice = .cpu) throws(TorchError) -> TorchTensor {
        try full(shape, 0, type, device: device)
    }

    /// [count]: start, start + step, …
    public static func range(
        _ count: Int, start: Double = 0, step: Double = 1, _ type: ElementType = .int64, device: TorchDevice = .cpu
    ) throws(TorchError) -> TorchTensor {
        let code = try type.torchCode("range")
        return try make("range") { unsafe ctorch_arange(code, start, step, Int64(count), device.code, $0.pointer) }
    }

    /// Zeros of the same shape, type, device and layout.
    public func zerosLike() throws(TorchError) -> TorchTensor { try Self.make("zeros") { unsafe ctorch_like(CTORCH_ZEROS, handle, $0.pointer) } }
    /// Uniform numbers in 0 ..< 1 of the same shape, type, device and layout, drawn by libtorch's generator.
    public func uniformLike() throws(TorchError) -> TorchTensor { try Self.make("uniform") { unsafe ctorch_like(CTORCH_UNIFORM, handle, $0.pointer) } }
    /// Standard normal numbers of the same shape, type, device and layout, drawn by libtorch's generator.
    public func normalLike() throws(TorchError) -> TorchTensor { try Self.make("normal") { unsafe ctorch_like(CTORCH_NORMAL, handle, $0.pointer) } }

    // MARK: What it is

    /// Sizes of the dimensions, outermost first; empty for a scalar.
    public var shape: [Int] {
        let rank = Int(unsafe ctorch_rank(handle))
        guard rank > 0 else { return [] }
        return unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: rank) { sizes in
            unsafe ctorch_shape(handle, sizes.baseAddress!)
            return unsafe sizes.map { Int($0) }
        }
    }

    public var rank: Int { Int(unsafe ctorch_rank(handle)) }
    public var count: Int { shape.reduce(1, *) }

    /// - Precondition: a type that ``Tensor`` has too; this layer makes no others.
    public var elementType: ElementType {
        guard let type = ElementType(torch: unsafe ctorch_element_type(handle)) else { preconditionFailure("a libtorch tensor of a foreign type") }
        return type
    }

    public var isFloat: Bool { elementType == .float32 || elementType == .float64 }
    public var device: TorchDevice { unsafe TorchDevice(code: ctorch_device(handle)) }
    /// Whether a 4-dimensional tensor's elements lie in the order batch, height, width, channels.
    public var isChannelsLast: Bool { unsafe ctorch_is_channels_last(handle) }

    public var description: String { "\(elementType)\(shape) on \(device)" }

    // MARK: Reading

    /// The elements, row-major, from whatever device and layout.
    public func tensor() throws(TorchError) -> Tensor {
        let shape = shape, type = elementType
        let count = Tensor.elementCount(shape) * type.size
        var failure: TorchError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(TorchError) {
                try TorchError.check(unsafe ctorch_read(handle, buffer.baseAddress, Int64(count)), "read")
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return Tensor(shape: shape, elementType: type, bytes: bytes)
    }

    /// The elements as doubles, row-major, of any type.
    public func doubles() throws(TorchError) -> [Double] {
        try converted(to: .float64).tensor().values(as: Double.self)
    }

    /// The only element.
    public func item() throws(TorchError) -> Double {
        guard count == 1 else { throw TorchError(operation: "item", message: "a tensor of shape \(shape); expected one element") }
        return try doubles()[0]
    }

    /// Integers of any integer type.
    public func integers() throws(TorchError) -> [Int] {
        try converted(to: .int64).tensor().values(as: Int64.self).map { Int($0) }
    }

    // MARK: Other forms

    public enum Layout: Sendable, Hashable {
        /// Whatever it is.
        case preserved
        case rowMajor
        /// Batch, height, width, channels in memory; rank 4 only, others stay as they are. libtorch convolves twice as fast in it on the processor.
        case channelsLast
    }

    /// The same values; the tensor itself where nothing changes. Differentiable.
    public func converted(
        to type: ElementType? = nil, device: TorchDevice? = nil, layout: Layout = .preserved
    ) throws(TorchError) -> TorchTensor {
        let code = try (type ?? elementType).torchCode("convert")
        let target = (device ?? self.device).code
        let order = switch layout {
        case .preserved: CTORCH_PRESERVE
        case .rowMajor: CTORCH_ROW_MAJOR
        case .channelsLast: CTORCH_CHANNELS_LAST
        }
        return try Self.make("convert") { unsafe ctorch_convert(handle, code, target, order, $0.pointer) }
    }

    /// Whether this processor multiplies in bfloat16.
    static let hasBFloat16 = unsafe ctorch_has_narrow()
    /// Whether a `float32` tensor has the precision of bfloat16 only, and half the memory. ``elementType`` is `float32` all the same: so it is read, and
    /// so it is converted. Made and ended inside a graph that trains in ``Precision/mixed``.
    var isNarrow: Bool { unsafe ctorch_is_narrow(handle) }
    /// A `float32` tensor in bfloat16. Differentiable.
    func narrowed() throws(TorchError) -> TorchTensor {
        isNarrow ? self : try Self.make("narrow") { unsafe ctorch_narrow(handle, $0.pointer) }
    }
    /// What is in bfloat16 in `float32`; anything else as it is. Differentiable.
    ///
    /// Of `[batch, channels, time]` with the values of each channel side by side: what follows works over time, and a softmax there takes a quarter of the time so.
    func widened() throws(TorchError) -> TorchTensor { isNarrow ? try converted(to: .float32, layout: rank == 3 ? .rowMajor : .preserved) : self }

    /// A copy with memory of its own.
    public func clone() throws(TorchError) -> TorchTensor { try Self.make("clone") { unsafe ctorch_clone(handle, $0.pointer) } }
}

extension ElementType {
    /// libtorch's type; `nil` where it has none.
    var torch: ctorch_type? {
        switch self {
        case .float32: CTORCH_FLOAT32
        case .float64: CTORCH_FLOAT64
        case .int8: CTORCH_INT8
        case .uint8: CTORCH_UINT8
        case .int16: CTORCH_INT16
        case .int32: CTORCH_INT32
        case .int64: CTORCH_INT64
        case .bool: CTORCH_BOOL
        case .uint16, .uint32, .uint64: nil
        }
    }

    init?(torch type: ctorch_type) {
        guard let own = ElementType.allCases.first(where: { $0.torch == type }) else { return nil }
        self = own
    }

    func torchCode(_ operation: String) throws(TorchError) -> ctorch_type {
        guard let torch else { throw TorchError(operation: operation, message: "libtorch has no tensors of \(self)") }
        return torch
    }
}
