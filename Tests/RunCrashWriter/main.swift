// Records a run of steps, ten to an epoch, until it is killed or the disk takes no more: the parameter is the run's folder.
import Foundation
import RunRecords

let record = RunRecord(
    name: "killed", seed: 1, recipe: "seed: 1\n", modalities: [], losses: [], device: "cpu", threads: 1, libtorch: "none", program: "test", data: [],
    started: Date(timeIntervalSince1970: 0))
do {
    let recorder = try RunRecorder(RunFolder(CommandLine.arguments[1]), record: record, tensorBoard: false)
    for step in 1... {
        let epoch = (step - 1) / 10 + 1
        try recorder.append(
            StepRow(epoch: epoch, batch: (step - 1) % 10 + 1, step: step, seconds: 0, loss: 1 / Double(step), learningRate: 0.001, samplesPerSecond: 0, terms: [RunValue("triplet", 0.5)]))
        if step % 10 == 0 {
            try recorder.append(EpochRow(epoch: epoch, step: step, seconds: 0, trainingLoss: 1 / Double(epoch), metrics: [RunValue("auc", nil)]))
            try recorder.update { $0.steps = step }
        }
    }
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
