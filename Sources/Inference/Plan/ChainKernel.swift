import CKernels
import ModelBundle
import Tensors

/// Convolutions and pools that run together, a row at a time: what lies between them stays in the cache.
enum ChainKernel {
    static let maximumStages = Int(inference_chain_limit)

    /// Layers over pictures; others along with them, a kernel over time for example, see whole values.
    static func canBeStage(_ operation: Program.Operation, in program: Program) -> Bool {
        guard operation.outputs.count == 1, operation.outputs[0] != nil, let input = operation.inputs[0] else { return false }
        let rank = program.values[input].type.rank
        guard rank == 4 || rank == 5, !program.values[input].type.shape.contains(0) else { return false }
        func isOne(_ attribute: String, _ expected: Int) -> Bool {
            guard rank == 5, case .ints(let values)? = operation.attributes[attribute] else { return true }
            return attribute == "pads" ? values[0] == expected && values[3] == expected : values[0] == expected
        }
        guard operation.kind == "fwoc.Conv" || operation.kind == "fwoc.MaxPoolLast" else { return false }
        if rank == 5 && operation.attributes["auto_pad"] != nil { return false }
        if rank == 5 && (operation.attributes["planar"] != nil || operation.attributes["kernel_shape"] == nil) { return false }
        return isOne("kernel_shape", 1) && isOne("strides", 1) && isOne("pads", 0)
    }

    /// The chain's inputs for one stage: weights, bias, slope and residual of each, in that order.
    static func inputs(of stage: Program.Operation, isFirst: Bool) -> [Program.ValueID?] {
        var inputs = Array(stage.inputs.dropFirst())
        while inputs.count < 4 { inputs.append(nil) }
        return (isFirst ? [stage.inputs[0]] : []) + inputs
    }

    /// The stages as C sees them; filled once, but for the addresses of slopes and residuals.
    @safe private final class Stages {
        let count: Int
        let pointer: UnsafeMutablePointer<inference_stage>
        var weights: [PreparedConvolution] = []

        init(_ stages: [inference_stage]) {
            count = unsafe stages.count
            unsafe pointer = .allocate(capacity: count)
            for index in 0..<count { unsafe (pointer + index).initialize(to: stages[index]) }
        }

        deinit { unsafe pointer.deallocate() }
    }

    static func make(
        _ operation: Program.Operation, program: Program, options: NetworkOptions, weights: WeightStore
    ) throws(InferenceError) -> Kernel {
        var list: [inference_stage] = unsafe []
        var prepared: [PreparedConvolution] = []
        var work = 0
        for stage in operation.stages {
            let context = program.context(stage, options: options, weights: weights)
            var entry = unsafe inference_stage()
            let shape: inference_conv
            if stage.kind == "fwoc.Conv" {
                let convolution = try FusedConvOperator.stage(context)
                prepared.append(convolution)
                unsafe entry.kind = Int32(convolution.isDepthwise ? inference_stage_depthwise : inference_stage_conv)
                unsafe entry.packed = convolution.weights
                shape = convolution.description
                work += convolution.work
            } else {
                unsafe entry.kind = Int32(inference_stage_max_pool)
                shape = try PoolOperator.stage(context)
            }
            guard let flat = shape.withoutDepth else { throw context.malformed("cannot be part of a chain") }
            unsafe entry.shape = flat
            unsafe list.append(entry)
        }
        let variant = options.variant
        let stages = unsafe Stages(list)
        stages.weights = prepared
        var kernel = Kernel { arguments in
            for index in 0..<stages.count {
                unsafe stages.pointer[index].slope = arguments.optionalInputPointer(1 + 4 * index + 2)
                unsafe stages.pointer[index].residual = arguments.optionalInputPointer(1 + 4 * index + 3)
            }
            unsafe inference_chain_run(
                variant, stages.pointer, Int64(stages.count), arguments.inputPointer(0), arguments.outputPointer(0),
                UnsafeMutableRawPointer(arguments.scratchPointer(as: UInt8.self)))
        }
        for index in 0..<stages.count { kernel.unreadInputs.formUnion([1 + 4 * index, 2 + 4 * index]) }
        kernel.scratchBytes = unsafe Int(inference_chain_scratch(variant, stages.pointer, Int64(stages.count)))
        kernel.multiplyAccumulates = work
        return kernel
    }
}
