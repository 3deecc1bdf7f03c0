import Evaluation
import Foundation
import RunRecords
import Testing

@Suite struct RunRecorderTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    @discardableResult private func record(_ folder: RunFolder, steps: Int, tensorBoard: Bool = false) throws -> RunRecorder {
        let recorder = try RunRecorder(folder, record: Samples.record, tensorBoard: tensorBoard)
        try append(recorder, 1...steps)
        return recorder
    }

    private func append(_ recorder: RunRecorder, _ steps: ClosedRange<Int>, seconds: Double = 0) throws {
        for step in steps {
            try recorder.append(Samples.step(step, seconds: seconds))
            if step % 3 == 0 { try recorder.append(Samples.epoch(step / 3, seconds: seconds)) }
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        let folder = scratch.run("deep/er")
        let recorder = try record(folder, steps: 7)
        try recorder.update { record in
            record.epochs = 2
            record.bestValue = .nan
            record.peakMemoryMiB = 123.456
            record.selectionMetric = "auc"
            record.end(.stoppedEarly, reason: "no better for 5 epochs", at: Date(timeIntervalSince1970: 1_700_000_100.5))
        }
        let contents = try folder.load()
        #expect(contents.steps == (1...7).map { Samples.step($0) })
        #expect(contents.epochs == (1...2).map { Samples.epoch($0) })
        #expect(contents.evaluation == nil)
        var expected = Samples.record
        expected.epochs = 2
        expected.peakMemoryMiB = 123.456
        expected.selectionMetric = "auc"
        expected.status = .stoppedEarly
        expected.reason = "no better for 5 epochs"
        expected.ended = Date(timeIntervalSince1970: 1_700_000_100)
        var read = contents.record
        #expect(read.bestValue?.isNaN == true)
        read.bestValue = nil
        #expect(read == expected)
        #expect(try ScratchFolder.text(folder.recipe) == Samples.record.recipe)
        let json = try ScratchFolder.text(folder.run)
        #expect(json.contains("\"started\" : \"2023-11-14T22:13:20Z\"") && json.contains("\"schema\" : \"fwoc.run/1\"") && json.contains("\"status\" : \"stopped-early\""))
        #expect(
            try ScratchFolder.text(folder.steps).hasPrefix(
                "epoch,batch,step,seconds,loss,learning_rate,gradient_norm,samples_per_second,triplet,\"cross-entropy, \"\"fused\"\"\"\n1,1,1,0.0,0.1,0.001,1.0,33.25,0.3333333333333333,2e-17\n1,2,2,0.0,0.05,0.001,,33.25,"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["epochs.csv", "recipe.yaml", "run.json", "steps.csv"])
    }

    @Test func numbersThatAreNotFiniteStayWhatTheyAre() throws {
        let folder = scratch.run()
        let recorder = try RunRecorder(folder, record: Samples.record, tensorBoard: true)
        try recorder.append(StepRow(epoch: 1, batch: 1, step: 1, seconds: 0, loss: .nan, learningRate: .infinity, gradientNorm: -.infinity, samplesPerSecond: 0))
        let row = try #require(try folder.load().steps.first)
        #expect(row.loss.isNaN && row.learningRate == .infinity && row.gradientNorm == -.infinity && row.terms.isEmpty)
    }

    /// Killed after step 8 with its checkpoint at step 4: in the midst of an epoch.
    @Test(arguments: [0, 1, 4, 6, 8, 100]) func aResumedRecordIsThatOfAnUninterruptedRun(checkpoint: Int) throws {
        let whole = scratch.run("whole"), resumed = scratch.run("resumed")
        try record(whole, steps: 13)
        try record(resumed, steps: 8)
        // The line that was being written when the process died.
        let handle = try #require(FileHandle(forWritingAtPath: resumed.steps))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("3,3,9,0.0,0.0".utf8))
        try handle.close()
        #expect(try resumed.load().steps.count == 8)
        let recorder = try RunRecorder(resuming: resumed, afterStep: checkpoint, tensorBoard: false)
        try append(recorder, min(checkpoint, 8) + 1...13)
        for path in [\RunFolder.run, \.steps, \.epochs, \.recipe] {
            #expect(try ScratchFolder.text(whole[keyPath: path]) == ScratchFolder.text(resumed[keyPath: path]), "checkpoint \(checkpoint)")
        }
    }

    @Test func fallingBackRemovesRows() throws {
        let folder = scratch.run()
        let recorder = try record(folder, steps: 7)
        try recorder.truncate(afterStep: 4)
        try append(recorder, 5...6, seconds: 9)
        let contents = try folder.load()
        #expect(contents.steps.map(\.step) == [1, 2, 3, 4, 5, 6] && contents.steps.map(\.seconds) == [0, 0, 0, 0, 9, 9])
        #expect(contents.epochs.map(\.seconds) == [0, 9])
        // With no row left, the columns are free again.
        try recorder.truncate(afterStep: 0)
        var row = Samples.step(1)
        row.terms = [RunValue("other", 1)]
        try recorder.append(row)
        #expect(try folder.load().steps == [row])
    }

    @Test func aRunIsNotOverwritten() throws {
        let folder = scratch.run()
        try record(folder, steps: 3, tensorBoard: true)
        try ScratchFolder.write("weights", folder.lastCheckpoint)
        let error = #expect(throws: RunRecordError.self) { try RunRecorder(folder, record: Samples.record) }
        #expect(error?.category == .inputOutput && error?.description.contains("holds the record of a run; resume that one") == true)
        #expect(try folder.load().steps.count == 3)
        _ = try RunRecorder(folder, record: Samples.record, replacing: true, tensorBoard: false)
        #expect(try folder.load().steps.isEmpty && folder.events.isEmpty)
        #expect(try ScratchFolder.text(folder.lastCheckpoint) == "weights")
    }

    @Test func columnsCannotChange() throws {
        let recorder = try record(scratch.run(), steps: 1)
        var row = Samples.step(2)
        row.terms.removeLast()
        let error = #expect(throws: RunRecordError.self) { try recorder.append(row) }
        #expect(error?.description.hasSuffix("step 2 has the loss terms triplet, expected triplet, cross-entropy, \"fused\" as in the first row; a run's columns cannot change") == true)
        let other = try RunRecorder(scratch.run("b"), record: Samples.record)
        row.terms = [RunValue("loss", 1)]
        let twice = #expect(throws: RunRecordError.self) { try other.append(row) }
        #expect(twice?.description.contains("a loss term is called ‘loss’, as another column is") == true)
    }

    @Test func whatIsNoRunSaysSo() throws {
        func complaint(_ folder: RunFolder) -> String {
            do { return "\(try folder.load().steps.count) steps" } catch { return "\(error.category): \(error)" }
        }
        #expect(complaint(scratch.run("none")).hasPrefix("noInput: ") && complaint(scratch.run("none")).contains("no such folder; expected the folder of a run"))
        #expect(complaint(RunFolder(scratch.path)).contains("no run.json in this folder"))
        #expect(throws: RunRecordError.self) { try RunRecorder(resuming: scratch.run("none"), afterStep: 1) }
        let folder = scratch.run()
        try record(folder, steps: 4)
        let good = try ScratchFolder.text(folder.run)

        try ScratchFolder.write(good.replacingOccurrences(of: "\"device\" : ", with: "\"device\" = "), folder.run)
        let place = try #require(good.utf8.firstRange(of: "\"device\" : ".utf8)).lowerBound
        let offset = good.utf8.distance(from: good.utf8.startIndex, to: place) + "\"device\" ".utf8.count
        #expect(complaint(folder).contains("run.json: not JSON, byte \(offset) of \(good.utf8.count)"), "\(complaint(folder)), expected \(offset)")
        try ScratchFolder.write("", folder.run)
        #expect(complaint(folder).contains("run.json: empty, expected JSON"))
        try ScratchFolder.write(good.replacingOccurrences(of: "\"threads\" : 2", with: "\"threads\" : \"two\""), folder.run)
        #expect(complaint(folder).hasPrefix("badData") && complaint(folder).contains("run.json: at threads: "))
        try ScratchFolder.write(good.replacingOccurrences(of: "\"encoder\" : \"file\",", with: ""), folder.run)
        #expect(complaint(folder).contains("run.json: at modalities[1].encoder: is missing"), "\(complaint(folder))")
        try ScratchFolder.write(good.replacingOccurrences(of: "fwoc.run/1", with: "fwoc.run/9"), folder.run)
        #expect(complaint(folder).contains("schema is ‘fwoc.run/9’, expected fwoc.run/1"))
        try ScratchFolder.write(good, folder.run)
        #expect(complaint(folder) == "4 steps")

        let rows = try ScratchFolder.text(folder.steps)
        try ScratchFolder.write(rows.replacingOccurrences(of: "\n1,3,3,0.0,", with: "\n1,3,3,zero,"), folder.steps)
        #expect(complaint(folder).contains("steps.csv:4: seconds: got ‘zero’, expected a number"))
        try ScratchFolder.write(rows.replacingOccurrences(of: "\n1,3,3,0.0,", with: "\n1,3,3,"), folder.steps)
        #expect(complaint(folder).contains("steps.csv:4: got 9 fields, expected 10"))
        try ScratchFolder.write("a,b\n", folder.steps)
        #expect(complaint(folder).contains("steps.csv:1: got the columns a,b, expected epoch,batch,step"))
        try ScratchFolder.write("", folder.steps)
        #expect(complaint(folder) == "0 steps")
        try FileManager.default.removeItem(atPath: folder.steps)
        #expect(complaint(folder) == "0 steps")
        try ScratchFolder.write("{\"schema\":", folder.evaluation)
        #expect(complaint(folder).contains("evaluation.json: not JSON, it ends too early, at byte 10"), "\(complaint(folder))")
    }

    @Test func evaluationsAreKeptAsTheyAre() throws {
        let folder = scratch.run()
        let recorder = try record(folder, steps: 1)
        let report = EvaluationReport(model: "m", settings: EvaluationProtocol(seed: 3), sections: [])
        try recorder.folder.write(report, to: folder.evaluation)
        #expect(try folder.load().evaluation == report)
        #expect(try EvaluationReport(json: Data(contentsOf: URL(fileURLWithPath: folder.evaluation))) == report)
    }

    @Test func aFolderThatCannotBeMadeSaysSo() throws {
        try ScratchFolder.write("", scratch.path + "/file")
        let error = #expect(throws: RunRecordError.self) { try RunRecorder(scratch.run("file/run"), record: Samples.record) }
        #expect(error?.category == .inputOutput && error?.description.contains("file/run: cannot be made") == true)
    }
}
