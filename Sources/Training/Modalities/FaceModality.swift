public import Datasets
public import Foundation
import FrontEnd
public import ModelBundle
import Recognition

/// Aligned faces of 112×112: one picture of a row, or several whose embeddings are averaged.
///
/// Recipe: `pictures` of a sample (1); `quality` (false): whether the picture's quality weights the fuser; `augment` (true; false; or
/// effects of ``PictureAugmentation`` that are not as usual, `{blur: 0.3}`).
public struct FaceModality: Modality {
    public static let name = "face"
    public var pictures: Int
    public var usesQuality: Bool
    public var augmentation: PictureAugmentation?

    public init(pictures: Int = 1, usesQuality: Bool = false, augmentation: PictureAugmentation? = PictureAugmentation()) {
        self.pictures = pictures
        self.usesQuality = usesQuality
        self.augmentation = augmentation
    }

    public init(recipe section: inout YAMLSection, folder: URL) throws(BundleError) {
        self.init(
            pictures: try section.optionalInteger("pictures", in: 1...64) ?? 1, usesQuality: try section.optionalFlag("quality") ?? false,
            augmentation: try section.augmentation(usual: PictureAugmentation()))
    }

    public var column: String { SampleColumns.face }
    public var inputShape: [Int] { [3, SampleColumns.faceSide, SampleColumns.faceSide] }
    public var piecesPerSample: Int { pictures }
    public var isAugmented: Bool { augmentation != nil }
    public var contract: String { FrontEndContract.faceMBF512.fingerprint }
    public var encoderNames: [String] { [EncoderArchitecture.mobileFaceNetSmall, .mobileFaceNetMedium, .mobileFaceNetGated, .mobileFaceNet, .resNet18].map(\.rawValue) }

    public func encoder(named name: String, dimension: Int, seed: UInt64) throws -> Graph? {
        guard encoderNames.contains(name), let architecture = EncoderArchitecture(rawValue: name) else { return nil }
        return try architecture.graph(dimension: dimension, seed: seed)
    }

    public func isPresent(in set: ShardSet, row: Int) -> Bool { set.description.index(of: column).map { set.entries(row: row, column: $0) > 0 } ?? false }

    public func input(from set: ShardSet, row: Int, view: SampleView) throws(DatasetError) -> ModalityInput {
        let place = try set.column(column)
        var available = set.entries(row: row, column: place)
        if case .degraded(let degradation, _) = view { available = degradation.pictures(of: available) }
        guard available > 0 else { return .missing }
        let size = inputShape.reduce(1, *), side = SampleColumns.faceSide
        let bytes = try set.bytes(row: row, column: place)
        var values: [Float] = []
        values.reserveCapacity(pictures * size)
        var quality: Float = 0
        var generator = SeededGenerator(seed: 0)
        if case .augmented(let seed) = view { generator = SeededGenerator(seed: seed) }
        for piece in 0..<pictures {
            // Spread over the row; in training any of them.
            var entry = (2 * piece + 1) * available / (2 * pictures)
            if case .augmented = view { entry = generator.index(below: available) }
            var crop = [UInt8](repeating: 0, count: size)
            for index in 0..<size { crop[index] = bytes[entry * size + index] }
            switch view {
            case .clean: break
            case .augmented: augmentation?.apply(to: &crop, channels: 3, width: side, height: side, random: &generator)
            case .degraded(let degradation, let seed): degradation.apply(to: &crop, channels: 3, width: side, height: side, seed: seed, row: row, frame: piece)
            }
            if usesQuality {
                let measured = CropQuality(of: crop.span.extracting(side * side..<2 * side * side), width: side, height: side)
                quality += FaceQuality.quality(pixels: Float(side), sharpness: measured.sharpness, yaw: 0, pitch: 0, detection: 1)
            }
            for level in crop { values.append((Float(level) - 127.5) * (1 / 127.5)) }
        }
        return ModalityInput(values: values, quality: usesQuality ? max(0.01, quality / Float(pictures)) : 1)
    }
}
