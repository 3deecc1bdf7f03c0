import Foundation

/// A picture of one face with what is known of the person, from a file name as UTKFace's authors give them: `<age>_<sex>_<group>_…`, sex 0 man,
/// 1 woman, group 0…4.
public struct LabelledFace: Hashable, Sendable {
    public var path: String
    public var age: Int
    public var isWoman: Bool
    public var group: Int

    /// `nil` where the name says nothing of the kind.
    public init?(path: String) {
        let parts = URL(fileURLWithPath: path).lastPathComponent.split(separator: "_")
        guard parts.count >= 4, let age = Int(parts[0]), let sex = Int(parts[1]), let group = Int(parts[2]), (0...1).contains(sex), (0...4).contains(group) else { return nil }
        self.path = path
        self.age = age
        isWoman = sex == 1
        self.group = group
    }

    /// Grown people in a folder, in the order of the names.
    /// - Throws: ``FaceModellingError`` where the folder cannot be read or holds none.
    public static func adults(in folder: String) throws -> [LabelledFace] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
            throw FaceModellingError("\(folder): cannot be read: \(error.localizedDescription)")
        }
        let faces = names.compactMap { LabelledFace(path: folder + "/" + $0) }.filter { (17...82).contains($0.age) }
        guard !faces.isEmpty else {
            throw FaceModellingError("\(folder): no picture named <age>_<sex>_<group>_….webp of somebody of 17 to 82 years, expected faces named as UTKFace's")
        }
        return faces
    }
}
