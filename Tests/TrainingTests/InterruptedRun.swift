import Foundation
import RunRecords
import Testing
import Training

extension TaskFit {
    /// Each step seeds libtorch's generator, which is the process's: nobody else draws meanwhile.
    @discardableResult
    func runAlone(shouldStop: () -> Bool = { false }) throws -> Fit.Ending { try TorchLottery.alone { try run(shouldStop: shouldStop) } }
}

/// Trains twice: `whole` at one go, and `pieces`, interrupted after so many steps and gone on with; both end with the same weights.
func expectSameWhenInterrupted(_ recipe: TaskRecipe, after stop: Int, in scratch: ScratchFolder) throws {
    #expect(try TaskFit(recipe, into: scratch.run("whole")).runAlone() == .finished)
    var options = Fit.Options()
    for isLast in [false, true] {
        var steps = 0
        options.resumes = isLast
        let ending = try TaskFit(recipe, into: scratch.run("pieces"), options: options).runAlone(shouldStop: {
            defer { steps += 1 }
            return !isLast && steps == stop
        })
        #expect(ending == (isLast ? .finished : .interrupted))
    }
    let ends = try ["whole", "pieces"].map { try SafetensorsFile(contentsOf: URL(fileURLWithPath: scratch.run($0).lastCheckpoint)).tensors }
    #expect(ends[0] == ends[1] && !ends[0].isEmpty)
}
