import Tensors

/// `If` with a condition that only a run knows: both branches are planned, one runs.
///
/// A branch has an arena of its own; what it reads from the enclosing graph is copied in, its outputs are copied out.
enum BranchKernel {
    static func make(
        _ operation: Program.Operation, program: Program, options: NetworkOptions, weights: WeightStore
    ) throws(InferenceError) -> Kernel {
        var plans: [ExecutionPlan] = []
        var work = 0
        for branch in operation.branches {
            let plan = try ExecutionPlan(branch.program, options: options, weights: weights)
            plans.append(plan)
            work = max(work, plan.steps.reduce(0) { $0 + $1.multiplyAccumulates })
        }
        let branches = operation.branches
        var kernel = Kernel { arguments in
            let index = arguments.input(0, as: UInt8.self)[0] != 0 ? 0 : 1
            let plan = plans[index]
            for (position, value) in branches[index].program.inputs.enumerated() {
                let location = unsafe plan.location(of: value)
                let source = unsafe arguments.inputPointer(branches[index].captures[position], as: UInt8.self)
                unsafe location.base.copyMemory(from: source, byteCount: location.type.byteCount)
            }
            plan.run()
            for (position, value) in branches[index].program.outputs.enumerated() where arguments.hasOutput(position) {
                let location = unsafe plan.location(of: value)
                let target = unsafe arguments.outputPointer(position, as: UInt8.self)
                unsafe UnsafeMutableRawPointer(target).copyMemory(from: location.base, byteCount: location.type.byteCount)
            }
        }
        kernel.multiplyAccumulates = work
        return kernel
    }
}
