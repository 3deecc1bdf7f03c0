import Glibc

/// A program with its memory: what runs.
///
/// Everything is decided here: which value shares whose memory, where it lies in the one arena, which kernel works on which
/// addresses. ``run()`` only calls kernels. Thread-bound.
@safe final class ExecutionPlan {
    struct Step {
        let kind: String
        let name: String
        let compute: (KernelArguments) -> Void
        let arguments: KernelArguments
        let multiplyAccumulates: Int
        var nanoseconds = 0
    }

    /// Where a value of the program is.
    @unsafe struct Location {
        let base: UnsafeMutableRawPointer
        let type: TensorType
    }

    private(set) var steps: [Step] = []
    private let arena: AlignedStorage
    /// Keeps the constants that steps point into.
    private var constants: [AlignedStorage] = []
    private var locations: [Program.ValueID: Location] = unsafe [:]
    private let isProfiled: Bool
    private(set) var runs = 0

    var arenaBytes: Int { arena.byteCount }

    /// A prepared operation, before memory is given out.
    private struct Prepared {
        let operation: Program.Operation
        let kernel: Kernel
    }

    init(_ program: Program, options: NetworkOptions, weights: WeightStore) throws(InferenceError) {
        isProfiled = options.isProfiled
        var prepared: [Prepared] = []
        var work = 0
        for operation in program.operations {
            let kernel: Kernel
            if operation.kind == "If" {
                kernel = try BranchKernel.make(operation, program: program, options: options, weights: weights)
            } else if operation.kind == "fwoc.Chain" {
                kernel = try ChainKernel.make(operation, program: program, options: options, weights: weights)
            } else {
                guard let implementation = OperatorRegistry.shared[operation.kind] else {
                    throw InferenceError(.unsupportedOperator(operation.kind), "node '\(operation.name)': operator '\(operation.kind)' is not supported")
                }
                var context = program.context(operation, options: options, weights: weights)
                context.outputs = try implementation.outputTypes(context)
                for (output, type) in zip(operation.outputs, context.outputs) {
                    guard let output else { continue }
                    precondition(program.values[output].type == type, "\(context.label) makes \(type), planned as \(program.values[output].type)")
                }
                kernel = try implementation.kernel(context)
            }
            let (sum, overflow) = work.addingReportingOverflow(kernel.multiplyAccumulates)
            guard !overflow, sum <= options.maximumMultiplyAccumulates else {
                throw InferenceError(.tooLarge, "node '\(operation.name)': a run costs more than \(options.maximumMultiplyAccumulates) multiply-accumulates")
            }
            work = sum
            prepared.append(Prepared(operation: operation, kernel: kernel))
        }

        // Values that share memory share a block; time −1 is before the first step, `count` after the last.
        var blockOf = [Int?](repeating: nil, count: program.values.count)
        var blocks: [MemoryPlan.Block] = []
        var lastUse = [Int](repeating: -1, count: program.values.count)
        var isPinned = [Bool](repeating: false, count: program.values.count)
        for (time, entry) in prepared.enumerated() {
            for case let input? in entry.operation.inputs { lastUse[input] = time }
        }
        for value in program.inputs + program.outputs {
            lastUse[value] = prepared.count
            isPinned[value] = true
        }
        func open(_ value: Program.ValueID, at time: Int, bytes: Int) {
            blockOf[value] = blocks.count
            blocks.append(MemoryPlan.Block(byteCount: bytes, lifetime: time...max(time, lastUse[value])))
        }
        var pinnedBlocks: Set<Int> = []
        for input in program.inputs {
            open(input, at: -1, bytes: program.values[input].type.byteCount)
            pinnedBlocks.insert(blocks.count - 1)
        }
        var scratchBlocks = [Int?](repeating: nil, count: prepared.count)
        for (time, entry) in prepared.enumerated() {
            for (position, output) in entry.operation.outputs.enumerated() {
                guard let output else { continue }
                let bytes = program.values[output].type.byteCount
                var shared: Int?
                if position == 0 {
                    if case .view(let index) = entry.kernel.body, let input = entry.operation.inputs[index] { shared = blockOf[input] }
                    if case .compute = entry.kernel.body {
                        for index in entry.kernel.inPlaceInputs {
                            guard index < entry.operation.inputs.count, let input = entry.operation.inputs[index], let block = blockOf[input],
                                program.values[input].type.byteCount == bytes, blocks[block].byteCount >= bytes,
                                blocks[block].lifetime.upperBound <= time, !pinnedBlocks.contains(block),
                                entry.operation.inputs.enumerated().allSatisfy({ $0 == index || $1.flatMap { blockOf[$0] } != block })
                            else { continue }
                            shared = block
                            break
                        }
                    }
                }
                if let shared {
                    blockOf[output] = shared
                    let lifetime = blocks[shared].lifetime
                    blocks[shared].lifetime = lifetime.lowerBound...max(lifetime.upperBound, lastUse[output])
                } else {
                    // A view of a constant has no block: its location is the constant's.
                    if case .view = entry.kernel.body { continue }
                    open(output, at: time, bytes: bytes)
                }
                if isPinned[output], let block = blockOf[output] { pinnedBlocks.insert(block) }
            }
            if entry.kernel.scratchBytes > 0 {
                scratchBlocks[time] = blocks.count
                blocks.append(MemoryPlan.Block(byteCount: entry.kernel.scratchBytes, lifetime: time...time))
            }
        }
        guard let memory = MemoryPlan(blocks, limit: options.maximumArenaBytes) else {
            throw InferenceError(.tooLarge, "the network's values need more than \(options.maximumArenaBytes) bytes at once; raise NetworkOptions.maximumArenaBytes")
        }
        arena = AlignedStorage(byteCount: memory.byteCount)

        func locate(_ value: Program.ValueID) -> Location {
            if let known = unsafe locations[value] { return unsafe known }
            let location: Location
            if let block = blockOf[value] {
                unsafe location = Location(base: arena.base + memory.offsets[block], type: program.values[value].type)
            } else if let constant = program.values[value].constant {
                let storage = weights.storage(for: constant)
                constants.append(storage)
                unsafe location = Location(base: storage.base, type: program.values[value].type)
            } else {
                preconditionFailure("value '\(program.values[value].name)' has no memory")
            }
            unsafe locations[value] = unsafe location
            return unsafe location
        }
        for (time, entry) in prepared.enumerated() {
            switch entry.kernel.body {
            case .view(let index):
                // Same address, also where the input is a constant.
                if let input = entry.operation.inputs[index], case let output?? = entry.operation.outputs.first {
                    let source = unsafe locate(input)
                    unsafe locations[output] = Location(base: source.base, type: program.values[output].type)
                }
            case .compute(let compute):
                var inputs: [(UnsafeMutableRawPointer?, bytes: Int)] = unsafe []
                for (index, input) in entry.operation.inputs.enumerated() {
                    if let input, !entry.kernel.unreadInputs.contains(index) {
                        let location = unsafe locate(input)
                        unsafe inputs.append((location.base, bytes: location.type.byteCount))
                    } else {
                        unsafe inputs.append((nil, bytes: 0))
                    }
                }
                var outputs: [(UnsafeMutableRawPointer?, bytes: Int)] = unsafe []
                for output in entry.operation.outputs {
                    if let output {
                        let location = unsafe locate(output)
                        unsafe outputs.append((location.base, bytes: location.type.byteCount))
                    } else {
                        unsafe outputs.append((nil, bytes: 0))
                    }
                }
                let scratch = unsafe scratchBlocks[time].map { unsafe arena.base + memory.offsets[$0] }
                let arguments = unsafe KernelArguments(
                    inputs: inputs, outputs: outputs, scratch: scratch, scratchBytes: entry.kernel.scratchBytes)
                steps.append(
                    Step(
                        kind: entry.operation.kind, name: entry.operation.name, compute: compute, arguments: arguments,
                        multiplyAccumulates: entry.kernel.multiplyAccumulates))
            }
        }
        for value in program.inputs + program.outputs { _ = unsafe locate(value) }
    }

    /// The memory of an input or output of the program.
    @unsafe func location(of value: Program.ValueID) -> Location { unsafe locations[value]! }

    func run() {
        runs += 1
        guard isProfiled else {
            for index in steps.indices { steps[index].compute(steps[index].arguments) }
            return
        }
        for index in steps.indices {
            let start = Self.threadNanoseconds()
            steps[index].compute(steps[index].arguments)
            steps[index].nanoseconds += Self.threadNanoseconds() - start
        }
    }

    /// Processor time of this thread: a step that is interrupted does not look slow.
    private static func threadNanoseconds() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
    }

    func resetProfile() {
        runs = 0
        for index in steps.indices { steps[index].nanoseconds = 0 }
    }
}
