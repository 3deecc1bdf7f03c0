import Foundation
import MediaFiles
import MediaTypes

extension NoiseBank {
    /// From the sound of all files below a folder, in the order of their names; what has no sound is passed over.
    ///
    /// - Parameter seconds: at most this much is kept; ten minutes are 19 MB.
    /// - Throws: ``DatasetError`` where there is no such folder, or no sound in it.
    public init(folder: String, seconds: Double = 600) throws(DatasetError) {
        // A listing does not follow the folder itself where it is a link.
        let place = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        guard let names = FileManager.default.enumerator(atPath: place)?.compactMap({ $0 as? String }).sorted(), !names.isEmpty else {
            throw DatasetError(.noInput, "\(folder): no such folder, or an empty one; expected recordings of noise")
        }
        var left = Int(seconds * Double(AudioFormat.sampleRate))
        var recordings: [[Float]] = []
        var options = MediaReader.Options()
        options.readsVideo = false
        // Every so-many-th file, so that a bounded bank has some of everything.
        let stride = max(1, names.count / 200)
        for (index, name) in names.enumerated() where index % stride == 0 && left > 0 {
            guard let contents = try? MediaReader(path: place + "/" + name, options: options) else { continue }
            var samples: [Float] = []
            while samples.count < left, let item = contents.next() { if case .audio(let block) = item { samples += block.samples } }
            guard !samples.isEmpty else { continue }
            left -= samples.count
            recordings.append(samples)
        }
        self.init(recordings)
        guard !isEmpty else { throw DatasetError(.badData, "\(folder): no sound in \(names.count) files, or all of it silent; expected recordings of noise") }
    }
}
