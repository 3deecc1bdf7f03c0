import Biometrics
import Datasets
import Foundation

/// Faces that people have drawn boxes around: a list of `image,x,y,w,h,invalid,…` as WIDER FACE's, in pixels of the images beside it.
struct BoxList {
    /// Faces lower than this do not count, pixels.
    static let leastHeight: Float = 24

    var images: [(path: String, boxes: [(box: DetectionTrials.Box, counts: Bool)])] = []

    init(contentsOf path: String) throws(DatasetError) {
        guard let data = FileManager.default.contents(atPath: path) else { throw DatasetError(.noInput, "\(path): cannot be read; expected a list of boxes: image,x,y,w,h,invalid") }
        let folder = (path as NSString).deletingLastPathComponent
        var places: [String: Int] = [:]
        for (number, line) in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).enumerated().dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            let numbers = fields.dropFirst().prefix(5).compactMap { Float($0) }
            guard fields.count >= 6, numbers.count == 5 else {
                throw DatasetError(.badData, "\(path), line \(number + 1): got ‘\(line)’, expected image,x,y,w,h,invalid")
            }
            let name = String(fields[0])
            let place = places[name] ?? images.count
            if place == images.count {
                images.append((folder + "/" + name, []))
                places[name] = place
            }
            let counts = numbers[4] == 0 && numbers[3] >= Self.leastHeight
            images[place].boxes.append((DetectionTrials.Box(numbers[0], numbers[1], numbers[2], numbers[3]), counts))
        }
    }
}
