import Dispatch
import Foundation
import FrontEnd
import MediaFiles
public import MediaTypes
import ModelBundle
import Synchronization

/// Whole pictures in memory, decoded once: what a network learns from that looks at scenes and not at one face. Safe to share.
public struct PictureSet: Sendable {
    /// One picture, blue green red, `[3, height, width]`, 0…255; and again at a half and a quarter of its size, so that small windows of it do not alias.
    struct Entry: Sendable {
        var name: String
        var levels: [Level]
    }

    struct Level: Sendable {
        var width: Int
        var height: Int
        var planes: [UInt8]
    }

    /// A part of a picture that is drawn into a part of a canvas.
    public struct Window: Sendable {
        public var picture: Int
        /// Canvas pixels for one of the picture's.
        public var scale: Float
        /// Where the picture's upper left corner lies, from the part's, in canvas pixels.
        public var x: Float
        public var y: Float
        public var isFlipped: Bool
        /// Canvas pixels across for one down: above 1 the picture is broader than it was, with the same area.
        public var aspect: Float
        /// Turned clockwise about the middle of the part, in radians.
        public var angle: Float

        public init(picture: Int, scale: Float, x: Float, y: Float, isFlipped: Bool, aspect: Float = 1, angle: Float = 0) {
            (self.picture, self.scale, self.x, self.y, self.isFlipped) = (picture, scale, x, y, isFlipped)
            (self.aspect, self.angle) = (aspect, angle)
        }
    }

    let entries: [Entry]
    /// The folder that each picture is from.
    public let folders: [Int]
    /// Pictures that could not be read, with the reason.
    public let refused: [String]

    /// - Parameters:
    ///   - folders: with pictures in them or in folders below; other files are passed over.
    ///   - longestSide: larger pictures are made smaller.
    ///   - most: pictures of a folder, evenly chosen in the order of their names.
    /// - Throws: ``DatasetError`` where a folder has no picture that can be read.
    public init(folders paths: [String], longestSide: Int = 640, most: Int = 4000) throws(DatasetError) {
        var files: [(folder: Int, path: String, name: String)] = []
        for (index, path) in paths.enumerated() {
            guard FileManager.default.fileExists(atPath: path), let below = FileManager.default.enumerator(atPath: path) else { throw DatasetError(.noInput, "\(path): no such folder; expected one with pictures") }
            let suffixes: Set<String> = ["jpg", "jpeg", "png", "webp"]
            let names = below.compactMap { $0 as? String }.filter { suffixes.contains(($0 as NSString).pathExtension.lowercased()) }.sorted()
            guard !names.isEmpty else { throw DatasetError(.badData, "\(path): no pictures in it; expected .\(suffixes.sorted().joined(separator: ", .")) in it or below") }
            let step = max(1, (names.count + most - 1) / most)
            for place in stride(from: 0, to: names.count, by: step) { files.append((index, path + "/" + names[place], names[place])) }
        }
        let made = Mutex([Result<Entry, MediaError>?](repeating: nil, count: files.count))
        let list = files
        DispatchQueue.concurrentPerform(iterations: list.count) { index in
            let result: Result<Entry, MediaError>
            do throws(MediaError) {
                let frame = try PictureReader.read(list[index].path).frame
                let shrink = min(1, Float(longestSide) / Float(max(frame.width, frame.height)))
                let levels = [Float(1), 0.5, 0.25].map { Self.level(frame, shrink * $0) }
                result = .success(Entry(name: list[index].name, levels: levels))
            } catch { result = .failure(error) }
            made.withLock { $0[index] = result }
        }
        var entries: [Entry] = [], folders: [Int] = [], refused: [String] = []
        for (file, result) in zip(files, made.withLock({ $0 })) {
            switch result {
            case .success(let entry)?:
                entries.append(entry)
                folders.append(file.folder)
            case .failure(let error)?: refused.append("\(file.path): \(error)")
            case nil: break
            }
        }
        (self.entries, self.folders, self.refused) = (entries, folders, refused)
        guard Set(folders).count == paths.count else {
            throw DatasetError(.badData, "\(paths.enumerated().first { !folders.contains($0.offset) }?.element ?? ""): no picture in it can be read; \(refused.first ?? "")")
        }
    }

    public var count: Int { entries.count }
    /// Pixels of a picture.
    public func size(_ index: Int) -> (width: Int, height: Int) { (entries[index].levels[0].width, entries[index].levels[0].height) }
    public func name(_ index: Int) -> String { entries[index].name }

    private static func level(_ frame: VideoFrame, _ scale: Float) -> Level {
        let width = max(1, Int((Float(frame.width) * scale).rounded())), height = max(1, Int((Float(frame.height) * scale).rounded()))
        var values = [Float](repeating: 0, count: 3 * width * height)
        // The detector's own way of scaling; the contract is a preset's.
        if let contract = FrontEndContract.yunet(width: width, height: height).picture, let input = try? DetectorInput(contract: contract) {
            var span = values.mutableSpan
            _ = input.write(frame, into: &span)
        }
        return Level(width: width, height: height, planes: values.map { UInt8(max(0, min(255, $0.rounded()))) })
    }

    /// Draws a window of a picture; what lies beyond the picture stays as it is.
    /// - Parameters:
    ///   - canvas: `[3, side, side]`.
    ///   - part: columns and rows of the canvas.
    public func draw(_ window: Window, into canvas: inout [UInt8], side: Int, columns: Range<Int>, rows: Range<Int>) {
        let entry = entries[window.picture]
        // The smallest copy that still has a pixel for each of the canvas's.
        var place = 0, scale = window.scale
        while place + 1 < entry.levels.count, scale <= 0.5 { (place, scale) = (place + 1, scale * 2) }
        let level = entry.levels[place], width = level.width, height = level.height
        let across = scale * window.aspect.squareRoot(), down = scale / window.aspect.squareRoot()
        let middle = (x: Float(columns.count) / 2, y: Float(rows.count) / 2), sine = sin(window.angle), cosine = cos(window.angle)
        for row in rows {
            let y = Float(row - rows.lowerBound) + 0.5 - middle.y
            for column in columns {
                let x = Float(column - columns.lowerBound) + 0.5 - middle.x
                var u = (cosine * x + sine * y + middle.x - window.x) / across - 0.5
                let v = (cosine * y - sine * x + middle.y - window.y) / down - 0.5
                if window.isFlipped { u = Float(width - 1) - u }
                guard v > -0.5, v < Float(height) - 0.5, u > -0.5, u < Float(width) - 0.5 else { continue }
                let top = max(0, min(height - 1, Int(v.rounded(.down)))), bottom = min(height - 1, top + 1), b = max(0, min(1, v - Float(top)))
                let left = max(0, min(width - 1, Int(u.rounded(.down)))), right = min(width - 1, left + 1), a = max(0, min(1, u - Float(left)))
                for plane in 0..<3 {
                    let base = plane * width * height
                    let upper = Float(level.planes[base + top * width + left]) * (1 - a) + Float(level.planes[base + top * width + right]) * a
                    let lower = Float(level.planes[base + bottom * width + left]) * (1 - a) + Float(level.planes[base + bottom * width + right]) * a
                    canvas[(plane * side + row) * side + column] = UInt8(upper * (1 - b) + lower * b + 0.5)
                }
            }
        }
    }
}

extension PictureSet {
    /// A picture as the agent reads it.
    public static func frame(_ path: String) throws(DatasetError) -> VideoFrame {
        do throws(MediaError) { return try PictureReader.read(path).frame } catch { throw DatasetError(.badData, "\(path): \(error)") }
    }
}
